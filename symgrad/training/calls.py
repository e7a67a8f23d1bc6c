"""Reads names with settings, such as `sgd(lr=0.1), adam`: parsed, never evaluated.

In: a text. Out: names with literal settings. What the names mean is known to others.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from symgrad.errors import TrainingError

#: The longest text that is read.
_LIMIT = 2000


@dataclass(frozen=True)
class NamedCall:
    """A name and its settings.

    Attributes:
        name: What is named.
        settings: Numbers, truth values, strings, tuples of whole numbers, by name.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)


def read_calls(text: str, where: str) -> list[NamedCall]:
    """Return the names in a list separated by commas, with their settings.

    Args:
        text: What a user wrote.
        where: What it stands for, for the error.

    Raises:
        TrainingError: If the text is anything else.

    >>> read_calls("sgd(lr=0.1), adam", where="optimizers")
    [NamedCall(name='sgd', settings={'lr': 0.1}), NamedCall(name='adam', settings={})]
    """
    problem = TrainingError(
        where=where,
        given=repr(text[:_LIMIT]),
        expected="names, each with settings in parentheses if any, separated by commas",
        fix="for example sgd(lr=0.1, momentum=0.9), adam",
    )
    if len(text) > _LIMIT or not text.isascii():
        raise problem
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise problem from error
    found = [_call(n) for n in (body.elts if isinstance(body, ast.Tuple) else [body])]
    calls = [call for call in found if call is not None]
    if len(calls) < len(found) or not calls:
        raise problem
    return calls


def _call(node: ast.expr) -> NamedCall | None:
    if isinstance(node, ast.Name):
        return NamedCall(node.id)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
        return None
    settings: dict[str, Any] = {}
    for keyword in node.keywords:
        value = _value(keyword.value)
        if keyword.arg is None or value is None:
            return None
        settings[keyword.arg] = value
    return NamedCall(node.func.id, settings)


def _value(node: ast.expr) -> Any:
    """Return a number, a truth value, a string or a tuple of numbers; None for all else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str)):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _value(node.operand)
        return -inner if type(inner) in (int, float) else None
    if isinstance(node, (ast.Tuple, ast.List)):
        parts = [_value(n) for n in node.elts]
        return tuple(parts) if all(type(p) in (int, float) for p in parts) else None
    return None
