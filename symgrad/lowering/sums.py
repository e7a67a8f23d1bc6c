"""Sums of products: factors pulled out, deltas solved, the rest contracted in pairs.

In: a sum. Out: a flat term over operands. A sum of a term that is no product becomes a map and a
reduction; a product of two or more factors becomes contractions, in the order that opt_einsum finds
best for three or more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.terms import (
    ONE,
    ZERO,
    Add,
    Compare,
    Element,
    Expr,
    Index,
    Mul,
    Power,
    Size,
)
from symgrad.ir.text_affine import is_affine
from symgrad.ir.visit import elements, substitute
from symgrad.lowering.affine import normal
from symgrad.lowering.ops import labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from symgrad.lowering.lower import Lowering

#: The length assumed for an axis whose length is not fixed, where the order of products is chosen.
TYPICAL_LENGTH = 64


def sum_over(low: Lowering, bound: Sequence[Index], body: Expr) -> Expr:
    """Return a flat term that is worth the sum of `body` over opened indices."""
    factors = [_tidied(f) for f in _factors(body, set(bound))]
    solved = _solve_delta(low, bound, factors)
    if solved is not None:
        return solved
    terms = _apart(factors, bound)
    if terms:
        return Add(tuple(sum_over(low, bound, t) for t in terms))
    flat = [g for f in factors for g in _factors(low.flatten(f), set(bound))]
    outer = [f for f in flat if f.free.isdisjoint(bound)]
    inner = [f for f in flat if not f.free.isdisjoint(bound)]
    reached = frozenset().union(*(f.free for f in inner))
    outer += [Size(i.axis) for i in bound if i not in reached]
    summed = tuple(i for i in bound if i in reached)
    if summed:
        outer.append(_contract(low, summed, inner))
    return product(outer)


def _apart(factors: list[Expr], bound: Sequence[Index]) -> list[Expr]:
    """Return the terms of a sum in a product, where it is larger than any array that it reads.

    Each is a contraction then: `sum[i](A[n, i]*B[o, i] + C[n, i]*D[o, i])` makes no array of
    n, o and i.
    """
    for at, factor in enumerate(factors):
        if not isinstance(factor, Add):
            continue
        largest = max((e.free for e in elements(factor)), key=len, default=factor.free)
        summed = all(not t.free.isdisjoint(bound) for t in factor.terms)
        if largest < factor.free and summed and all(isinstance(t, Mul) for t in factor.terms):
            rest = factors[:at] + factors[at + 1 :]
            return [product([*rest, t]) for t in factor.terms]
    return []


def product(factors: Sequence[Expr]) -> Expr:
    """Return a product of flat terms, flattened; the empty one is 1."""
    found = [g for f in factors for g in (f.factors if isinstance(f, Mul) else (f,))]
    found = [f for f in found if f is not ONE]
    if not found:
        return ONE
    return found[0] if len(found) == 1 else Mul(tuple(found))


def _factors(expr: Expr, bound: set[Index]) -> list[Expr]:
    """Return the factors of a term; a square that is summed over counts twice."""
    if isinstance(expr, Mul):
        return [g for f in expr.factors for g in _factors(f, bound)]
    if isinstance(expr, Power) and expr.exponent == 2 and not expr.free.isdisjoint(bound):
        return [expr.base, expr.base]
    return [expr]


def _solve_delta(low: Lowering, bound: Sequence[Index], factors: list[Expr]) -> Expr | None:
    """Solve factors `e == c`: a read at e if c is summed over, a sum into e if c is free."""
    for factor in factors:
        for index, value in _sides(low, factor):
            if index in bound:
                rest = [f for f in factors if f is not factor]
                return _put(low, bound, product(rest), index, value)
    free: dict[Index, Expr] = {}
    used: list[Expr] = []
    for factor in factors:
        for index, value in _sides(low, factor):
            taken = index in free or any(index in v.free for v in free.values())
            if not value.free.isdisjoint(bound) and not taken and value.free.isdisjoint(free):
                free[index] = value
                used.append(factor)
                break
    if not free:
        return None
    from symgrad.lowering.folds import scatter_sum  # noqa: PLC0415 (they call each other)

    rest = [f for f in factors if f not in used]
    return scatter_sum(low, bound, substitute(product(rest), free), free)


def _tidied(factor: Expr) -> Expr:
    """Return an equality of positions with both in normal form."""
    if not (isinstance(factor, Compare) and factor.op == "=="):
        return factor
    sides = (normal(c) if is_affine(c) else c for c in factor.children)
    return Compare("==", *sides)


def _sides(low: Lowering, factor: Expr) -> list[tuple[Index, Expr]]:
    """Return an index and what a factor says that it is, for each index that it says it of."""
    if not (isinstance(factor, Compare) and factor.op == "=="):
        return []
    pairs = ((factor.left, factor.right), (factor.right, factor.left))
    return [
        (index, value)
        for index, value in pairs
        if isinstance(index, Index) and index not in value.free and low.is_position(value)
    ]


def _put(low: Lowering, bound: Sequence[Index], body: Expr, index: Index, value: Expr) -> Expr:
    """Return a sum over an index that has one value, or none where that is out of range."""
    from symgrad.lowering.restricted import restricted_sum  # noqa: PLC0415 (they call each other)

    left = [i for i in bound if i is not index]
    moved = substitute(body, {index: value})
    tests: list[Expr] = []
    if not low.within(value, index):
        tests = [Compare("<=", ZERO, value), Compare("<", value, Size(index.axis))]
    return restricted_sum(low, left, moved, tests)


def _contract(low: Lowering, bound: Sequence[Index], factors: list[Expr]) -> Element:
    """Return the operand that holds a sum of a product of flat terms, each over bound indices."""
    kept = frozenset().union(*(f.free for f in factors)).difference(bound)
    if len(factors) == 1:
        whole = low.build.array(factors[0])
        return low.build.reduction("sum", whole, bound)
    grouped = _group(low, factors)
    operands = [_sum_alone(low, o, kept.union(_others(grouped, k))) for k, o in enumerate(grouped)]
    for left, right in _path(low, operands, kept):
        first, second = operands[left], operands[right]
        operands = [o for k, o in enumerate(operands) if k not in (left, right)]
        needed = kept.union(*(o.free for o in operands))
        operands.append(_pair(low, first, second, needed))
    return operands[0]


def _group(low: Lowering, factors: list[Expr]) -> list[Element]:
    """Return an operand for each set of labels; if there is one set alone, a pair of operands."""
    groups: dict[frozenset[Index], list[Expr]] = {}
    for factor in factors:
        groups.setdefault(factor.free, []).append(factor)
    if len(groups) == 1:
        factors = _paired(factors)
        left, right = product(factors[:-1]), factors[-1]
        return [low.build.array(left, real=True), low.build.array(right, real=True)]
    return [low.build.array(product(g), real=True) for g in groups.values()]


def _paired(factors: list[Expr]) -> list[Expr]:
    """Put a factor that is an array already last: the others are multiplied into one."""
    held = [f for f in factors if isinstance(f, Element)]
    last = held[-1] if held and len(factors) > 2 else factors[-1]
    position = len(factors) - 1 - factors[::-1].index(last)
    return [*factors[:position], *factors[position + 1 :], last]


def _others(operands: Sequence[Element], position: int) -> frozenset[Index]:
    rest = [o.free for k, o in enumerate(operands) if k != position]
    return frozenset().union(*rest)


def _sum_alone(low: Lowering, operand: Element, needed: frozenset[Index]) -> Element:
    """Sum an operand over the labels that nothing else needs."""
    alone = [i for i in labels(operand) if i not in needed]
    return low.build.reduction("sum", operand, alone) if alone else operand


def _pair(low: Lowering, left: Element, right: Element, needed: frozenset[Index]) -> Element:
    """Return the product of two operands, summed over the labels that nothing else needs."""
    left = _sum_alone(low, left, needed | right.free)
    right = _sum_alone(low, right, needed | left.free)
    if left.free & right.free <= needed:
        return low.build.array(Mul((left, right)))
    return low.build.contraction(left, right, needed)


def _path(
    low: Lowering, operands: Sequence[Element], kept: Iterable[Index]
) -> list[tuple[int, int]]:
    """Return the pairs to multiply, each as positions in the list that the ones before leave."""
    if len(operands) < 2:
        return []
    if len(operands) == 2:
        return [(0, 1)]
    import opt_einsum  # noqa: PLC0415 (few Systems have products of three factors)

    found = list(dict.fromkeys(i for o in operands for i in labels(o)))
    symbols = {i: opt_einsum.get_symbol(k) for k, i in enumerate(found)}
    texts = ["".join(symbols[i] for i in labels(o)) for o in operands]
    text = ",".join(texts) + "->" + "".join(symbols[i] for i in found if i in set(kept))
    shapes = [tuple(low.length(i) for i in labels(o)) for o in operands]
    path, _ = opt_einsum.contract_path(text, *shapes, shapes=True, optimize="auto")
    return [(min(step), max(step)) for step in path]
