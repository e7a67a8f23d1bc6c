"""Sums into positions: the change of variables that turns a bounded read into a fold.

In: a sum with conditions, or one with deltas. Out: a flat term over a Fold or a Scatter.

In `sum[o, h, 0 <= y+P-s*h, y+P-s*h < size[p]](Y_bar[n,o,h] * K[o,c,y+P-s*h])` the position
`y+P-s*h` runs over the short axis p. It becomes an index of its own, y the position `s*h+p-P` that
is summed into: no array has an axis y and an axis h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.ir.build import add, const, mul, neg, sub
from symgrad.ir.terms import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Size,
)
from symgrad.ir.visit import fresh, substitute, walk
from symgrad.lowering.affine import Linear, expanded, linear, normal, written
from symgrad.lowering.labels import free_in_order, sort_labels
from symgrad.lowering.ops import labels
from symgrad.lowering.reads import guarded, margin, tidied
from symgrad.lowering.restricted import restrict, restricted_sum
from symgrad.lowering.sums import sum_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.lowering.lower import Lowering


@dataclass(frozen=True)
class Pivot:
    """A position that two tests keep in the range of an axis.

    Attributes:
        axis: The axis.
        value: The position; `divisor` times the position where it is a division without rest.
        divisor: The divisor, or 1.
        index: The free index that is solved for; its coefficient in `value` is 1 or -1.
        tests: The tests that this change of variables makes true.
    """

    axis: str
    value: Linear
    divisor: Expr
    index: Index
    tests: tuple[Expr, ...]


def fold_sum(
    low: Lowering, bound: Sequence[Index], body: Expr, tests: Sequence[Expr]
) -> Expr | None:
    """Return a restricted sum as a fold, None where a window costs no more."""
    rest = list(tests)
    moved: dict[Index, Expr] = {}
    inner: set[Index] = set()
    while (pivot := _pivot(low, [*bound, *inner], rest, moved)) is not None:
        avoid = [*bound, *inner, *body.free, *(i for t in rest for i in t.free)]
        (label,) = fresh((Index(pivot.axis, pivot.axis),), avoid)
        sign = pivot.value.step(pivot.index)
        others = [mul(c, i) for i, c in pivot.value.steps if i is not pivot.index]
        known = add(mul(pivot.divisor, label), neg(add(pivot.value.start, *others)))
        position = _outer_first(normal(mul(sign, known)), label)
        moved[pivot.index] = position
        inner.update(position.free)
        put = {pivot.index: position}
        body = tidied(substitute(body, put))
        rest = [tidied(substitute(t, put)) for t in rest if t not in pivot.tests]
    if not moved:
        return None
    return _folded(low, bound, body, rest, moved)


def _outer_first(position: Expr, label: Index) -> Expr:
    """Return a position with the index of the short axis behind the others."""
    form = linear(position)
    assert form is not None, "a position that was solved for is affine"
    steps = sorted(form.steps, key=lambda row: row[0] is label)
    return written(Linear(tuple(steps), form.start))


def _folded(
    low: Lowering,
    bound: Sequence[Index],
    body: Expr,
    tests: Sequence[Expr],
    moved: dict[Index, Expr],
) -> Element:
    inner = list(dict.fromkeys(i for p in moved.values() for i in free_in_order(p)))
    summed = [i for i in bound if i not in inner]
    outer = [i for i in free_in_order(body) if i not in bound and i not in inner]
    wanted = low.build.wanted
    axes = sort_labels([*outer, *moved], wanted)
    low.build.wanted = tuple(j for i in axes for j in free_in_order(moved.get(i, i)))
    if summed:
        flat = restricted_sum(low, summed, body, tests)
    else:
        flat = low.flatten(restrict(low, body, tests))
    source = low.build.array(flat, needed=inner, real=True)
    low.build.wanted = wanted
    kept = [i for i in labels(source) if i not in inner]
    axes = sort_labels([*kept, *moved], low.build.wanted)
    return low.build.fold(axes, tuple(moved.get(i, i) for i in axes), source)


def _pivot(
    low: Lowering, inner: Sequence[Index], tests: Sequence[Expr], moved: dict[Index, Expr]
) -> Pivot | None:
    """Find a position that is worth a change of variables."""
    margins = {t: normal(m) for t in tests if (m := margin(t)) is not None}
    for upper, room in margins.items():
        for axis in _bare_sizes(room):
            position = normal(add(Size(axis), const(-1), neg(room)))
            lower = [t for t, m in margins.items() if m is position]
            found = _undivided(position, tests)
            if not lower or found is None:
                continue
            value, divisor, guards = found
            for index, step in value.steps:
                outer = index not in inner and index not in moved and step in (ONE, MINUS_ONE)
                alone = all(i is index or i in inner for i in value.indices)
                if outer and alone and len(value.indices) > 1 and _is_shorter(low, axis, index):
                    return Pivot(axis, value, divisor, index, (upper, lower[0], *guards))
    return None


def _bare_sizes(room: Expr) -> list[str]:
    return [t.axis for t in expanded(room) if isinstance(t, Size)]


def _undivided(position: Expr, tests: Sequence[Expr]) -> tuple[Linear, Expr, list[Expr]] | None:
    """Return a position without its division, the divisor, and the tests that it leaves no rest."""
    terms = position.terms if isinstance(position, Add) else (position,)
    divided = [t for t in terms if isinstance(t, Call) and t.function == "floordiv"]
    if not divided:
        form = linear(position)
        return None if form is None else (form, ONE, [])
    divisor = divided[0].args[1]
    if len(divided) > 1 or not isinstance(divisor, Const):
        return None
    whole = add(divided[0].args[0], mul(divisor, sub(position, divided[0])))
    remainder = normal(Call("mod", (whole, divisor)))
    guards: list[Expr] = [
        t
        for t in tests
        if isinstance(t, Compare)
        and t.op == "=="
        and {normal(c) for c in t.children} == {remainder, ZERO}
    ]
    form = linear(whole)
    return (form, divisor, guards) if guards and form is not None else None


def _is_shorter(low: Lowering, axis: str, index: Index) -> bool:
    """Return whether an axis may be much shorter than that of an index: no equation ties them."""
    length = low.facts.resolved(Size(index.axis))
    gap = low.facts.resolved(sub(Size(axis), Size(index.axis)))
    if isinstance(gap, Const):
        return gap.value < 0
    mentioned = {n for n in walk(gap) if isinstance(n, Size)}
    tied = (
        {n for n in walk(length) if isinstance(n, Size)} if not isinstance(length, Const) else set()
    )
    return bool(tied & mentioned) or isinstance(length, Const)


def scatter_sum(
    low: Lowering,
    bound: Sequence[Index],
    body: Expr,
    deltas: dict[Index, Expr],
) -> Expr:
    """Return the sum of `(value == index) * ... * body` as a sum into the positions of values."""
    proved = all(low.within(value, index) for index, value in deltas.items())
    if not proved:
        body = guarded(low, body)
    forms = [linear(v) for v in deltas.values()]
    mentioned = frozenset().union(*(v.free for v in deltas.values()))
    left = [i for i in bound if i not in mentioned]
    inner = list(dict.fromkeys(i for v in deltas.values() for i in free_in_order(v)))
    wanted = low.build.wanted
    low.build.wanted = (*inner, *(i for i in wanted if i not in deltas))
    flat = sum_over(low, left, body) if left else low.flatten(body)
    source = low.build.array(flat, needed=inner, real=True)
    low.build.wanted = wanted
    kept = tuple(i for i in labels(source) if i not in mentioned)
    if all(f is not None for f in forms) and mentioned <= set(bound):
        axes = sort_labels([*kept, *deltas], low.build.wanted)
        return low.build.fold(axes, tuple(normal(deltas.get(i, i)) for i in axes), source)
    batch = tuple(i for i in inner if i not in bound)
    at = tuple(low.build.position(low.flatten(v)) for v in deltas.values())
    axes = (*batch, *deltas, *kept)
    return low.build.scatter(axes, (*batch, *at, *kept), source, proved=proved)
