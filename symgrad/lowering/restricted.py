"""Reductions, and the conditions that restrict their range.

In: a reduction. Out: a flat term that is worth it. A condition that only keeps a read in range
becomes a read of 0 outside; one that bounds the position of a short axis becomes a sum into the
long one (`symgrad.lowering.folds`); a triangle over a term without the free index becomes a scan;
what is left masks the smallest factor that has its indices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.build import add, const, neg
from symgrad.ir.terms import (
    INF,
    MINUS_ONE,
    ONE,
    ZERO,
    Compare,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Reduce,
    Size,
    Where,
)
from symgrad.ir.visit import elements, open_reduce, substitute
from symgrad.lowering.affine import linear
from symgrad.lowering.ops import REAL
from symgrad.lowering.reads import conjuncts, guarded, held, margin, tidied
from symgrad.lowering.stable import flatten_logsumexp
from symgrad.lowering.sums import product, sum_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.lowering.lower import Lowering

#: What a reduction ignores.
NEUTRAL = {"sum": ZERO, "prod": ONE, "any": ZERO, "all": ONE, "logsumexp": Mul((MINUS_ONE, INF))}
#: What a maximum or minimum ignores, which is an error over nothing.
FILL = {"max": neg(INF), "argmax": neg(INF), "min": INF, "argmin": INF}


def flatten_reduction(low: Lowering, node: Reduce) -> Expr:
    """Return a flat term that is worth a reduction."""
    bound, body, condition = open_reduce(node)
    if condition is None:
        return _whole(low, node, bound, body)
    tests = conjuncts(condition)
    found = _cumulative(low, node.op, bound, body, tests)
    if found is not None:
        return found
    if node.op == "sum":
        return restricted_sum(low, bound, body, tests)
    if node.op == "logsumexp":
        return flatten_logsumexp(low, node)
    if node.op in FILL:
        return _kept(low, node.op, bound, body, condition)
    if node.op == "any":
        restricted: Expr = Logic("and", (condition, body))
    elif node.op == "all":
        restricted = Logic("or", (Logic("not", (condition,)), body))
    else:
        restricted = Where(condition, body, NEUTRAL[node.op])
    flat = low.flatten(restricted)
    return low.build.reduction(node.op, low.build.array(flat, needed=bound), bound)


def _whole(low: Lowering, node: Reduce, bound: tuple[Index, ...], body: Expr) -> Expr:
    """Return a reduction without a condition."""
    if node.op == "sum":
        return sum_over(low, bound, body)
    if node.op == "logsumexp":
        return flatten_logsumexp(low, node)
    source = low.build.array(low.flatten(body), needed=bound)
    return _reduced(low, node.op, source, bound)


def _reduced(low: Lowering, op: str, source: Element, bound: tuple[Index, ...]) -> Expr:
    """Return a reduction; the position of the best one counts through all bound indices."""
    if op in ("argmax", "argmin") and len(bound) > 1:
        source, whole = low.build.flatten_last(source, bound)
        bound = (whole,)
    return low.build.reduction(op, source, bound)


def _kept(low: Lowering, op: str, bound: tuple[Index, ...], body: Expr, condition: Expr) -> Expr:
    """Return a maximum or minimum of what a condition keeps, which must be something."""
    source = low.build.array(low.flatten(guarded(low, body)), real=True)
    mask = low.build.array(low.flatten(condition), needed=bound)
    return _reduced(low, op, low.build.keep(source, mask, FILL[op], bound), bound)


def restricted_sum(
    low: Lowering, bound: Sequence[Index], body: Expr, tests: Sequence[Expr]
) -> Expr:
    """Return a flat term that is worth the sum of `body` where all tests hold."""
    from symgrad.lowering.folds import fold_sum  # noqa: PLC0415 (they call each other)

    deltas = [t for t in tests if isinstance(t, Compare) and t.op == "==" and _is_delta(t)]
    rest = [t for t in tests if t not in deltas]
    folded = fold_sum(low, bound, body, rest) if not deltas else None
    if folded is not None:
        return folded
    restricted = _forwards(bound, product([restrict(low, body, rest), *deltas]))
    return sum_over(low, bound, restricted) if bound else low.flatten(restricted)


def _forwards(bound: Sequence[Index], body: Expr) -> Expr:
    """Return a term whose windows run forwards in each bound index.

    `X[y + 1 - p] * K[p]` becomes `X[y - size[p] + 2 + p] * K[size[p] - 1 - p]`: what is turned
    around is the small array.
    """
    for index in bound:
        forms = [linear(p) for e in elements(body) for p in e.indices]
        steps = {f.step(index) for f in forms if f is not None and len(f.steps) > 1}
        if steps - {ZERO} == {MINUS_ONE}:
            turned = add(Size(index.axis), const(-1), neg(index))
            body = tidied(substitute(body, {index: turned}))
    return body


def _is_delta(test: Compare) -> bool:
    """Return whether an equality says what an index is."""
    return isinstance(test.left, Index) or isinstance(test.right, Index)


def restrict(low: Lowering, body: Expr, tests: Sequence[Expr]) -> Expr:
    """Return a term that is worth `body` where all tests hold, and 0 elsewhere."""
    factors, left = held(low, body, tests)
    return product(_masked(factors, left))


def _masked(factors: Sequence[Expr], tests: Sequence[Expr]) -> list[Expr]:
    """Return factors with each test on the smallest one that has its indices."""
    found = list(factors)
    for test in tests:
        able = [k for k, f in enumerate(found) if test.free <= f.free]
        if able:
            at = min(able, key=lambda k: len(found[k].free))
            found[at] = Where(test, found[at], ZERO)
        else:
            found.append(Where(test, ONE, ZERO))
    return found


def _cumulative(
    low: Lowering, op: str, bound: tuple[Index, ...], body: Expr, tests: Sequence[Expr]
) -> Expr | None:
    """Return `op[j, j <= i](f(j))` as a scan along j, None for another range."""
    found = margin(tests[0]) if len(tests) == 1 else None
    form = None if found is None else linear(found)
    if form is None or len(form.indices) != 2 or op in ("argmax", "argmin"):
        return None
    inner = [i for i in form.indices if i in bound]
    outer = [i for i in form.indices if i not in bound]
    if len(inner) != 1 or (len(bound) > 1 and op != "sum"):
        return None
    along, index = inner[0], outer[0]
    slope = form.step(along)
    opposite = {slope, form.step(index)} == {ONE, MINUS_ONE}
    shifted = low.facts.nonnegative(neg(form.start)) and (form.start is ZERO or op in NEUTRAL)
    if not opposite or not shifted or not low.facts.same(Size(along.axis), Size(index.axis)):
        return None
    factors = list(body.factors) if op == "sum" and isinstance(body, Mul) else [body]
    pulled = [f for f in factors if along not in f.free and f.free.isdisjoint(bound)]
    kept = product([f for f in factors if f not in pulled])
    if index in kept.free:
        return None
    others = [i for i in bound if i is not along]
    flat = sum_over(low, others, kept) if others else low.flatten(kept)
    source = low.build.array(flat, needed=[along], real=op == "logsumexp")
    reverse = slope is ONE
    scanned = low.build.scan(op, source, along, index, reverse=reverse)
    if form.start is not ZERO:
        shift = neg(form.start) if reverse else form.start
        moved = tuple(add(i, shift) if i is index else i for i in scanned.indices)
        fill = NEUTRAL[op] if low.build.kinds[scanned.tensor] == REAL or op != "logsumexp" else ZERO
        return product(
            [*map(low.flatten, pulled), low.flatten(Element(scanned.tensor, moved, fill))]
        )
    return product([*map(low.flatten, pulled), scanned])
