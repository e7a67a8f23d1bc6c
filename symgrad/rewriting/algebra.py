"""Rules of arithmetic: towards sums of products of atoms.

In: terms. Out: terms in which products are multiplied out, powers and exponentials split,
logarithms of products opened. Each rule is one law; `NORMAL_ALGEBRA` is their order.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.ir.build import add, call, collect, mul, power, split_coefficient, split_power
from symgrad.ir.terms import (
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Expr,
    Mul,
    Power,
    Reduce,
    Where,
)
from symgrad.ir.visit import arguments, close_reduce, open_reduce
from symgrad.rewriting.rule import rule

if TYPE_CHECKING:
    from symgrad.rewriting.facts import Facts

_MOST_TERMS = 128
_LARGEST_EXPANDED = 4


@rule(
    law="x + y = y + x, 2*x + 3*x = 5*x, x * x = x**2",
    shrinks="number of terms and factors",
    before="Y[i] = 2 * X[i] + X[i] * 3",
    after="Y[i] = 5 * X[i]",
    nodes=(Add, Mul, Power, Compare),
)
def collect_terms(expr: Expr, _facts: Facts) -> Expr | None:
    """Sort, flatten and collect by the axioms of a commutative ring."""
    return collect(expr)


@rule(
    law="(x + y) * z = x*z + y*z",
    shrinks="products of sums",
    before="Y[i] = (X[i] + a[i]) * b[i]",
    after="Y[i] = X[i] * b[i] + a[i] * b[i]",
    nodes=(Mul,),
)
def multiply_out(expr: Expr, _facts: Facts) -> Expr | None:
    """Distribute a product over one of its factors that is a sum."""
    factors = arguments(expr, Mul)
    for k, factor in enumerate(factors):
        base, exponent = split_power(factor)
        if isinstance(base, Add) and _is_small(exponent) and _expanded_terms(expr) < _MOST_TERMS:
            rest = (*factors[:k], power(base, exponent - 1), *factors[k + 1 :])
            return add(*(mul(t, *rest) for t in base.terms))
    return None


def _expanded_terms(expr: Expr) -> int:
    """Return how many terms a product has at most once it is multiplied out."""
    count = 1
    for factor in arguments(expr, Mul):
        base, exponent = split_power(factor)
        if isinstance(base, Add) and _is_small(exponent):
            count *= len(base.terms) ** int(exponent)
    return count


def _is_small(exponent: Fraction) -> bool:
    return exponent.denominator == 1 and 1 <= exponent <= _LARGEST_EXPANDED


@rule(
    law="(x + y)**2 = x**2 + 2*x*y + y**2",
    when="the exponent is an integer from 2 to 4",
    shrinks="powers of sums",
    before="Y[i] = (X[i] + a[i])**2",
    after="Y[i] = X[i]**2 + 2 * X[i] * a[i] + a[i]**2",
    nodes=(Power,),
)
def expand_power(expr: Expr, _facts: Facts) -> Expr | None:
    """Multiply out a small power of a sum."""
    assert isinstance(expr, Power)
    if not isinstance(expr.base, Add) or not _is_small(expr.exponent):
        return None
    if _expanded_terms(expr) >= _MOST_TERMS:
        return None
    rest = power(expr.base, expr.exponent - 1)
    return add(*(mul(t, rest) for t in expr.base.terms))


@rule(
    law="(x**p)**q = x**(p*q), (x*y)**q = x**q * y**q",
    when="x is not negative",
    shrinks="powers of powers and of products",
    before="Y[i] = sqrt(exp(X[i])**2 * a[i])",
    after="Y[i] = exp(X[i]) * sqrt(a[i])",
    nodes=(Power,),
)
def combine_powers(expr: Expr, facts: Facts) -> Expr | None:
    """Multiply the exponents of nested powers, and split powers of products."""
    assert isinstance(expr, Power)
    if isinstance(expr.base, Power):
        inner = expr.base
        known = facts.is_nonnegative(inner.base)
        return power(inner.base, inner.exponent * expr.exponent) if known else None
    if isinstance(expr.base, Mul):
        known_factors = [f for f in expr.base.factors if facts.is_nonnegative(f)]
        rest = [f for f in expr.base.factors if f not in known_factors]
        if known_factors:
            return mul(*(power(f, expr.exponent) for f in (*known_factors, mul(*rest))))
    return None


@rule(
    law="(x*y + x*z)**p = x**p * (y + z)**p",
    when="p is an integer beyond 4 or below 0, or x is positive",
    shrinks="common factors inside powers of sums",
    before="Y[i] = 1 / (a[i] * X[i] + a[i])",
    after="Y[i] = 1 / (a[i] * (X[i] + 1))",
    nodes=(Power,),
)
def take_out_content(expr: Expr, facts: Facts) -> Expr | None:
    """Move the monomial that all terms of a base share in front of the power."""
    assert isinstance(expr, Power)
    if not isinstance(expr.base, Add) or _is_small(expr.exponent):
        return None
    content = monomial_content(expr.base)
    if expr.exponent.denominator != 1:
        content = mul(*(f for f in arguments(content, Mul) if facts.is_positive(f)))
    if content is ONE:
        return None
    rest = add(*(mul(t, power(content, -1)) for t in expr.base.terms))
    return mul(power(content, expr.exponent), power(rest, expr.exponent))


def monomial_content(expr: Add, *, clear: bool = True) -> Expr:
    """Return the product of powers that all terms share, and the first term's rational coefficient.

    Args:
        expr: The sum.
        clear: Whether to take the least exponent of each base, which clears denominators. Otherwise
            a base must occur in every term, and comes out as often as it does everywhere.
    """
    tables = [_exponents(t) for t in expr.terms]
    bases = {b: None for table in tables for b in table}
    content: list[Expr] = []
    for base in bases:
        exponents = [table.get(base, Fraction(0)) for table in tables]
        if clear:
            shared = min(exponents)
        elif isinstance(base, Const) and len({e % 1 for e in exponents}) == 1:
            shared = max(exponents)  # the root of a number: what is left is rational
        else:
            shared = _common_exponent(exponents)
        if shared:
            content.append(power(base, shared))
    coefficient, _ = split_coefficient(expr.terms[0])
    if not clear:
        rest = mul(*(power(c, -1) for c in content))
        coefficient = _simplest([split_coefficient(mul(t, rest))[0] for t in expr.terms])
    return mul(Const(coefficient), *content)


def _simplest(coefficients: list[Fraction]) -> Fraction:
    """Return the coefficient, or 1, that leaves the fewest multiplications, then digits.

    Its sign is that of the first, which is negative only if all are.
    """
    sign = Fraction(-1 if coefficients[0] < 0 else 1)
    if any(abs(c) == 1 for c in coefficients[:2]) and len(coefficients) == 2:
        return sign  # one multiplication either way
    if all(abs(c) == 1 for c in coefficients):
        return sign

    def effort(divisor: Fraction) -> tuple[int, int]:
        left = [abs(c / divisor) for c in coefficients]
        digits = sum(len(f"{c.numerator}{c.denominator}") for c in left)
        return sum(c != 1 for c in (divisor, *left)), digits

    return sign * min((Fraction(1), *map(abs, coefficients)), key=effort)


def _common_exponent(exponents: list[Fraction]) -> Fraction:
    if min(exponents) > 0:
        return min(exponents)
    return min(max(exponents), Fraction(0))


def _exponents(term: Expr) -> dict[Expr, Fraction]:
    _, rest = split_coefficient(term)
    return dict(split_power(f) for f in arguments(rest, Mul) if f is not ONE)


@rule(
    law="exp(x + y) = exp(x) * exp(y), exp(c*x) = exp(x)**c",
    when="c is rational",
    shrinks="terms and coefficients inside exponentials",
    before="Y[i] = exp(X[i] - a[i])",
    after="Y[i] = exp(X[i]) / exp(a[i])",
    nodes=(Call,),
)
def split_exponential(expr: Expr, _facts: Facts) -> Expr | None:
    """Turn an exponential of a sum into a product of exponentials of monomials."""
    assert isinstance(expr, Call)
    if expr.function != "exp":
        return None
    argument = expr.args[0]
    if argument is ZERO:
        return ONE
    if isinstance(argument, Add):
        return mul(*(call("exp", t) for t in argument.terms))
    coefficient, rest = split_coefficient(argument)
    if coefficient == 1 or rest is ONE:
        return None
    return power(call("exp", rest), coefficient)


@rule(
    law="log(x*y) = log(x) + log(y), log(x**p) = p*log(x), log(exp(x)) = x, exp(log(x)) = x",
    when="the factors are positive",
    shrinks="products inside logarithms",
    before="Y[i] = log(exp(X[i]) * exp(a[i]))",
    after="Y[i] = X[i] + a[i]",
    nodes=(Call,),
)
def open_logarithm(expr: Expr, facts: Facts) -> Expr | None:
    """Turn a logarithm of a product into a sum, and cancel exp against log."""
    assert isinstance(expr, Call)
    if expr.function not in ("log", "exp"):
        return None
    argument = expr.args[0]
    if expr.function == "exp":
        inner = isinstance(argument, Call) and argument.function == "log"
        return argument.children[0] if inner else None
    if argument is ONE:
        return ZERO
    if isinstance(argument, Call) and argument.function == "exp":
        return argument.args[0]
    if isinstance(argument, Power) and facts.is_positive(argument.base):
        return mul(Const(argument.exponent), call("log", argument.base))
    if isinstance(argument, Mul):
        known = [f for f in argument.factors if facts.is_positive(f)]
        rest = [f for f in argument.factors if f not in known]
        if known and (rest or len(known) > 1):
            tail = [call("log", mul(*rest))] if rest else []
            return add(*(call("log", f) for f in known), *tail)
    return None


@rule(
    law="logsumexp[k](x(k)) = log(sum[k](exp(x(k))))",
    shrinks="logsumexp reductions",
    before="Y[n] = logsumexp[k](X[n, k])",
    after="Y[n] = log(sum[k](exp(X[n, k])))",
    nodes=(Reduce,),
)
def open_logsumexp(expr: Expr, _facts: Facts) -> Expr | None:
    """Write logsumexp by its definition; the stable form comes back before code is made."""
    assert isinstance(expr, Reduce)
    if expr.op != "logsumexp":
        return None
    bound, body, condition = open_reduce(expr)
    return call("log", close_reduce("sum", bound, call("exp", body), condition))


@rule(
    law="where(c, x, x) = x, y * where(c, x, 0) = where(c, y*x, 0)",
    shrinks="operations outside of where",
    before="Y[i] = X[i] * where(a[i] > 0, b[i], 0)",
    after="Y[i] = where(a[i] > 0, X[i] * b[i], 0)",
    nodes=(Where, Mul),
)
def move_into_where(expr: Expr, _facts: Facts) -> Expr | None:
    """Move factors into a choice, so that nothing multiplies a branch that is not taken."""
    if isinstance(expr, Where):
        return expr.then if expr.then is expr.otherwise else None
    factors = arguments(expr, Mul)
    for k, factor in enumerate(factors):
        if isinstance(factor, Where):
            rest = (*factors[:k], *factors[k + 1 :])
            return Where(factor.condition, mul(factor.then, *rest), mul(factor.otherwise, *rest))
    return None


@rule(
    law="where(c, x, y) + where(c, z, w) = where(c, x + z, y + w)",
    shrinks="number of choices",
    before="Y[i] = where(a[i] > 0, X[i], 0) + where(a[i] > 0, 0, b[i])",
    after="Y[i] = where(a[i] > 0, X[i], b[i])",
    nodes=(Add,),
)
def merge_where(expr: Expr, _facts: Facts) -> Expr | None:
    """Add choices on the same condition branch by branch."""
    assert isinstance(expr, Add)
    by_condition: dict[Expr, list[Where]] = {}
    for term in expr.terms:
        if isinstance(term, Where):
            by_condition.setdefault(term.condition, []).append(term)
    for condition, group in by_condition.items():
        if len(group) > 1:
            then, otherwise = add(*(w.then for w in group)), add(*(w.otherwise for w in group))
            rest = [t for t in expr.terms if t not in group]
            return add(Where(condition, then, otherwise), *rest)
    return None


NORMAL_ALGEBRA = (
    collect_terms,
    merge_where,
    move_into_where,
    combine_powers,
    multiply_out,
    expand_power,
    take_out_content,
    split_exponential,
    open_logarithm,
    open_logsumexp,
)
