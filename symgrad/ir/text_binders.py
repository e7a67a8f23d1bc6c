"""Reductions and macros of the equation language: what binds indices.

In: an `ast` call such as `sum[i, j, j <= i](...)` and the reader of the expression around it. Out:
a term; macros add equations of their own.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from symgrad.errors import BinderError, SymgradError, UnboundIndexError
from symgrad.ir.batch import BATCH_INDEX
from symgrad.ir.macros import BINDING_MACROS, PASSING_MACROS, Bound
from symgrad.ir.terms import REDUCTIONS, ZERO, Const, Expr, Index, Logic
from symgrad.ir.text_scope import BINDERS
from symgrad.ir.text_source import dotted, is_batch, positions
from symgrad.ir.visit import close_reduce

if TYPE_CHECKING:
    from symgrad.ir.text_terms import TermReader

TIES = ("share", "first")


def read_reduction(reader: TermReader, node: ast.Call, head: ast.Subscript) -> Expr:
    """Return the term of `op[letters, condition](body, option=...)`."""
    name = dotted(head.value)
    if name not in BINDERS:
        raise reader.unknown_call(node, name or "")
    if len(node.args) != 1:
        raise reader.bad_arguments(node, f"{name}[...](...) with one argument")
    letters = _letters(reader, head)
    if name in PASSING_MACROS:
        return _passing(reader, node, name, letters)
    inner = reader.inside(_new_letters(reader, head, letters))
    body = inner.value(node.args[0])
    conditions = [inner.value(n) for n in _rest(head)]
    condition = None
    if conditions:
        condition = conditions[0] if len(conditions) == 1 else Logic("and", tuple(conditions))
    free = body.free if condition is None else body.free | condition.free
    for letter in letters:
        if letter not in free:
            raise _binder_error(
                reader,
                head,
                f"{letter.name}, bound and not used",
                f"size[{letter.name}] * ... if the same term is meant to be added each time",
            )
    if name in REDUCTIONS:
        ties = _ties(reader, node, name)
        return close_reduce(name, letters, body, condition, ties)
    if condition is not None and name != "mean":
        raise reader.bad_arguments(node, f"{name}[...] without a condition")
    bound = Bound(letters, body, condition, _correction(reader, node, name))
    return BINDING_MACROS[name](reader.fresh, bound)


def _letters(reader: TermReader, head: ast.Subscript) -> tuple[Index, ...]:
    """Return the letters in the brackets; what comes after them are conditions."""
    letters: list[Index] = []
    for node in positions(head):
        if is_batch(node):
            letters.append(BATCH_INDEX)
        elif isinstance(node, ast.Name):
            letters.append(Index(node.id, node.id))
        else:
            break
    if not letters or len(set(letters)) < len(letters):
        given = f"{reader.source.segment(head)}"
        raise _binder_error(reader, head, given, "name each index to reduce once: sum[i, j](...)")
    return tuple(letters)


def _rest(head: ast.Subscript) -> list[ast.expr]:
    nodes = positions(head)
    while nodes and (is_batch(nodes[0]) or isinstance(nodes[0], ast.Name)):
        nodes = nodes[1:]
    return nodes


def _binder_error(reader: TermReader, node: ast.AST, given: str, fix: str) -> SymgradError:
    return reader.source.error(
        BinderError,
        node,
        given=given,
        expected="letters that are new here, each once, and used in what is reduced",
        fix=fix,
    )


def _new_letters(
    reader: TermReader, head: ast.Subscript, letters: tuple[Index, ...]
) -> frozenset[str]:
    for letter in letters:
        if letter.name in reader.scope.letters:
            raise _binder_error(
                reader,
                head,
                f"{letter.name}, which is an index in scope already",
                f"use another letter: {letter.name}2",
            )
        reader.check_letter(head, letter.name)
    return frozenset(i.name for i in letters)


def _passing(reader: TermReader, node: ast.Call, name: str, letters: tuple[Index, ...]) -> Expr:
    """Return a macro whose result still has the letters: they have to be in scope."""
    for letter in letters:
        if letter.name not in reader.scope.letters:
            raise reader.source.error(
                UnboundIndexError,
                node,
                given=f"{name}[{letter.name}], and {letter.name} is not in scope",
                expected=f"an index of the result, as in P[n, {letter.name}] = {name}[...](...)",
                fix=f"add {letter.name} to the left-hand side",
            )
    body = reader.value(node.args[0])
    if node.keywords or any(i not in body.free for i in letters):
        raise reader.bad_arguments(node, f"{name}[k](...), with k in the argument")
    return PASSING_MACROS[name](reader.fresh, letters, body)


def _ties(reader: TermReader, node: ast.Call, name: str) -> str:
    if not node.keywords:
        return "share"
    key = node.keywords[0]
    value = key.value.value if isinstance(key.value, ast.Constant) else None
    if name not in ("max", "min") or key.arg != "ties" or value not in TIES or node.keywords[1:]:
        raise reader.bad_arguments(node, f'{name}[...](...), ties="share" or "first" for max, min')
    return str(value)


def _correction(reader: TermReader, node: ast.Call, name: str) -> Expr:
    if not node.keywords:
        return ZERO
    value = reader.value(node.keywords[0].value)
    given = [k.arg for k in node.keywords]
    if name != "var" or given != ["correction"] or not isinstance(value, Const):
        raise reader.bad_arguments(node, f"{name}[...](...); for var also correction=1, a literal")
    return value
