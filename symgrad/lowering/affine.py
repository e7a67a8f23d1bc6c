"""Integer terms of indices: linear forms, bounds, and what can be proved about them.

In: terms over indices, sizes and integers, and the lengths that a System fixes. Out: a linear form,
or whether a position is in range whatever the lengths of a call are.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product as choices
from typing import TYPE_CHECKING

from symgrad.ir.build import (
    add,
    const,
    evidently_nonnegative,
    mul,
    neg,
    power,
    split_coefficient,
    sub,
)
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
    Logic,
    Mul,
    Power,
    Size,
)
from symgrad.ir.text_affine import is_fixed
from symgrad.ir.visit import rebuild, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from symgrad.ir.equation import System

#: No more bounds than this are combined for one term.
MOST = 8


@dataclass(frozen=True)
class Linear:
    """A position `start + sum of step * index`.

    Attributes:
        steps: Each index that occurs, with its coefficient: an integer, or a term in sizes.
        start: What does not depend on an index.
    """

    steps: tuple[tuple[Index, Expr], ...]
    start: Expr

    @property
    def indices(self) -> tuple[Index, ...]:
        """The indices that occur, in order."""
        return tuple(i for i, _ in self.steps)

    def step(self, index: Index) -> Expr:
        """Return the coefficient of an index."""
        return dict(self.steps).get(index, ZERO)


def linear(expr: Expr) -> Linear | None:
    """Return the linear form of a term, None if it has none: it reads a tensor, wraps or clips.

    >>> from symgrad.ir.build import const, index
    >>> form = linear(add(mul(const(2), index("h")), index("p"), const(-1)))
    >>> [(str(i), str(c)) for i, c in form.steps], str(form.start)
    ([('h', '2'), ('p', '1')], '-1')
    """
    steps: dict[Index, list[Expr]] = {}
    start: list[Expr] = []
    for term in expanded(expr):
        factors = term.factors if isinstance(term, Mul) else (term,)
        moving = [f for f in factors if not is_fixed(f)]
        if not moving:
            start.append(term)
        elif len(moving) == 1 and isinstance(moving[0], Index):
            steps.setdefault(moving[0], []).append(mul(*(f for f in factors if is_fixed(f))))
        else:
            return None
    found = [(i, add(*steps[i])) for i in _in_order(expr, steps)]
    return Linear(tuple((i, c) for i, c in found if c is not ZERO), add(*start))


def _in_order(expr: Expr, steps: Iterable[Index]) -> list[Index]:
    known = set(steps)
    return [e for e in walk(expr) if isinstance(e, Index) and e in known]


def written(form: Linear) -> Expr:
    """Return a linear form as a term, its indices in the order in which they were written."""
    terms = [mul(step, index) for index, step in form.steps]
    terms += [] if form.start is ZERO and terms else [form.start]
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def expanded(expr: Expr) -> list[Expr]:
    """Return the terms of a sum of products that is worth a term, like terms collected."""
    total = add(*_products(expr))
    return list(total.terms) if isinstance(total, Add) else [total]


def normal(expr: Expr) -> Expr:
    """Return a term multiplied out, like terms collected, exact divisions done."""
    return add(*_products(expr))


def _products(expr: Expr) -> list[Expr]:
    if isinstance(expr, Add):
        return [p for t in expr.terms for p in _products(t)]
    if isinstance(expr, Mul):
        rows = choices(*(_products(f) for f in expr.factors))
        return [mul(*row) for row in rows]
    if isinstance(expr, Power) and expr.exponent.denominator == 1 and 1 < expr.exponent <= 4:
        return _products(Mul((expr.base,) * int(expr.exponent)))
    if isinstance(expr, Call) and expr.function in ("floordiv", "mod"):
        return [_divided(expr)]
    return [expr]


def _divided(expr: Call) -> Expr:
    """Return a division with its parts in normal form, done where it leaves no rest."""
    value, divisor = (normal(a) for a in expr.args)
    if isinstance(divisor, Const) and divisor.value > 0:
        whole: list[Expr] = []
        rest: list[Expr] = []
        for term in value.terms if isinstance(value, Add) else (value,):
            exact = (split_coefficient(term)[0] / divisor.value).denominator == 1
            (whole if exact else rest).append(term)
        if expr.function == "mod":
            left = add(*rest)
            return ZERO if not rest else _constant("mod", left, divisor)
        quotient = add(*(mul(term, power(divisor, -1)) for term in whole))
        return add(quotient, _constant("floordiv", add(*rest), divisor)) if rest else quotient
    return Call(expr.function, (value, divisor))


def _constant(function: str, value: Expr, divisor: Const) -> Expr:
    if isinstance(value, Const):
        return const(
            value.value % divisor.value if function == "mod" else value.value // divisor.value
        )
    return Call(function, (value, divisor))


class Facts:
    """What is known about the lengths of a System."""

    def __init__(self, system: System) -> None:
        self.sizes: dict[str, Expr] = dict(system.sizes)
        self.limits = {t.name: t.limit for t in system.inputs if t.limit is not None}
        self._resolved: dict[Expr, Expr] = {}

    def resolved(self, expr: Expr) -> Expr:
        """Return a term in normal form with the lengths that are fixed put in."""
        found = self._resolved.get(expr)
        if found is None:
            found = normal(_replaced(expr, self.sizes, len(self.sizes)))
            self._resolved[expr] = found
        return found

    def same(self, left: Expr, right: Expr) -> bool:
        """Return whether two integer terms are equal whatever the lengths are."""
        return left is right or self.resolved(sub(left, right)) is ZERO

    def nonnegative(self, expr: Expr, positive: frozenset[str] = frozenset()) -> bool:
        """Return whether an integer term in sizes is at least 0 in every call.

        Args:
            expr: The term.
            positive: Axes that are known to have a length of at least 1.
        """
        return any(_nonnegative(e, positive) for e in (normal(expr), self.resolved(expr)))

    def within(self, position: Expr, length: Expr) -> bool:
        """Return whether a position is in range of an axis at every point where it is read."""
        positive = frozenset(i.axis for i in position.free)
        low = any(self.nonnegative(e, positive) for e in self.bounds(position, -1, positive))
        if not low:
            return False
        tops = self.bounds(position, 1, positive)
        return any(self.nonnegative(add(length, const(-1), neg(e)), positive) for e in tops)

    def bounds(self, expr: Expr, side: int, positive: frozenset[str] = frozenset()) -> list[Expr]:
        """Return terms in sizes that an integer term never exceeds (1) or falls below (-1)."""
        match expr:
            case Index():
                return [add(Size(expr.axis), const(-1)) if side > 0 else ZERO]
            case Element() if expr.tensor in self.limits:
                top = add(Size(self.limits[expr.tensor]), const(-1))
                return [top if side > 0 else ZERO]
            case Compare() | Logic():
                return [ONE if side > 0 else ZERO]
            case _ if is_fixed(expr):
                return [expr]
            case Add():
                return self._sums(expr, side, positive)
            case Mul():
                return self._multiples(expr, side, positive)
            case Call():
                return self._calls(expr, side, positive)
            case _:
                return []

    def _sums(self, expr: Add, side: int, positive: frozenset[str]) -> list[Expr]:
        whole = normal(expr)
        terms = whole.terms if isinstance(whole, Add) else (whole,)
        rows = list(choices(*(self.bounds(t, side, positive) for t in terms)))[:MOST]
        return [add(*row) for row in rows]

    def _multiples(self, expr: Mul, side: int, positive: frozenset[str]) -> list[Expr]:
        moving = [f for f in expr.factors if not is_fixed(f)]
        scale = mul(*(f for f in expr.factors if is_fixed(f)))
        sign = _sign(scale)
        if len(moving) != 1 or not sign:
            return []
        return [mul(scale, b) for b in self.bounds(moving[0], side * sign, positive)]

    def _calls(self, expr: Call, side: int, positive: frozenset[str]) -> list[Expr]:
        if expr.function in ("minimum", "maximum"):
            rows = [self.bounds(a, side, positive) for a in expr.args]
            if (expr.function == "minimum") == (side > 0):
                return [b for row in rows for b in row][:MOST]
            return [b for b in rows[0] if b in rows[1]] or self._worst(rows, side, positive)
        if expr.function == "mod":
            top = add(expr.args[1], const(-1))
            if not self.nonnegative(top, positive):
                return []
            return [top if side > 0 else ZERO]
        divisor = expr.args[1]
        if expr.function == "floordiv" and isinstance(divisor, Const) and divisor.value > 0:
            return [
                Call("floordiv", (b, divisor)) for b in self.bounds(expr.args[0], side, positive)
            ]
        return []

    def _worst(self, rows: list[list[Expr]], side: int, positive: frozenset[str]) -> list[Expr]:
        """Return the bounds of one argument that are also bounds of the other."""
        found = []
        for mine, others in (rows, rows[::-1]):
            for bound in mine:
                gaps = (sub(bound, o) if side > 0 else sub(o, bound) for o in others)
                if any(self.nonnegative(g, positive) for g in gaps):
                    found.append(bound)
        return found


def _sign(scale: Expr) -> int:
    """Return 1 or -1 for a factor that is never of the other sign, 0 if that is not known."""
    if evidently_nonnegative(scale):
        return 1
    return -1 if evidently_nonnegative(neg(scale)) else 0


def _replaced(expr: Expr, sizes: Mapping[str, Expr], depth: int) -> Expr:
    def visit(node: Expr) -> Expr:
        if isinstance(node, Size) and node.axis in sizes and depth:
            return _replaced(sizes[node.axis], sizes, depth - 1)
        return rebuild(node, visit)

    return visit(expr)


def _nonnegative(expr: Expr, positive: frozenset[str]) -> bool:
    """Return whether an integer term in normal form is at least 0.

    Divisions are replaced by their bounds: by 0 where they are at least that, or by closer ones.
    """
    least = _bounded(expr, lambda t: _emptied(t, positive))
    return _is_above(least, positive) or _is_above(_bounded(expr, _loosened), positive)


def _bounded(expr: Expr, bound: Callable[[Expr], Expr]) -> Expr:
    """Return a term with a bound in the place of each of its terms, as often as they change."""
    for _ in range(MOST):
        terms = expr.terms if isinstance(expr, Add) else (expr,)
        loose = [bound(t) for t in terms]
        if all(new is old for new, old in zip(loose, terms, strict=True)):
            break
        expr = normal(add(*loose))
    return expr


def _is_above(expr: Expr, positive: frozenset[str]) -> bool:
    """Return whether a bound of an integer is above -1: each of its terms is at least 0."""
    for axis in positive:
        expr = normal(_replaced(expr, {axis: add(Size(axis), ONE)}, 1))
    terms = expr.terms if isinstance(expr, Add) else (expr,)
    return all(_is_nonnegative_term(t) for t in terms)


def _is_nonnegative_term(term: Expr) -> bool:
    scale, rest = split_coefficient(term)
    if rest is ONE:
        return scale > -1
    factors = rest.factors if isinstance(rest, Mul) else (rest,)
    return scale >= 0 and all(isinstance(f, Size) or _is_size_power(f) for f in factors)


def _is_size_power(expr: Expr) -> bool:
    return isinstance(expr, Power) and isinstance(expr.base, Size) and expr.exponent > 0


def _emptied(term: Expr, positive: frozenset[str]) -> Expr:
    """Return 0 for a positive multiple of a quotient that is at least 0."""
    scale, rest = split_coefficient(term)
    divides = isinstance(rest, Call) and rest.function == "floordiv" and scale > 0
    if divides and isinstance(rest, Call) and _nonnegative(normal(rest.args[0]), positive):
        return ZERO
    return term


def _loosened(term: Expr) -> Expr:
    """Return a term without division that a multiple of a quotient is never below."""
    scale, rest = split_coefficient(term)
    if not isinstance(rest, Call):
        return term
    divisor = rest.args[1]
    if rest.function == "floordiv" and isinstance(divisor, Const) and divisor.value > 0:
        top = rest.args[0]
        if scale > 0:
            top = add(top, const(1 - divisor.value))
        return normal(mul(const(Fraction(scale) / divisor.value), top))
    if rest.function == "mod":
        return ZERO if scale > 0 else mul(const(scale), add(divisor, const(-1)))
    if rest.function in ("minimum", "maximum") and (rest.function == "maximum") == (scale > 0):
        return mul(const(scale), rest.args[0])
    return term
