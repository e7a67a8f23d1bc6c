"""How far rounding may take a computation: running error analysis, as a System.

In: a System. Out: a System that computes, beside every tensor `X`, a first-order bound `X_err` of
the rounding error made on the way to it. Every tolerance of the checks is such a bound: it follows
from the dtype, the lengths and the values, and nobody chooses it.

Each operation adds half an ulp of its result, a sum of n terms n - 1 of them in whatever order, a
library function CALL_ULPS; errors of operands are carried on with the size of the partial
derivative. A comparison that rounding may decide either way makes the bound infinite: the point
tells nothing.

Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, sections 3.3 and 4.2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.autodiff.partials import partial_derivatives
from symgrad.ir.build import add, call, compare, const, mul, power, sub
from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.terms import (
    INF,
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Logic,
    Mul,
    Named,
    Power,
    Reduce,
    Size,
    Where,
)
from symgrad.ir.visit import arguments, close_reduce, open_reduce

if TYPE_CHECKING:
    from collections.abc import Iterable

ERROR = "_err"

#: The input that holds the unit roundoff of the dtype.
ROUNDOFF = "roundoff"

#: Errors of exp, tanh and their like in NumPy and torch, in units of roundoff (4 ulps at most).
CALL_ULPS = 8


def error_system(system: System, inexact: Iterable[str] = ()) -> System:
    """Return a System that computes the outputs of another and a bound of the error of each.

    Args:
        system: What is computed.
        inexact: Inputs that come with an error `X_err` of their own; the others are exact.

    Returns:
        A System with an input `roundoff`, and an output `Y_err` after the outputs of `system`.
    """
    names = frozenset(inexact)
    analysis = _Analysis(names | frozenset(system.defined))
    equations: list[Equation] = []
    for equation in system.equations:
        equations.append(equation)
        error = analysis.error(equation.value)
        equations.append(Equation(equation.target + ERROR, equation.indices, error))
    outputs = tuple(o for o in system.outputs if o in analysis.inexact)
    return replace(
        system,
        inputs=(
            *system.inputs,
            *(replace(system.tensor(n), name=n + ERROR, kind="real") for n in sorted(names)),
            Tensor(ROUNDOFF, "real"),
        ),
        equations=tuple(equations),
        outputs=(*system.outputs, *(o + ERROR for o in outputs)),
    )


class _Analysis:
    """Bounds of terms; remembers which tensors are inexact, and what it has bounded."""

    def __init__(self, inexact: frozenset[str]) -> None:
        self.inexact = inexact
        self.known: dict[Expr, Expr] = {}

    def error(self, expr: Expr) -> Expr:
        """Return a bound of the error of a term, as a term."""
        found = self.known.get(expr)
        if found is None:
            self.known[expr] = found = self._error(expr)
        return found

    def _error(self, expr: Expr) -> Expr:
        match expr:
            case Const() | Named():
                return ZERO if _is_exact(expr) else _rounded(expr)
            case Element():
                return self._element(expr)
            case Add():
                errors = [self.error(t) for t in expr.terms]
                steps = len(errors) - 1
                return add(*errors, *(_rounded(t, steps) for t in expr.terms))
            case Mul():
                return self._mul(expr)
            case Power():
                slope = mul(const(expr.exponent), power(expr.base, expr.exponent - 1))
                return add(_carried(slope, self.error(expr.base)), _rounded(expr, 2))
            case Call():
                return self._call(expr)
            case Where():
                return self._where(expr)
            case Compare() | Logic():
                return self.uncertain(expr)
            case Reduce():
                return self._reduce(expr)
            case _:
                return ZERO

    def _element(self, expr: Element) -> Expr:
        if expr.tensor not in self.inexact:
            return ZERO
        outside = None if expr.outside is None else ZERO
        return Element(expr.tensor + ERROR, expr.indices, outside)

    def _mul(self, expr: Mul) -> Expr:
        carried = [
            _carried(mul(*expr.factors[:k], *expr.factors[k + 1 :]), self.error(factor))
            for k, factor in enumerate(expr.factors)
        ]
        inexact = [f for f in expr.factors if not _is_power_of_two(f)]
        return add(*carried, _rounded(expr, max(0, len(inexact) - 1)))

    def _call(self, expr: Call) -> Expr:
        total = subtracted_logsumexp(expr)
        if total is not None:
            return self._normalised(expr, total)
        carried = map(_carried, partial_derivatives(expr), map(self.error, expr.args))
        return add(*carried, _rounded(expr, CALL_ULPS))

    def _normalised(self, expr: Call, total: Reduce) -> Expr:
        """Return the bound of `exp(u - logsumexp(v))`, which code computes as `exp(u - m) / s`.

        The shift m is the largest v, so u - m is at most -log of the result in size.
        """
        argument = expr.args[0]
        terms = [t for t in arguments(argument, Add) if total not in arguments(t, Mul)]
        bound, body, condition = open_reduce(total)
        errors = [self.error(t) for t in terms]
        if self.error(body) is not ZERO:
            weight = call("exp", sub(body, total))
            errors.append(close_reduce("sum", bound, mul(weight, self.error(body)), condition))
        lengths = mul(*(Size(i.axis) for i in bound))
        steps = add(lengths, const(2 * CALL_ULPS + len(terms)), call("abs", argument))
        return mul(expr, add(*errors, mul(Element(ROUNDOFF), steps)))

    def _where(self, expr: Where) -> Expr:
        certain = Where(expr.condition, self.error(expr.then), self.error(expr.otherwise))
        doubt = self.uncertain(expr.condition)
        return certain if doubt is ZERO else Where(doubt, INF, certain)

    def uncertain(self, expr: Expr) -> Expr:
        """Return 1 where rounding may change a truth value, else 0."""
        match expr:
            case Compare():
                error = add(self.error(expr.left), self.error(expr.right))
                if error is ZERO:
                    return ZERO
                gap = call("abs", sub(expr.left, expr.right))
                lowest = compare("<", ZERO, gap if expr.op in ("==", "!=") else error)
                return mul(lowest, compare("<=", gap, error))
            case Logic():
                return compare("<", ZERO, add(*(self.uncertain(a) for a in expr.args)))
            case _:
                return ZERO

    def _reduce(self, expr: Reduce) -> Expr:
        bound, body, condition = open_reduce(expr)
        error = self.error(body)
        size = call("abs", body)
        match expr.op:
            case "sum":
                # Every term takes part in at most as many additions as there are terms.
                count = mul(*(Size(i.axis) for i in bound))
                inner = add(error, mul(Element(ROUNDOFF), count, size))
                return close_reduce("sum", bound, inner, condition)
            case "prod":
                worse = mul(add(size, error), add(ONE, Element(ROUNDOFF)))
                top = close_reduce("prod", bound, worse, condition)
                return sub(top, close_reduce("prod", bound, size, condition))
            case "max" | "min":
                if error is ZERO:
                    return ZERO
                return close_reduce("sum", bound, error, condition)
            case "logsumexp":
                count = add(mul(*(Size(i.axis) for i in bound)), const(2 * CALL_ULPS))
                weight = call("exp", sub(body, expr))
                inner = mul(weight, add(error, mul(Element(ROUNDOFF), add(count, size))))
                return add(close_reduce("sum", bound, inner, condition), _rounded(expr, 2))
            case _:
                return ZERO


def _is_exact(expr: Const | Named) -> bool:
    if isinstance(expr, Named):
        return expr is INF
    return expr.value.denominator & (expr.value.denominator - 1) == 0


def _is_power_of_two(expr: Expr) -> bool:
    """Return whether multiplying by a term never rounds."""
    if not isinstance(expr, Const):
        return False
    top, bottom = abs(expr.value.numerator), expr.value.denominator
    return top > 0 and top & (top - 1) == 0 and bottom & (bottom - 1) == 0


def subtracted_logsumexp(expr: Expr) -> Reduce | None:
    """Return the `logsumexp` in a term of the form `exp(u - logsumexp(v))`, else None."""
    if not isinstance(expr, Call) or expr.function != "exp":
        return None
    for term in arguments(expr.args[0], Add):
        factors = arguments(term, Mul)
        if len(factors) == 2 and factors[0] is MINUS_ONE and isinstance(factors[1], Reduce):
            return factors[1] if factors[1].op == "logsumexp" else None
    return None


def _rounded(expr: Expr, times: int = 1) -> Expr:
    return mul(const(times), Element(ROUNDOFF), call("abs", expr))


def _carried(slope: Expr, error: Expr) -> Expr:
    return ZERO if error is ZERO else mul(call("abs", slope), error)
