"""The integer solver: which indices of a scope reach a given position.

In: equations `m_j = a_j(s)` between the position m of a cotangent and the positions a(s) at which
an element is read. Out: the indices s as terms in m and in those that stay free, with the
conditions under which they exist, and the equations that were left.

An equation is solved for an index with coefficient 1 or -1 if there is one: its range becomes two
inequalities. Otherwise for the one with the smallest coefficient c: it is a quotient by c, under
the guard that c divides. Further equations are combined without fractions. Letters of composite
indices count like digits: `(g, c)` is solved by a quotient and a remainder, or digit by digit where
both sides are composite alike. `(e) % L` is solved where an index runs once around L. Indices that
are data stay: they are a scatter.

Source: Urban and van der Smagt 2018 (arXiv:1811.02573), section 2.3, solve the same equations by
Smith's normal form; keeping the indices of the scope keeps their ranges and names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symgrad.ir.build import add, compare, const, mul, neg, sub
from symgrad.ir.linear import Linear, Ranges, expanded, linear, tidy
from symgrad.ir.terms import MINUS_ONE, ONE, ZERO, Add, Call, Compare, Const, Expr, Index, Mul, Size
from symgrad.ir.visit import arguments, substitute

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Solution:
    """What the equations of one element say.

    Attributes:
        values: The indices that were solved for, as terms in the position and the other indices.
        conditions: What has to hold besides, in solved indices.
        deltas: Equations that no index was solved from, as comparisons.
    """

    values: dict[Index, Expr]
    conditions: tuple[Expr, ...]
    deltas: tuple[Expr, ...]


def solve_deltas(
    position: Sequence[Expr], read: Sequence[Expr], unknown: Sequence[Index], ranges: Ranges
) -> Solution:
    """Return the indices for which an element at `read` is the one at `position`.

    Args:
        position: A free index, or a composite one, for each axis.
        read: The positions at which the element is read.
        unknown: The indices of the scope, those of the equation's left-hand side first.
        ranges: Lengths, and what follows from them.
    """
    solver = _Solver(tuple(unknown), ranges)
    for here, there in zip(position, read, strict=True):
        solver.equate(here, there)
    return solver.solved()


@dataclass
class _Solver:
    """The equations, each as a linear form that is 0."""

    unknown: tuple[Index, ...]
    ranges: Ranges
    forms: list[Linear] = field(default_factory=list)
    deltas: list[Compare | Expr] = field(default_factory=list)
    rows: list[tuple[Index, Expr, Expr]] = field(default_factory=list)
    digits: dict[Index, tuple[Index, ...]] = field(default_factory=dict)
    around: list[tuple[Index, Expr]] = field(default_factory=list)

    def equate(self, here: Expr, there: Expr) -> None:
        """Take `here = there`, digit by digit where both are composite alike."""
        form = linear(there, self.unknown)
        if form is None:
            self._equate_opaque(here, there)
            return
        split = self._last_digit(here, form)
        if split is None:
            self.forms.append(form.plus(Linear({}, neg(here))))
            return
        (last, mine), (rest, others) = split
        self.equate(last, mine)
        self.equate(rest, others.term)

    def _last_digit(
        self, here: Expr, form: Linear
    ) -> tuple[tuple[Index, Index], tuple[Expr, Linear]] | None:
        """Split the last digit off a composite position and off what it equals."""
        known = linear(here, here.free)
        if known is None or len(known.coefficients) < 2:
            return None
        last = next((i for i, c in known.coefficients.items() if c is ONE), None)
        if last is None:
            return None
        length = self.ranges.length(last)
        rest = self._divided(known.without(last), length)
        for index, coefficient in form.coefficients.items():
            if coefficient is ONE and self.ranges.length(index) is length and rest is not None:
                others = self._divided(form.without(index), length)
                if others is not None:
                    return (last, index), (rest.term, others)
        return None

    def _divided(self, form: Linear, length: Expr) -> Linear | None:
        """Return a form divided by a length, if each of its terms is a multiple of it."""
        found: dict[Index, Expr] = {}
        for index, coefficient in form.coefficients.items():
            quotient = self._quotient(coefficient, length)
            if quotient is None:
                return None
            found[index] = quotient
        terms = [self._quotient(t, length) for t in arguments(expanded(form.rest), Add)]
        if any(t is None for t in terms):
            return None
        return Linear(found, add(*(t for t in terms if t is not None)))

    def _quotient(self, term: Expr, length: Expr) -> Expr | None:
        if term is ZERO:
            return ZERO
        if isinstance(term, Const) and isinstance(length, Const):
            whole = length.value and (term.value / length.value).denominator == 1
            return const(term.value / length.value) if whole else None
        factors = list(arguments(term, Mul))
        for at, factor in enumerate(factors):
            same = isinstance(factor, (Size, Const)) and self.ranges.same(factor, length)
            if same and length is not ONE:
                return mul(*factors[:at], *factors[at + 1 :])
        return None

    def _equate_opaque(self, here: Expr, there: Expr) -> None:
        """Take an equation that is not linear: solved if it is a remainder of one round."""
        if isinstance(there, Call) and there.function == "mod":
            inner = linear(there.args[0], self.unknown)
            around = [] if inner is None else self._once_around(inner, there.args[1])
            if inner is not None and around:
                index, sign = around[0]
                rest = inner.without(index)
                value = sub(here, rest.term) if sign is ONE else sub(rest.term, here)
                self.around.append((index, Call("mod", (value, there.args[1]))))
                self.unknown = tuple(i for i in self.unknown if i is not index)
                return
        self.deltas.append(compare("==", there, here))

    def _once_around(self, form: Linear, length: Expr) -> list[tuple[Index, Expr]]:
        """Return the indices that run once around a length, and occur nowhere else so far."""
        used = {i for f in self.forms for i in f.coefficients}
        return [
            (i, c)
            for i, c in form.coefficients.items()
            if c in (ONE, MINUS_ONE) and i not in used and self.ranges.same(Size(i.axis), length)
        ]

    def solved(self) -> Solution:
        """Solve for as many indices as there are equations, and say what is left."""
        self._join_digits()
        forms = [f for f in self.forms if f.coefficients]
        self.deltas += [self._left(f) for f in self.forms if not f.coefficients]
        while forms:
            form, index = self._pivot(forms)
            forms.remove(form)
            coefficient = form.coefficients[index]
            if isinstance(coefficient, Const) and coefficient.value < 0:
                form = form.scaled(MINUS_ONE)
                coefficient = form.coefficients[index]
            value = form.without(index).scaled(MINUS_ONE)
            self.rows.append((index, value.term, coefficient))
            forms = [_eliminated(f, index, coefficient, value) for f in forms]
            self.deltas += [self._left(f) for f in forms if not f.coefficients]
            forms = [f for f in forms if f.coefficients]
        return self._substituted()

    def _left(self, form: Linear) -> Expr:
        """Return the comparison that an equation without unknown indices is."""
        terms = arguments(form.rest, Add)
        minus = [t for t in terms if _is_minus(t)]
        plus = [t for t in terms if t not in minus]
        return compare("==", add(*plus), add(*map(neg, minus)))

    def _pivot(self, forms: Sequence[Linear]) -> tuple[Linear, Index]:
        """Return the equation and the index to solve: plain ones first, then units, then small."""
        order = {i: k for k, i in enumerate(self.unknown)}
        choices: list[tuple[tuple[int, ...], Linear, Index]] = []
        for at, form in enumerate(forms):
            for index, c in form.coefficients.items():
                unit = c in (ONE, MINUS_ONE)
                size = abs(int(c.value)) if isinstance(c, Const) else 2**62
                alone = len(form.coefficients) > 1
                rank = (not unit, alone, size, at, order.get(index, -1))
                choices.append((tuple(map(int, rank)), form, index))
        _, form, index = min(choices, key=lambda c: c[0])
        return form, index

    def _join_digits(self) -> None:
        """Let the indices of a composite read count as one, where they occur nowhere else."""
        for at, form in enumerate(self.forms):
            joined = self._joined(form)
            while joined is not None:
                form = joined  # noqa: PLW2901 (three digits are joined in two turns)
                joined = self._joined(form)
            self.forms[at] = form

    def _joined(self, form: Linear) -> Linear | None:
        for low, c in form.coefficients.items():
            for high, d in form.coefficients.items():
                if low is high or c not in (ONE, MINUS_ONE) or self._occurs_elsewhere(low, high):
                    continue
                length = self._length(low)
                if d is not ONE and self.ranges.same(d, mul(c, length)):
                    whole = Index(f"{high.name}{low.name}", high.axis, _lowest(self.unknown) - 1)
                    parts = (*self.digits.get(high, (high,)), *self.digits.get(low, (low,)))
                    self.digits[whole] = parts
                    self.unknown = (*self.unknown, whole)
                    kept = form.without(low).without(high)
                    return kept.plus(Linear({whole: c}, ZERO))
        return None

    def _occurs_elsewhere(self, *indices: Index) -> bool:
        return any(sum(i in f.coefficients for f in self.forms) > 1 for i in indices)

    def _length(self, index: Index) -> Expr:
        return mul(*(Size(i.axis) for i in self.digits.get(index, (index,))))

    def _substituted(self) -> Solution:
        """Put the values found last into those found before; add the ranges."""
        values: dict[Index, Expr] = {}
        conditions: list[Expr] = []
        for index, value, coefficient in reversed(self.rows):
            whole = tidy_term(substitute(value, values))
            guard: list[Expr] = []
            if coefficient is not ONE:
                guard = [compare("==", Call("mod", (whole, coefficient)), ZERO)]
                whole = tidy(Call("floordiv", (whole, coefficient)))
            conditions = [*guard, *self._range(whole, self._length(index)), *conditions]
            values |= self._digit_values(index, whole)
        for index, value in self.around:
            values[index] = tidy_term(substitute(value, values))
        deltas = tuple(substitute(d, values) for d in self.deltas)
        live = tuple(substitute(c, values) for c in conditions)
        return Solution(values, tuple(dict.fromkeys(live)), deltas)

    def _range(self, value: Expr, length: Expr) -> list[Expr]:
        """Return what is not known of `0 <= value < length`."""
        found = []
        if not self.ranges.holds(ZERO, value, strict=False):
            found.append(compare("<=", ZERO, value))
        if not self.ranges.holds(value, length, strict=True):
            found.append(compare("<", value, length))
        return found

    def _digit_values(self, index: Index, whole: Expr) -> dict[Index, Expr]:
        parts = self.digits.get(index)
        if parts is None:
            return {index: whole}
        found: dict[Index, Expr] = {}
        for at, part in enumerate(parts):
            tail = mul(*(Size(i.axis) for i in parts[at + 1 :]))
            value = whole if tail is ONE else Call("floordiv", (whole, tail))
            found[part] = Call("mod", (value, Size(part.axis))) if at else value
        return found


def _eliminated(form: Linear, index: Index, coefficient: Expr, value: Linear) -> Linear:
    """Return an equation without an index that is `value / coefficient`."""
    factor = form.coefficients.get(index)
    if factor is None:
        return form
    return form.without(index).scaled(coefficient).plus(value.scaled(factor))


def tidy_term(expr: Expr) -> Expr:
    """Return an integer term multiplied out, if that makes it no longer."""
    new = expanded(expr)
    return new if len(str(new)) <= len(str(expr)) else expr


def _is_minus(term: Expr) -> bool:
    head = arguments(term, Mul)[0]
    return isinstance(head, Const) and head.value < 0


def _lowest(indices: Sequence[Index]) -> int:
    return min((0, *(i.serial for i in indices)))
