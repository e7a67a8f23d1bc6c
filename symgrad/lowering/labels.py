"""Terms up to the letters of their indices: canonical forms, matching, the order of axes.

In: terms. Out: what lowering needs to see that two terms are the same array under other labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.terms import Element, Expr, Index, Reduce
from symgrad.ir.visit import substitute, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def free_in_order(expr: Expr) -> tuple[Index, ...]:
    """Return the free and opened indices of a term in order of appearance."""
    return tuple(e for e in walk(expr) if isinstance(e, Index) and e.serial <= 0)


def canonical(expr: Expr) -> tuple[Expr, tuple[Index, ...]]:
    """Return a term with numbered letters, and the indices that the numbers stand for.

    Terms that differ in the names of their free and bound indices alone have the same form.

    >>> from symgrad.ir.build import element, index
    >>> str(canonical(element("X", index("n"), index("k")))[0])
    'X[#0, #1]'
    """
    order = free_in_order(expr)
    mapping = {i: Index(f"#{k}", i.axis) for k, i in enumerate(order)}
    return _unnamed(substitute(expr, mapping), {}), order


def _unnamed(expr: Expr, memo: dict[Expr, Expr]) -> Expr:
    """Return a term whose bound indices are all called `#`; their serials keep them apart."""
    if isinstance(expr, Index):
        return Index("#", expr.axis, expr.serial) if expr.serial > 0 else expr
    found = memo.get(expr)
    if found is None:
        new = tuple(_unnamed(c, memo) for c in expr.children)
        if isinstance(expr, Reduce):
            count = len(expr.bound)
            bound = tuple(i for i in new[:count] if isinstance(i, Index))
            condition = None if expr.condition is None else new[count + 1]
            found = Reduce(expr.op, bound, new[count], condition, expr.ties)
        else:
            found = expr.with_children(new) if new else expr
        memo[expr] = found
    return found


def match(pattern: Expr, expr: Expr, holes: frozenset[Index], found: dict[Index, Expr]) -> bool:
    """Return whether `expr` is `pattern` with terms put for the indices in `holes`.

    Args:
        pattern: A term with indices of `holes` free in it.
        expr: The term to compare.
        holes: What may be replaced.
        found: Receives the replacements.
    """
    if isinstance(pattern, Index) and pattern in holes:
        return found.setdefault(pattern, expr) is expr
    if pattern is expr:
        return pattern.free.isdisjoint(holes)
    if type(pattern) is not type(expr) or isinstance(pattern, Reduce):
        return False
    if pattern.key[:2] != expr.key[:2] or len(pattern.children) != len(expr.children):
        return False
    pairs = zip(pattern.children, expr.children, strict=True)
    return bool(pattern.children) and all(match(p, e, holes, found) for p, e in pairs)


def axis_order(expr: Expr, wanted: Sequence[Index]) -> tuple[Index, ...]:
    """Return the labels of a term in the order in which its largest operand has them.

    Labels that this operand lacks follow in the order of `wanted`, then of appearance.
    """
    free = free_in_order(expr)
    read = [e for e in walk(expr) if isinstance(e, Element)]
    main = max(read, key=lambda e: len(e.free), default=None)
    if main is None or len(main.free) < len(free):
        return sort_labels(free, wanted)
    return free_in_order(main)


def sort_labels(found: Iterable[Index], wanted: Sequence[Index]) -> tuple[Index, ...]:
    """Return labels with those of `wanted` first, in its order; opened ones follow as opened."""
    rank = {i: k for k, i in enumerate(wanted)}
    return tuple(sorted(dict.fromkeys(found), key=lambda i: (rank.get(i, len(rank)), -i.serial)))
