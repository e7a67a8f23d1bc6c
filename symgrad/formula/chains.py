"""Sums of products as products of matrices: from the rows to the columns, index by index.

In: a reduction over elements that read whole axes. Out: boxes to stand side by side, or None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.formula.boxes import ONES, Box, Fenced, Row, Script, symbol
from symgrad.formula.names import name_box
from symgrad.ir.terms import Element, Expr, Index, Mul
from symgrad.ir.visit import arguments, open_reduce

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.ir.terms import Reduce

#: The indices of the rows and of the columns; None where the value has no such axis.
Axes = tuple[Index | None, Index | None]


def plain(element: Expr) -> tuple[Index, ...] | None:
    """Return the indices of an element that reads whole axes, each once; else None."""
    if not isinstance(element, Element) or element.outside is not None:
        return None
    indices = tuple(i for i in element.indices if isinstance(i, Index))
    whole = len(indices) == len(element.indices) <= 2 and len(set(indices)) == len(indices)
    return indices if whole else None


def transposed(box: Box) -> Box:
    """Return the transpose of a matrix."""
    return Script(box, above=symbol("top"))


@dataclass(frozen=True)
class _Factor:
    """A tensor in a product, or several over the same indices multiplied entry by entry."""

    box: Box
    indices: tuple[Index, ...]


def _factors(product: Expr) -> list[_Factor] | None:
    """Return the factors of a product by their indices; None if one is not a plain element."""
    found: dict[frozenset[Index], list[Element]] = {}
    for element in arguments(product, Mul):
        indices = plain(element)
        if not indices or not isinstance(element, Element):
            return None
        found.setdefault(frozenset(indices), []).append(element)
    return [_merged(group) for group in found.values()]


def _merged(group: list[Element]) -> _Factor:
    order = plain(group[0]) or ()
    boxes: list[Box] = []
    for element in group:
        name = name_box(element.tensor)
        boxes += [*([symbol("entrywise")] if boxes else [])]
        boxes.append(name if plain(element) == order else transposed(name))
    return _Factor(boxes[0] if len(boxes) == 1 else Fenced(Row(tuple(boxes), "space")), order)


def chain_of(expr: Reduce, axes: Axes) -> list[Box] | None:
    """Return a sum of products as matrices from the rows to the columns."""
    bound, body, _ = open_reduce(expr)
    factors = _factors(body)
    rows, columns = axes
    if factors is None:
        return None
    if len(factors) == len(bound) == 1 and axes == (None, None) and len(factors[0].indices) == 1:
        return [transposed(ONES), factors[0].box]
    start = rows if rows is not None else _loose_end(bound, factors, None)
    end = columns if columns is not None else _loose_end(bound, factors, start)
    if start is None or end is None:
        return None
    chain = _chain(start, end, [f for f in factors if len(f.indices) == 2])
    vectors = {f.indices[0]: f.box for f in factors if len(f.indices) == 1}
    # A vector inside the chain, or along a free axis, would scale rows or columns.
    ends = {i for i, free in ((start, rows), (end, columns)) if free is None}
    if chain is None or not set(vectors) <= ends or not set(bound) <= chain[1]:
        return None
    left = [] if rows is not None else [transposed(vectors.get(start, ONES))]
    right = [] if columns is not None else [vectors.get(end, ONES)]
    return [*left, *chain[0], *right]


def _loose_end(
    bound: Sequence[Index], factors: Sequence[_Factor], other: Index | None
) -> Index | None:
    """Return the bound index that only one matrix has: the chain ends there in a vector."""
    matrices = [f.indices for f in factors if len(f.indices) == 2]
    ends = [b for b in bound if sum(b in m for m in matrices) == 1 and b is not other]
    return ends[0] if ends else None


def _chain(
    start: Index, end: Index, matrices: Sequence[_Factor]
) -> tuple[list[Box], set[Index]] | None:
    """Return all matrices on the way from `start` to `end`, and the indices met."""
    boxes: list[Box] = []
    here, met, rest = start, {start}, list(matrices)
    while here is not end:
        step = next((f for f in rest if here in f.indices), None)
        if step is None:
            return None
        rest.remove(step)
        first, second = step.indices
        boxes.append(step.box if first is here else transposed(step.box))
        here = second if first is here else first
        if here in met:
            return None
        met.add(here)
    return None if rest else (boxes, met)
