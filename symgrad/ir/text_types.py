"""Declarations: annotations of the text to tensors and static options.

In: an annotated assignment. Out: a `Declared` tensor with its axes still as nodes, or an `Option`
with its legal values.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.errors import SymgradError, TextSyntaxError, UnknownTypeError
from symgrad.ir.equation import INTEGER_KINDS, NOISE_KINDS, REAL_KINDS
from symgrad.ir.text_source import dotted, nearest, positions

if TYPE_CHECKING:
    from fractions import Fraction

    from symgrad.ir.text_source import Source

KINDS = (*REAL_KINDS, *NOISE_KINDS, *INTEGER_KINDS, "bool")
TYPES = (*KINDS, "flag")
MAX_CHOICES = 100


@dataclass(frozen=True)
class Option:
    """A static option.

    Attributes:
        name: Its name.
        values: Its legal values, in order.
        default: The value that holds unless another is chosen.
    """

    name: str
    values: tuple[object, ...]
    default: object


@dataclass(frozen=True)
class Declared:
    """A declared tensor.

    Attributes:
        name: Its name.
        kind: Its kind.
        axes: One node for each axis.
        limit: The letter v of `index(v)`, or None.
        default: The value of an optional run-time scalar, or None.
        presence: For an optional input, whether it is present unless chosen; None if not optional.
        node: The statement.
    """

    name: str
    kind: str
    axes: tuple[ast.expr, ...]
    limit: str | None
    default: Fraction | None
    presence: bool | None
    node: ast.AnnAssign


def read_declaration(source: Source, node: ast.AnnAssign) -> Declared | Option:
    """Return what an annotated assignment declares."""
    name = dotted(node.target)
    if name is None:
        raise source.error(
            TextSyntaxError,
            node,
            given=f"a declaration of {source.segment(node.target)}",
            expected="name: type, with the indices in the type",
            fix="write X: real[n, c]",
        )
    parts = _alternatives(node.annotation)
    if all(isinstance(p, ast.Constant) and isinstance(p.value, str) for p in parts):
        values = tuple(p.value for p in parts if isinstance(p, ast.Constant))
        return _option(source, node, name, values)
    if len(parts) == 1:
        return _single(source, node, name, parts[0])
    if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is None:
        return _optional(source, node, name, parts[0])
    raise _unknown_type(source, node)


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """Return the parts of `a | b | c`."""
    parts: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _unknown_type(source: Source, node: ast.AnnAssign) -> SymgradError:
    given = source.segment(node.annotation)
    return source.error(
        UnknownTypeError,
        node.annotation,
        given=f"the type {given}",
        expected=f"one of {', '.join(TYPES)}, index(v), int(1, 4) or alternatives in quotes",
        fix=f"nearest: {nearest(given.split('[')[0], TYPES)}",
    )


def _single(source: Source, node: ast.AnnAssign, name: str, kind: ast.expr) -> Declared | Option:
    if isinstance(kind, ast.Name) and kind.id == "flag":
        return _option(source, node, name, (False, True))
    if isinstance(kind, ast.Call) and dotted(kind.func) == "int":
        return _option(source, node, name, _range(source, node, kind))
    return _tensor(source, node, name, kind, presence=None)


def _optional(source: Source, node: ast.AnnAssign, name: str, kind: ast.expr) -> Declared:
    absent = isinstance(node.value, ast.Constant) and node.value.value is None
    if node.value is not None and not absent:
        raise source.error(
            TextSyntaxError,
            node,
            given=f"the default {source.segment(node.value)} of an optional input",
            expected="None, or nothing for an input that is present unless left out",
            fix=f"write {name}: {source.segment(node.annotation)} = None",
        )
    return _tensor(source, node, name, kind, presence=not absent)


def _range(source: Source, node: ast.AnnAssign, call: ast.Call) -> tuple[object, ...]:
    bounds = [_literal(source, a) for a in call.args]
    if len(bounds) != 2 or call.keywords or any(b.denominator != 1 for b in bounds):
        raise _unknown_type(source, node)
    low, high = int(bounds[0]), int(bounds[1])
    if not low <= high < low + MAX_CHOICES:
        raise source.error(
            UnknownTypeError,
            node.annotation,
            given=f"the range {low} to {high}",
            expected=f"1 to {MAX_CHOICES} values, the smallest first",
            fix="write int(1, 4), or a run-time scalar: int",
        )
    return tuple(range(low, high + 1))


def _literal(source: Source, node: ast.expr) -> Fraction:
    """Return the value of a literal number with an optional sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_literal(source, node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        below = _literal(source, node.right)
        if below:
            return _literal(source, node.left) / below
    if isinstance(node, ast.Constant):
        return source.rational(node)
    raise source.error(
        TextSyntaxError,
        node,
        given=source.segment(node),
        expected="a literal number",
        fix="write the number out",
    )


def _option(source: Source, node: ast.AnnAssign, name: str, values: tuple[object, ...]) -> Option:
    default = node.value.value if isinstance(node.value, ast.Constant) else None
    if isinstance(values[0], int) and not isinstance(values[0], bool) and node.value is not None:
        default = int(_literal(source, node.value))
    if not any(v is default or (v == default and type(v) is type(default)) for v in values):
        raise source.error(
            UnknownTypeError,
            node,
            given=f"the option {name} without a default, or with one that it does not have",
            expected=f"one of {', '.join(map(repr, values))}",
            fix=f"write {name}: {source.segment(node.annotation)} = {values[0]!r}",
        )
    return Option(name, values, default)


def _tensor(
    source: Source, node: ast.AnnAssign, name: str, kind: ast.expr, *, presence: bool | None
) -> Declared:
    axes: tuple[ast.expr, ...] = ()
    if isinstance(kind, ast.Subscript):
        axes, kind = tuple(positions(kind)), kind.value
    limit = None
    if isinstance(kind, ast.Call) and len(kind.args) == 1 and not kind.keywords:
        limit, kind = dotted(kind.args[0]), kind.func
    word = dotted(kind)
    if word not in KINDS or (limit is None) is (word == "index"):
        raise _unknown_type(source, node)
    default = None
    if node.value is not None and presence is None:
        default = _literal(source, node.value)
        if axes:
            raise source.error(
                TextSyntaxError,
                node,
                given=f"a default for {name}, which has axes",
                expected="defaults for scalars only",
                fix="leave the default out",
            )
    return Declared(name, word, axes, limit, default, presence, node)
