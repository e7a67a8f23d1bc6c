"""Walking and rebuilding terms without capture: substitution, opening and closing binders.

In: terms. Out: terms. Whatever goes under a binder goes through here: hygiene is proved once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from symgrad.ir.terms import Add, Element, Expr, Index, Mul, Reduce

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


def walk(expr: Expr) -> Iterator[Expr]:
    """Yield each distinct subterm once, parents before children; bound indices are included."""
    seen: set[Expr] = set()
    stack = [expr]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield node
            stack.extend(reversed(node.children))


def elements(expr: Expr) -> list[Element]:
    """Return the distinct tensor elements that occur in a term, in order of appearance."""
    return [node for node in walk(expr) if isinstance(node, Element)]


def tensors_read(expr: Expr) -> list[str]:
    """Return the names of the tensors that a term reads, each once, in order of appearance."""
    return list(dict.fromkeys(node.tensor for node in elements(expr)))


def substitute(expr: Expr, mapping: Mapping[Index, Expr]) -> Expr:
    """Return `expr` with free or opened indices replaced, simultaneously and without capture.

    Order is kept; nothing is collected. A replacement that binds indices itself is legal: binders
    on the way are opened and closed again around it.
    """
    live = {i: e for i, e in mapping.items() if i is not e}
    return _substitute(expr, live, {})


def _substitute(expr: Expr, mapping: Mapping[Index, Expr], memo: dict[Expr, Expr]) -> Expr:
    if not mapping or expr.free.isdisjoint(mapping):
        return expr
    if isinstance(expr, Index):
        return mapping[expr]
    found = memo.get(expr)
    if found is not None:
        return found
    if isinstance(expr, Reduce):
        bound, body, condition = open_reduce(expr, avoid=_free_of(mapping.values()))
        inner = {i: e for i, e in mapping.items() if i not in bound}
        new_body = _substitute(body, inner, {})
        new_condition = None if condition is None else _substitute(condition, inner, {})
        found = close_reduce(expr.op, bound, new_body, new_condition, expr.ties)
    else:
        found = expr.with_children(tuple(_substitute(c, mapping, memo) for c in expr.children))
    memo[expr] = found
    return found


def _free_of(exprs: Iterable[Expr]) -> frozenset[Index]:
    return frozenset().union(*(e.free for e in exprs))


def _bind(expr: Expr, mapping: Mapping[Index, Index], memo: dict[Expr, Expr]) -> Expr:
    """Rename indices that do not clash with any binder inside `expr`; binders are not opened."""
    if isinstance(expr, Index):
        return mapping.get(expr, expr)
    found = memo.get(expr)
    if found is None:
        if isinstance(expr, Reduce):
            condition = None if expr.condition is None else _bind(expr.condition, mapping, memo)
            found = Reduce(
                expr.op, expr.bound, _bind(expr.body, mapping, memo), condition, expr.ties
            )
        else:
            found = expr.with_children(tuple(_bind(c, mapping, memo) for c in expr.children))
        memo[expr] = found
    return found


def _close(expr: Expr, mapping: Mapping[Index, Index], memo: dict[Expr, Expr]) -> Expr:
    """Do as `_bind` does for indices that are free or opened, which a term knows it has."""
    if expr.free.isdisjoint(mapping):
        return expr
    if isinstance(expr, Index):
        return mapping[expr]
    found = memo.get(expr)
    if found is None:
        if isinstance(expr, Reduce):
            condition = None if expr.condition is None else _close(expr.condition, mapping, memo)
            found = Reduce(
                expr.op, expr.bound, _close(expr.body, mapping, memo), condition, expr.ties
            )
        else:
            found = expr.with_children(tuple(_close(c, mapping, memo) for c in expr.children))
        memo[expr] = found
    return found


def fresh(letters: Iterable[Index], avoid: Iterable[Index]) -> tuple[Index, ...]:
    """Return opened copies of indices, with serials that no index of `avoid` has.

    The serials depend on the arguments alone, so results are the same in every run.
    """
    return _below(letters, min((i.serial for i in avoid), default=0))


def _below(letters: Iterable[Index], lowest: int) -> tuple[Index, ...]:
    start = min(lowest, 0)
    return tuple(Index(i.name, i.axis, start - k) for k, i in enumerate(letters, start=1))


def open_reduce(
    node: Reduce, avoid: Iterable[Index] = ()
) -> tuple[tuple[Index, ...], Expr, Expr | None]:
    """Return the bound indices as fresh opened ones, with the body and condition in terms of them.

    Args:
        node: The reduction to open.
        avoid: Indices that the caller will mix with the body, beside those free in `node`.
    """
    return _opened(node, min((i.serial for i in (*node.free, *avoid)), default=0))


@lru_cache(maxsize=16_384)
def _opened(node: Reduce, lowest: int) -> tuple[tuple[Index, ...], Expr, Expr | None]:
    """Open a reduction with serials below `lowest`; cached, for rules open the same ones often."""
    new = _below(node.bound, lowest)
    mapping = dict(zip(node.bound, new, strict=True))
    memo: dict[Expr, Expr] = {}
    condition = None if node.condition is None else _bind(node.condition, mapping, memo)
    return new, _bind(node.body, mapping, memo), condition


def close_reduce(
    op: str,
    bound: tuple[Index, ...],
    body: Expr,
    condition: Expr | None = None,
    ties: str = "share",
) -> Expr:
    """Return `op[bound, condition](body)`; the indices of `bound` are free or opened in `body`.

    Raises:
        AssertionError: If `bound` is empty or has a repeat (a defect of the caller).
    """
    assert bound, "a reduction binds at least one index"
    assert len(set(bound)) == len(bound), "a reduction binds each index once"
    height = max(body.height, 0 if condition is None else condition.height)
    closed = tuple(Index(i.name, i.axis, height + k) for k, i in enumerate(bound, start=1))
    mapping = dict(zip(bound, closed, strict=True))
    memo: dict[Expr, Expr] = {}
    closed_condition = None if condition is None else _close(condition, mapping, memo)
    return Reduce(op, closed, _close(body, mapping, memo), closed_condition, ties)


def rebuild(expr: Expr, function: Callable[[Expr], Expr]) -> Expr:
    """Return `expr` with its children mapped by `function`, going under a binder hygienically.

    `function` gets the children only, and the body of a reduction with its binder opened.
    """
    if isinstance(expr, Reduce):
        bound, body, condition = open_reduce(expr)
        new_condition = None if condition is None else function(condition)
        new_body = function(body)
        if new_body is body and new_condition is condition:
            return expr
        return close_reduce(expr.op, bound, new_body, new_condition, expr.ties)
    children = expr.children
    new = tuple(function(c) for c in children)
    return expr if new == children else expr.with_children(new)


def replace_elements(expr: Expr, function: Callable[[Element], Expr | None]) -> Expr:
    """Return `expr` with every element for which `function` gives a term replaced by that term."""
    memo: dict[Expr, Expr] = {}

    def visit(node: Expr) -> Expr:
        found = memo.get(node)
        if found is None:
            new = rebuild(node, visit)
            if isinstance(new, Element):
                new = function(new) or new
            memo[node] = found = new
        return found

    return visit(expr)


def arguments(expr: Expr, kind: type[Add] | type[Mul]) -> tuple[Expr, ...]:
    """Return the terms of an Add or the factors of a Mul; another term is its own argument."""
    return expr.children if isinstance(expr, kind) else (expr,)
