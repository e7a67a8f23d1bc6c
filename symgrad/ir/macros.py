"""The macros of the language: named formulas that expand to terms and to equations of their own.

In: letters, a term and a place for new equations. Out: a term over the new equations. Each macro is
its textbook definition; stable forms are made later, by passes that know no macro.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.ir.equation import Equation
from symgrad.ir.show import unused
from symgrad.ir.terms import BATCH, ONE, ZERO, Call, Compare, Element, Expr, Index, Size
from symgrad.ir.text_build import (
    HALF,
    inverse,
    negated,
    written_power,
    written_product,
    written_sum,
)
from symgrad.ir.visit import close_reduce, substitute

if TYPE_CHECKING:
    from collections.abc import Callable

Letters = tuple[Index, ...]


@dataclass
class Fresh:
    """Collects the equations that macros add, under names that nothing else has.

    Attributes:
        target: The tensor whose equation is being read; new names start with it.
        order: The letters of the text in order of appearance: new tensors keep that order.
        taken: Every name and letter of the text.
        equations: The equations so far.
    """

    target: str = "V"
    order: tuple[str, ...] = ()
    taken: set[str] = field(default_factory=set)
    equations: list[Equation] = field(default_factory=list)

    def define(self, suffix: str, value: Expr) -> Element:
        """Add an equation for a term over its free letters and return its left-hand side."""
        rank = {name: at for at, name in enumerate(self.order)}
        last = len(rank)
        order = {i: (i.axis != BATCH, rank.get(i.name, last), i.name) for i in value.free}
        letters = sorted(order, key=order.__getitem__)  # batch axes lead
        name = unused(f"{self.target}_{suffix}", self.taken)
        self.taken.add(name)
        self.equations.append(Equation(name, tuple(letters), value))
        return Element(name, tuple(letters))

    def letter(self, like: Index) -> Index:
        """Return a new letter over the axis of another."""
        name = unused(like.name, self.taken)
        self.taken.add(name)
        return Index(name, like.axis)


@dataclass(frozen=True)
class Bound:
    """What a macro that binds its letters is applied to.

    Attributes:
        letters: The letters.
        body: The term.
        condition: What restricts the range, or None.
        correction: What `var` takes from the number of elements.
    """

    letters: Letters
    body: Expr
    condition: Expr | None = None
    correction: Expr = ZERO


def mean(fresh: Fresh, bound: Bound) -> Expr:  # noqa: ARG001 (no equations of its own)
    """Return the sum over the letters divided by how many there are."""
    total = close_reduce("sum", bound.letters, bound.body, bound.condition)
    if bound.condition is None:
        return written_product((total, *(inverse(Size(i.axis)) for i in bound.letters)))
    count = close_reduce("sum", bound.letters, ONE, bound.condition)
    return written_product((total, inverse(count)))


def var(fresh: Fresh, bound: Bound) -> Expr:
    """Return the mean square of the deviation from the mean."""
    center = fresh.define("mean", mean(fresh, bound))
    square = written_power(written_sum((bound.body, negated(center))), Fraction(2))
    if bound.correction is ZERO:
        return mean(fresh, replace(bound, body=square))
    count = written_product(Size(i.axis) for i in bound.letters)
    rest = written_sum((count, negated(bound.correction)))
    return written_product((close_reduce("sum", bound.letters, square), inverse(rest)))


def norm(fresh: Fresh, bound: Bound) -> Expr:  # noqa: ARG001 (no equations of its own)
    """Return the Euclidean norm."""
    total = close_reduce("sum", bound.letters, written_power(bound.body, Fraction(2)))
    return written_power(total, HALF)


def softmax(fresh: Fresh, letters: Letters, body: Expr) -> Expr:
    """Return the exponential of a term divided by the sum of the exponentials."""
    top = fresh.define("exp", Call("exp", (body,)))
    bottom = fresh.define("sum", close_reduce("sum", letters, top))
    return written_product((top, inverse(bottom)))


def log_softmax(fresh: Fresh, letters: Letters, body: Expr) -> Expr:
    """Return a term minus the logarithm of the sum of its exponentials."""
    bottom = fresh.define("lse", close_reduce("logsumexp", letters, body))
    return written_sum((body, negated(bottom)))


def cumsum(fresh: Fresh, letters: Letters, body: Expr) -> Expr:
    """Return the sum over all positions up to this one."""
    new = {i: fresh.letter(i) for i in letters}
    condition = Compare("<=", new[letters[0]], letters[0])
    return close_reduce("sum", tuple(new.values()), substitute(body, new), condition)


#: Macros that bind their letters.
BINDING_MACROS: dict[str, Callable[[Fresh, Bound], Expr]] = {"mean": mean, "var": var, "norm": norm}

#: Macros whose result still has their letters.
PASSING_MACROS: dict[str, Callable[[Fresh, Letters, Expr], Expr]] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "cumsum": cumsum,
}
