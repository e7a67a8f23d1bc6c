"""Static options and branches: resolved before anything else.

In: the statements of a text and chosen values. Out: the statements that remain, the declared
tensors and the values of all options. A branch tests static options and the presence of optional
inputs.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.errors import (
    IntegerError,
    OptionError,
    RedefinitionError,
    SymgradError,
    TextSyntaxError,
)
from symgrad.ir.text_source import dotted, nearest
from symgrad.ir.text_types import Declared, Option, read_declaration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from symgrad.ir.text_source import Source


@dataclass(frozen=True)
class Resolved:
    """A text with its options fixed.

    Attributes:
        tensors: The declared tensors that are present, in order.
        absent: The declared tensors that are not.
        options: The value of each static option.
        statements: The other statements that remain, in order.
    """

    tensors: tuple[Declared, ...]
    absent: frozenset[str]
    options: dict[str, object]
    statements: tuple[ast.stmt, ...]


def legal_values(source: Source) -> dict[str, tuple[object, ...]]:
    """Return the legal values of each static option, and of the presence of optional inputs."""
    values: dict[str, tuple[object, ...]] = {}
    for entry in _declarations(source).values():
        if isinstance(entry, Option):
            values[entry.name] = entry.values
        elif entry.presence is not None:
            values[entry.name] = (False, True)
    return values


def default_values(source: Source) -> dict[str, object]:
    """Return the default of each static option, and of the presence of optional inputs."""
    declared = _declarations(source)
    return _values(declared, legal_values(source), {})


def resolve(source: Source, chosen: Mapping[str, object]) -> Resolved:
    """Return the text with its options fixed.

    Raises:
        OptionError: If an option is unknown or has not the chosen value.
    """
    declared = _declarations(source)
    values = _values(declared, legal_values(source), chosen)
    absent = frozenset(
        d.name
        for d in declared.values()
        if isinstance(d, Declared) and d.presence is not None and not values[d.name]
    )
    statements = tuple(_flatten(source, source.body, values))
    tensors = tuple(
        d for d in declared.values() if isinstance(d, Declared) and d.name not in absent
    )
    options = {n: v for n, v in values.items() if isinstance(declared[n], Option)}
    return Resolved(tensors, absent, options, statements)


def _declarations(source: Source) -> dict[str, Declared | Option]:
    found: dict[str, Declared | Option] = {}
    for node in source.body:
        if isinstance(node, ast.AnnAssign):
            entry = read_declaration(source, node)
            if entry.name in found:
                raise source.error(
                    RedefinitionError,
                    node,
                    given=f"a second declaration of {entry.name}",
                    expected="one declaration for each name",
                    fix="remove one of the two",
                )
            found[entry.name] = entry
    return found


def _values(
    declared: Mapping[str, Declared | Option],
    legal: Mapping[str, tuple[object, ...]],
    chosen: Mapping[str, object],
) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in legal:
        entry = declared[name]
        values[name] = entry.default if isinstance(entry, Option) else entry.presence
    for name, value in chosen.items():
        if name not in legal:
            raise OptionError(
                where=f"the option {name!r}",
                given=f"{name}={value!r}",
                expected=f"one of the static options: {', '.join(legal) or 'there are none'}",
                fix=f"nearest: {nearest(name, legal)}",
            )
        values[name] = _chosen(name, value, legal[name])
    return values


def _chosen(name: str, value: object, legal: tuple[object, ...]) -> object:
    if value is None and legal == (False, True):
        value = False
    numbers = isinstance(legal[0], int) and not isinstance(legal[0], bool)
    if numbers and (isinstance(value, bool) or not isinstance(value, int)):
        raise IntegerError(
            where=f"the option {name!r}",
            given=repr(value),
            expected=f"a whole number from {legal[0]} to {legal[-1]}",
            fix=f"{name}={legal[0]}",
        )
    for known in legal:
        if value == known and isinstance(value, type(known)):
            return known
    raise OptionError(
        where=f"the option {name!r}",
        given=repr(value),
        expected=f"one of {', '.join(map(repr, legal))}",
        fix=f"{name}={legal[0]!r}",
    )


def _flatten(
    source: Source, body: tuple[ast.stmt, ...] | list[ast.stmt], values: Mapping[str, object]
) -> Iterator[ast.stmt]:
    """Yield the statements that remain when each branch is decided."""
    for node in body:
        if isinstance(node, ast.If):
            taken = node.body if _truth(source, node.test, values) else node.orelse
            for inner in taken:
                if isinstance(inner, ast.AnnAssign):
                    raise source.error(
                        TextSyntaxError,
                        inner,
                        given="a declaration inside a branch",
                        expected="declarations before the equations",
                        fix="move it up, out of the branch",
                    )
            yield from _flatten(source, taken, values)
        elif not isinstance(node, ast.AnnAssign):
            yield node


def _truth(source: Source, node: ast.expr, values: Mapping[str, object]) -> bool:
    """Return the truth of a static test."""
    match node:
        case ast.Name():
            return bool(_option_value(source, node, values))
        case ast.BoolOp():
            truths = [_truth(source, n, values) for n in node.values]
            return all(truths) if isinstance(node.op, ast.And) else any(truths)
        case ast.UnaryOp(op=ast.Not()):
            return not _truth(source, node.operand, values)
        case ast.Compare():
            return _comparison(source, node, values)
        case _:
            raise _bad_test(source, node)


def _comparison(source: Source, node: ast.Compare, values: Mapping[str, object]) -> bool:
    left = _static(source, node.left, values)
    right = _static(source, node.comparators[0], values)
    if len(node.ops) != 1:
        raise _bad_test(source, node)
    match node.ops[0]:
        case ast.Eq():
            return left == right
        case ast.NotEq():
            return left != right
        case ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() if isinstance(left, int) and isinstance(
            right, int
        ):
            less, equal = left < right, left == right
            tests = {ast.Lt: less, ast.LtE: less or equal, ast.Gt: not less and not equal}
            return tests.get(type(node.ops[0]), not less)
        case _:
            raise _bad_test(source, node)


def _static(source: Source, node: ast.expr, values: Mapping[str, object]) -> object:
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int)):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _static(source, node.operand, values)
        if isinstance(inner, int):
            return -inner
    return _option_value(source, node, values)


def _option_value(source: Source, node: ast.expr, values: Mapping[str, object]) -> object:
    name = dotted(node)
    if name is None or name not in values:
        raise _bad_test(source, node, nearest(name or "", values))
    return values[name]


def _bad_test(source: Source, node: ast.expr, near: str = "") -> SymgradError:
    return source.error(
        OptionError,
        node,
        given=f"a branch on {source.segment(node)}",
        expected="a test of static options, or of the presence of an optional input",
        fix=f"nearest: {near}" if near else 'write if reduction == "mean": ..., or use where(...)',
    )
