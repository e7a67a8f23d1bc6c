"""Reads at positions that are no plain letters: windows where they are affine, else gathers.

In: an element. Out: a flat term that is worth it. A position that is proved to be in range is read
as it is; another one reads the value outside, or is an error at the call.
"""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from symgrad.ir.build import add, const, mul, neg, sub
from symgrad.ir.composite import composite, composite_parts
from symgrad.ir.terms import (
    INF,
    MINUS_ONE,
    ONE,
    ZERO,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Named,
    Size,
    Where,
)
from symgrad.ir.text_affine import is_affine
from symgrad.ir.visit import elements, rebuild, replace_elements
from symgrad.lowering.affine import linear, normal, written
from symgrad.lowering.build_ops import is_operand
from symgrad.lowering.ops import BOOL, INTEGER, REAL
from symgrad.lowering.sums import product

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.lowering.affine import Linear
    from symgrad.lowering.lower import Lowering


def read(low: Lowering, expr: Element) -> Expr:
    """Return a flat term that is worth a read at positions that are no plain letters."""
    shape = low.shapes[expr.tensor]
    merged = _merged(low, expr)
    if merged is not None:
        return low.flatten(merged)
    proved = tuple(
        _is_part(low, p, s) or low.facts.within(p, s)
        for p, s in zip(expr.indices, shape, strict=True)
    )
    if expr.outside is not None and not all(proved) and not _is_fill(low, expr):
        return _outside(low, expr, proved)
    fill = None if all(proved) else expr.outside
    positions = _written(low, expr)
    if positions is not None:
        if expr.tensor in low.parts and positions == low.parts[expr.tensor][0]:
            return low.parts[expr.tensor][1]
        plain = Element(expr.tensor, positions, fill)
        if is_operand(plain) and all(proved) and _is_whole(low, plain):
            return plain
        return low.build.window(plain, proved)
    computed = tuple(low.flatten(p) for p in expr.indices)
    for position in computed:
        if low.build.kind(position) != INTEGER:
            raise low.unsupported(f"the position {position}, which is no integer")
    computed = tuple(map(low.build.position, computed))
    return low.build.gather(expr.tensor, computed, proved=all(proved), fill=fill)


def _merged(low: Lowering, expr: Element) -> Element | None:
    """Return `X[m // size[c], m % size[c]]` as a read of X with both axes as one."""
    shape = low.shapes[expr.tensor]
    plain = all(isinstance(s, Size) for s in shape)
    for k, (first, second) in enumerate(pairwise(expr.indices)):
        whole = first.args[0] if isinstance(first, Call) and first.function == "floordiv" else None
        if whole is None or not plain:
            continue
        parts = Call("floordiv", (whole, shape[k + 1])), Call("mod", (whole, shape[k + 1]))
        if (first, second) == parts:
            flat = low.build.merged(expr.tensor, k)
            indices = (*expr.indices[:k], whole, *expr.indices[k + 2 :])
            return Element(flat, indices, expr.outside)
    return None


def _written(low: Lowering, expr: Element) -> tuple[Expr, ...] | None:
    """Return the positions of a read as plain affine terms, None if one is not affine."""
    found: list[Expr] = []
    for position, length in zip(expr.indices, low.shapes[expr.tensor], strict=True):
        form = linear(position)
        if form is None:
            return None
        found.append(_composite(low, form, length) or written(form))
    return tuple(found)


def _composite(low: Lowering, form: Linear, length: Expr) -> Expr | None:
    """Return a position as the composite index that counts through a whole axis."""
    if form.start is not ZERO or not 2 <= len(form.indices) <= 4:
        return None
    for parts in permutations(form.indices):
        position = composite(parts, [Size(i.axis) for i in parts])
        if _is_part(low, position, length) and low.facts.same(position, written(form)):
            return position
    return None


def _is_whole(low: Lowering, expr: Element) -> bool:
    """Return whether letters run over the whole of each axis."""
    lengths = zip(expr.indices, low.shapes[expr.tensor], strict=True)
    return all(isinstance(i, Index) and low.facts.same(Size(i.axis), s) for i, s in lengths)


def _is_part(low: Lowering, position: Expr, length: Expr) -> bool:
    """Return whether a position is the composite index that counts through a whole axis."""
    parts = composite_parts(position)
    if parts is None or len(set(parts)) < len(parts):
        return False
    return low.facts.same(mul(*(Size(i.axis) for i in parts)), length)


