"""Linear forms of integer terms, and proofs of inequalities between them.

In: terms over indices and sizes. Out: coefficients by index and the rest; whether a term is at
least 0 wherever its indices are in range. What cannot be proved here is not therefore false.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.ir.build import add, collect, const, mul
from symgrad.ir.terms import (
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Mul,
    Power,
    Size,
)
from symgrad.ir.visit import arguments, rebuild, walk

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True)
class Linear:
    """An integer term `sum of coefficient * index + rest`.

    Attributes:
        coefficients: A term without the indices for each of them, none of them zero.
        rest: What does not mention the indices.
    """

    coefficients: dict[Index, Expr]
    rest: Expr

    @property
    def term(self) -> Expr:
        """The form as a term."""
        return add(*(mul(c, i) for i, c in self.coefficients.items()), self.rest)

    def without(self, index: Index) -> Linear:
        """Return the form with one index left out."""
        kept = {i: c for i, c in self.coefficients.items() if i is not index}
        return Linear(kept, self.rest)

    def scaled(self, factor: Expr) -> Linear:
        """Return the form times a term."""
        scaled = {i: mul(factor, c) for i, c in self.coefficients.items()}
        return Linear(scaled, expanded(mul(factor, self.rest)))

    def plus(self, other: Linear) -> Linear:
        """Return the sum of two forms."""
        both = dict(self.coefficients)
        for index, coefficient in other.coefficients.items():
            both[index] = add(both.get(index, ZERO), coefficient)
        found = {i: c for i, c in both.items() if c is not ZERO}
        return Linear(found, add(self.rest, other.rest))


def linear(expr: Expr, indices: Collection[Index]) -> Linear | None:
    """Return the linear form of a term in some of its indices; None if it is not linear in them.

    >>> from symgrad.ir.build import index
    >>> h, p = index("h"), index("p")
    >>> form = linear(add(mul(const(2), add(h, const(-1))), p), (h, p))
    >>> {i.name: str(c) for i, c in form.coefficients.items()}, str(form.rest)
    ({'p': '1', 'h': '2'}, '-2')
    """
    if expr.free.isdisjoint(indices):
        return Linear({}, expr)
    match expr:
        case Index():
            return Linear({expr: ONE}, ZERO)
        case Add():
            total = Linear({}, ZERO)
            for term in expr.terms:
                part = linear(term, indices)
                if part is None:
                    return None
                total = total.plus(part)
            return total
        case Mul():
            moving = [f for f in expr.factors if not f.free.isdisjoint(indices)]
            inner = linear(moving[0], indices) if len(moving) == 1 else None
            fixed = mul(*(f for f in expr.factors if f is not moving[0]))
            return None if inner is None else inner.scaled(fixed)
        case _:
            return None


def expanded(expr: Expr) -> Expr:
    """Return an integer term with products of sums multiplied out."""
    new = collect(rebuild(expr, expanded))
    if isinstance(new, Power) and new.exponent.denominator == 1 and 1 < new.exponent < 4:
        new = Mul((new.base,) * int(new.exponent)) if isinstance(new.base, Add) else new
    if not isinstance(new, Mul):
        return new
    total: list[Expr] = [ONE]
    for factor in new.factors:
        total = [mul(t, u) for t in total for u in arguments(factor, Add)]
    return add(*total)


def resolved(expr: Expr, sizes: Mapping[str, Expr]) -> Expr:
    """Return a term in sizes with the lengths that are fixed by others put in."""

    def visit(node: Expr) -> Expr:
        if isinstance(node, Size) and node.axis in sizes:
            return visit(sizes[node.axis])
        return tidy(collect(rebuild(node, visit)))

    return expanded(visit(expr))


def tidy(node: Expr) -> Expr:
    """Return a quotient or remainder of integers that its divisor decides, another node as is."""
    if not (isinstance(node, Call) and node.function in ("floordiv", "mod")):
        return node
    value, divisor = node.args
    if divisor is ONE:
        return value if node.function == "floordiv" else ZERO
    if isinstance(value, Const) and isinstance(divisor, Const) and divisor.value:
        pair = divmod(value.value, divisor.value)
        return const(int(pair[0] if node.function == "floordiv" else pair[1]))
    return node


class Ranges:
    """Proves inequalities from the ranges of indices and the lengths of axes.

    Args:
        sizes: The lengths that are terms in other lengths.
    """

    def __init__(self, sizes: Mapping[str, Expr]) -> None:
        self._sizes = dict(sizes)

    def length(self, index: Index) -> Expr:
        """Return the length of the axis of an index, in lengths that nothing fixes."""
        return resolved(Size(index.axis), self._sizes)

    def same(self, first: Expr, second: Expr) -> bool:
        """Return whether two terms in sizes are known to be equal."""
        return resolved(first, self._sizes) is resolved(second, self._sizes)

    def is_nonnegative(self, expr: Expr) -> bool:
        """Return whether a term is at least 0 wherever its indices are in range.

        An index runs from 0 to its length less 1, so a length over which one runs is at least 1.
        """
        form = linear(expr, expr.free)
        if form is None:
            return False
        terms = [form.rest]
        alive: set[Expr] = set()
        for index, coefficient in form.coefficients.items():
            length = self.length(index)
            alive.add(length)
            if isinstance(coefficient, Const) and coefficient.value > 0:
                continue
            if not isinstance(coefficient, Const):
                return False
            terms.append(mul(coefficient, add(length, const(-1))))
        low = resolved(add(*terms), self._sizes)
        return _is_nonnegative(low, {s.axis for s in alive if isinstance(s, Size)})

    def holds(self, left: Expr, right: Expr, *, strict: bool) -> bool:
        """Return whether `left <= right`, or `left < right`, is known to hold."""
        gap = add(right, mul(const(-1), left), const(-1 if strict else 0))
        return self.is_nonnegative(expanded(gap))

    def decided(self, condition: Expr) -> bool | None:
        """Return whether a comparison of indices holds, None if that depends on their values."""
        if not isinstance(condition, Compare) or condition.op not in ("<", "<="):
            return None
        strict = condition.op == "<"
        if self.holds(condition.left, condition.right, strict=strict):
            return True
        if self.holds(condition.right, condition.left, strict=not strict):
            return False
        return None


def _is_nonnegative(expr: Expr, alive: Collection[str]) -> bool:
    """Return whether a polynomial in lengths, from the least ones on, has no negative part."""
    if any(isinstance(n, (Element, Index)) for n in walk(expr)):
        return False

    def shift(node: Expr) -> Expr:
        if isinstance(node, Size) and node.axis in alive:
            return add(node, ONE)
        return collect(rebuild(node, shift))

    shifted = expanded(shift(expr))
    return all(
        all(not isinstance(f, Const) or f.value >= 0 for f in arguments(term, Mul))
        for term in arguments(shifted, Add)
    )
