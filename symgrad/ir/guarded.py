"""Reads that a condition stands around: there a letter is a position, and may leave the axis.

In: a term. Out: each element with the letters that conditions around it speak of. In
`where(m < size[a], A[m], B[m - size[a]])` the first read says nothing about the length of m.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.terms import Element, Expr, Index, Reduce, Size, Where
from symgrad.ir.visit import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def guarded_elements(
    expr: Expr, letters: frozenset[str] = frozenset()
) -> Iterator[tuple[Element, frozenset[str]]]:
    """Yield each element of a term with the axes of the letters in conditions around it."""
    if isinstance(expr, Element):
        yield expr, letters
    if isinstance(expr, Where):
        yield from guarded_elements(expr.condition, letters)
        inner = letters | _axes(expr.condition)
        yield from guarded_elements(expr.then, inner)
        yield from guarded_elements(expr.otherwise, inner)
    elif isinstance(expr, Reduce) and expr.condition is not None:
        yield from guarded_elements(expr.condition, letters)
        yield from guarded_elements(expr.body, letters | _axes(expr.condition))
    else:
        for child in expr.children:
            yield from guarded_elements(child, letters)


def _axes(condition: Expr) -> frozenset[str]:
    return frozenset(n.axis for n in walk(condition) if isinstance(n, Index))


def may_leave(
    position: Expr, letters: Sequence[str], guarded: frozenset[str], sizes: Mapping[str, Expr]
) -> bool:
    """Return whether a position is a guarded letter, longer than the axis called by `letters`.

    It is longer if its length is given as a term in the length of that axis.
    """
    if not isinstance(position, Index) or position.axis not in guarded:
        return False
    length = sizes.get(position.axis)
    return length is not None and any(
        isinstance(n, Size) and n.axis in letters for n in walk(length)
    )
