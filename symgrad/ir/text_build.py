"""Terms as they are written: order kept, only literal coefficients and divisions normalised.

In: terms in text order. Out: raw terms in the one form that `symgrad.ir.show` prints and the parser
reads back: sums and products flat, a literal coefficient first, divisors last.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.ir.terms import ONE, Add, Const, Expr, Mul, Power, Size

if TYPE_CHECKING:
    from collections.abc import Iterable

HALF = Fraction(1, 2)


def written_sum(terms: Iterable[Expr]) -> Expr:
    """Return the sum of terms, in order, flattened."""
    flat = [t for term in terms for t in (term.terms if isinstance(term, Add) else (term,))]
    if all(isinstance(t, Const) for t in flat):
        return Const(sum((t.value for t in flat if isinstance(t, Const)), Fraction(0)))
    return flat[0] if len(flat) == 1 else Add(tuple(flat))


def written_product(factors: Iterable[Expr]) -> Expr:
    """Return the product of factors: coefficient, factors, then divisors, lengths before others."""
    coefficient = Fraction(1)
    above: list[Expr] = []
    below: list[Power] = []
    for factor in factors:
        for part in factor.factors if isinstance(factor, Mul) else (factor,):
            if isinstance(part, Const):
                coefficient *= part.value
            elif isinstance(part, Power) and part.exponent < 0:
                below.append(part)
            else:
                above.append(part)
    lengths = [p for p in below if isinstance(p.base, Size)]
    below = [*sorted(lengths, key=lambda p: p.key), *(p for p in below if p not in lengths)]
    rest = [*above, *below]
    if not rest:
        return Const(coefficient)
    if coefficient == 1 and len(rest) == 1:
        return rest[0]
    head = () if coefficient == 1 else (Const(coefficient),)
    return Mul((*head, *rest))


def negated(expr: Expr) -> Expr:
    """Return minus a term."""
    return written_product((Const(Fraction(-1)), expr))


def inverse(expr: Expr) -> Expr:
    """Return one over a term; a product becomes the product of the inverses."""
    match expr:
        case Const() if expr.value:
            return Const(1 / expr.value)
        case Mul():
            return written_product(inverse(f) for f in expr.factors)
        case Power():
            return expr.base if expr.exponent == -1 else Power(expr.base, -expr.exponent)
        case _:
            return Power(expr, Fraction(-1))


def written_power(base: Expr, exponent: Fraction) -> Expr:
    """Return a power as it is written."""
    if exponent == 0:
        return ONE
    if exponent == 1:
        return base
    if isinstance(base, Const) and exponent.denominator == 1 and (base.value or exponent > 0):
        return Const(base.value**exponent.numerator)
    if exponent < 0 and (exponent == -1 or isinstance(base, (Mul, Power))):
        return inverse(written_power(base, -exponent))
    return Power(base, exponent)


def growth(expr: Expr) -> Fraction:
    """Return the largest exponent that multiplying out the powers of a term would give."""
    match expr:
        case Power():
            return abs(expr.exponent) * growth(expr.base)
        case Add() | Mul():
            return max(growth(c) for c in expr.children)
        case _:
            return Fraction(1)
