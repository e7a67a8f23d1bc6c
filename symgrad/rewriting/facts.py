"""What is known of the tensors of a System: which are positive, nonnegative, index-valued.

In: a System. Out: `Facts`, which rules ask before they divide or take roots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.ir.build import collect
from symgrad.ir.terms import Add, Call, Const, Element, Expr, Index, Mul, Named, Power, Reduce, Size
from symgrad.ir.visit import rebuild, walk

if TYPE_CHECKING:
    from symgrad.ir.equation import System

_POSITIVE_CALLS = ("exp", "sigmoid", "softplus", "cosh")
_NONNEGATIVE_CALLS = (*_POSITIVE_CALLS, "relu", "abs")


@dataclass(frozen=True)
class Facts:
    """Signs that hold whenever the System is evaluated on its domain, and known lengths.

    Attributes:
        positive: Tensors that are above 0 everywhere.
        nonnegative: Tensors that are at least 0 everywhere, the positive ones included.
        divisors: Tensors that may be divided by without new risk: the equations divide by them
            already, or define them as a reciprocal or an exponential.
        lengths: The lengths that are declared as numbers, by axis.
    """

    positive: frozenset[str] = frozenset()
    nonnegative: frozenset[str] = frozenset()
    divisors: frozenset[str] = frozenset()
    lengths: tuple[tuple[str, int], ...] = ()

    def may_divide(self, expr: Expr) -> bool:
        """Return whether a factor can be moved to the other side of an equation."""
        match expr:
            case Const():
                return expr.value != 0
            case Size():
                return True
            case Power():
                return expr.exponent < 0 or self.may_divide(expr.base)
            case Element():
                return expr.tensor in self.divisors
            case Call():
                return expr.function == "exp"
            case Mul():
                return all(self.may_divide(f) for f in expr.factors)
            case Add():  # a variance and what keeps it away from 0
                return self.is_positive(expr)
            case _:
                return False

    def is_positive(self, expr: Expr) -> bool:
        """Return whether a term is known to be above 0; sizes count as positive."""
        match expr:
            case Const():
                return expr.value > 0
            case Named() | Size():
                return True
            case Element():
                return expr.tensor in self.positive
            case Call():
                return expr.function in _POSITIVE_CALLS
            case Power():
                if expr.exponent < 0 and expr.exponent.denominator % 2 == 0:
                    return True
                return self.is_positive(expr.base)
            case Mul():
                return all(self.is_positive(f) for f in expr.factors)
            case Add():
                signs = [self.is_positive(t) for t in expr.terms]
                return any(signs) and all(self.is_nonnegative(t) for t in expr.terms)
            case Reduce():
                return expr.op in ("sum", "max", "min", "prod") and self.is_positive(expr.body)
            case _:
                return False

    def is_nonnegative(self, expr: Expr) -> bool:
        """Return whether a term is known to be at least 0."""
        if self.is_positive(expr):
            return True
        match expr:
            case Const():
                return expr.value >= 0
            case Index():
                return True
            case Element():
                return expr.tensor in self.nonnegative
            case Call():
                return expr.function in _NONNEGATIVE_CALLS
            case Power():
                even = expr.exponent.denominator == 1 and expr.exponent.numerator % 2 == 0
                return even or expr.exponent.denominator % 2 == 0 or self.is_nonnegative(expr.base)
            case Mul() | Add():
                return all(self.is_nonnegative(c) for c in expr.children)
            case Reduce():
                return expr.op in ("sum", "max", "min", "prod") and self.is_nonnegative(expr.body)
            case _:
                return type(expr).__name__ in ("Compare", "Logic")


def facts_of(system: System) -> Facts:
    """Return the signs that declarations give and equations pass on."""
    positive = {t.name for t in system.inputs if t.kind == "positive"}
    nonnegative = positive | {
        t.name for t in system.inputs if t.kind in ("nonnegative", "unit", "uniform", "simplex")
    }
    for equation in system.equations:
        known = Facts(frozenset(positive), frozenset(nonnegative))
        value = collected(equation.value)
        if known.is_positive(value):
            positive.add(equation.target)
        if known.is_nonnegative(value):
            nonnegative.add(equation.target)
    lengths = tuple((a, int(e.value)) for a, e in system.sizes if isinstance(e, Const))
    return Facts(frozenset(positive), frozenset(nonnegative), _divisors(system), lengths)


def collected(expr: Expr) -> Expr:
    """Return a term in which `x * x` is `x**2`."""
    return collect(rebuild(expr, collected))


def _divisors(system: System) -> frozenset[str]:
    found: set[str] = set()
    for equation in system.equations:
        value = equation.value
        reciprocal = isinstance(value, Power) and value.exponent < 0
        if reciprocal or (isinstance(value, Call) and value.function == "exp"):
            found.add(equation.target)
        found.update(
            node.base.tensor
            for node in walk(value)
            if isinstance(node, Power) and node.exponent < 0 and isinstance(node.base, Element)
        )
    return frozenset(found)