def _is_fill(low: Lowering, expr: Element) -> bool:
    """Return whether the value outside is a number that an array of this kind can hold."""
    kind, value = low.build.kinds[expr.tensor], expr.outside
    if isinstance(value, Const):
        whole = value.value.denominator == 1
        return (
            kind == REAL or (whole and kind == INTEGER) or (kind == BOOL and value in (ZERO, ONE))
        )
    negative = isinstance(value, Mul) and value.factors == (MINUS_ONE, INF)
    return kind == REAL and (isinstance(value, Named) or negative)


def _outside(low: Lowering, expr: Element, proved: Sequence[bool]) -> Expr:
    """Return a read with a value outside that is a term of its own."""
    inside: list[Expr] = []
    for position, length, known in zip(expr.indices, low.shapes[expr.tensor], proved, strict=True):
        if not known:
            inside += [Compare("<=", ZERO, position), Compare("<", position, length)]
    assert expr.outside is not None, "there is a value outside"
    guard = Logic("and", tuple(inside))
    return low.flatten(Where(guard, Element(expr.tensor, expr.indices, ZERO), expr.outside))


def guarded(low: Lowering, expr: Expr) -> Expr:
    """Return a term whose reads may be out of range where it does not count: they read 0 there."""

    def visit(read: Element) -> Expr | None:
        if read.outside is not None or read.tensor not in low.shapes:
            return None
        shape = low.shapes[read.tensor]
        if all(low.facts.within(p, s) for p, s in zip(read.indices, shape, strict=True)):
            return None
        return Element(read.tensor, read.indices, ZERO)

    return replace_elements(expr, visit)


def without_tests(low: Lowering, expr: Where) -> Expr:
    """Return `where(test, read, 0)` without the tests that only keep the read in range.

    In a product another factor might be infinite where the test does not hold: the test stays.
    """
    several = isinstance(expr.then, Mul) and sum(1 for f in expr.then.factors if elements(f)) > 1
    if expr.otherwise is not ZERO or several:
        return expr
    factors, left = held(low, expr.then, conjuncts(expr.condition))
    if not left:
        return product(factors)
    condition = left[0] if len(left) == 1 else Logic("and", tuple(left))
    return Where(condition, product(factors), ZERO)


def held(low: Lowering, body: Expr, tests: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
    """Return the factors of a term, some reading 0 outside, and the tests that are left then."""
    factors = [guarded(low, f) for f in (body.factors if isinstance(body, Mul) else (body,))]
    left: list[Expr] = []
    for test in tests:
        found = margin(test)
        holder = None if found is None else _holder(low, factors, found)
        if holder is None:
            left.append(test)
        else:
            read = factors[holder]
            assert isinstance(read, Element), "a holder is a read"
            factors[holder] = Element(read.tensor, read.indices, ZERO)
    return factors, left


def _holder(low: Lowering, factors: Sequence[Expr], found: Expr) -> int | None:
    """Return the factor that is a read which gives 0 where a test does not hold."""
    for at, factor in enumerate(factors):
        if not isinstance(factor, Element) or factor.outside not in (None, ZERO):
            continue
        if factor.tensor not in low.shapes:
            continue
        for position, length in zip(factor.indices, low.shapes[factor.tensor], strict=True):
            if any(low.facts.same(found, side) for side in in_range(position, length)):
                return at
    return None


def conjuncts(condition: Expr) -> list[Expr]:
    """Return the conditions that hold together when one does."""
    if isinstance(condition, Logic) and condition.op == "and":
        return [c for a in condition.args for c in conjuncts(a)]
    return [condition]


def margin(test: Expr) -> Expr | None:
    """Return a term that is at least 0 exactly where a comparison of integers holds."""
    if isinstance(test, Compare) and test.op == "<=":
        return sub(test.right, test.left)
    if isinstance(test, Compare) and test.op == "<":
        return add(test.right, neg(test.left), const(-1))
    return None


def tidied(expr: Expr) -> Expr:
    """Return a term with its positions and comparisons of positions in normal form."""
    new = rebuild(expr, tidied)
    if isinstance(new, Element):
        return Element(new.tensor, tuple(map(_position, new.indices)), new.outside)
    if isinstance(new, Compare):
        return Compare(new.op, *map(_position, new.children))
    return new


def _position(expr: Expr) -> Expr:
    if not is_affine(expr) or isinstance(expr, Element):
        return expr
    form = linear(expr)
    return normal(expr) if form is None else written(form)


def in_range(index: Expr, length: Expr) -> tuple[Expr, Expr]:
    """Return the terms that are at least 0 exactly where a position is in range."""
    return index, add(length, const(-1), mul(MINUS_ONE, index))
