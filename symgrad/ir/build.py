"""Smart constructors: terms over which the axioms of a commutative ring hold by construction.

In: terms. Out: terms that are flattened, sorted, with constants folded, like terms collected and
equal bases combined. Nothing is distributed, no reduction is touched: named rules do that.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import isqrt

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
    Index,
    Logic,
    Mul,
    Power,
    Size,
)  # fmt: skip

Number = int | Fraction

_UNIT = Fraction(1)
#: Terms are values, and a derivation builds the same ones over and over.
_CACHED = 32_768


def const(value: Number) -> Const:
    """Return an exact rational constant."""
    return Const(Fraction(value))


def index(name: str, axis: str | None = None) -> Index:
    """Return the free index `name`, over the axis of the same name unless another is given."""
    return Index(name, axis or name)


def element(tensor: str, *indices: Expr) -> Element:
    """Return the element of a tensor at the given indices."""
    return Element(tensor, tuple(indices))


def split_coefficient(expr: Expr) -> tuple[Fraction, Expr]:
    """Return `(c, rest)` with `expr = c * rest` and `rest` free of a rational factor."""
    if isinstance(expr, Const):
        return expr.value, ONE
    if isinstance(expr, Mul) and isinstance(expr.factors[0], Const):
        rest = expr.factors[1:]
        return expr.factors[0].value, rest[0] if len(rest) == 1 else Mul(rest)
    return _UNIT, expr


def split_power(expr: Expr) -> tuple[Expr, Fraction]:
    """Return `(base, exponent)` with `expr = base ** exponent`."""
    return (expr.base, expr.exponent) if isinstance(expr, Power) else (expr, _UNIT)


@lru_cache(maxsize=_CACHED)
def add(*terms: Expr) -> Expr:
    """Return the sum of terms, flattened, collected and sorted; negative terms stand last."""
    collected: dict[Expr, Fraction] = {}
    stack = list(reversed(terms))
    while stack:
        term = stack.pop()
        if isinstance(term, Add):
            stack.extend(reversed(term.terms))
            continue
        coefficient, rest = split_coefficient(term)
        known = collected.get(rest)
        collected[rest] = coefficient if known is None else known + coefficient
    rows = [(c, rest) for rest, c in collected.items() if c]
    rows.sort(key=lambda row: (row[0] < 0, row[1] is ONE, row[1].key))
    new = tuple(_scaled(c, rest) for c, rest in rows)
    if not new:
        return ZERO
    return new[0] if len(new) == 1 else Add(new)


def _scaled(coefficient: Fraction, rest: Expr) -> Expr:
    if rest is ONE:
        return Const(coefficient)
    if coefficient == 1:
        return rest
    tail = rest.factors if isinstance(rest, Mul) else (rest,)
    return Mul((Const(coefficient), *tail))


def _reduced_radical(
    coefficient: Fraction, base: Fraction, exponent: Fraction
) -> tuple[Fraction, Fraction]:
    """Return `c * b**e` with the integer b moved into or out of c: `2 / sqrt(2)` is `sqrt(2)`."""
    if base.denominator == 1 and base > 1:
        while exponent < 0 and coefficient.numerator % base == 0:
            coefficient, exponent = coefficient / base, exponent + 1
        while exponent > 0 and coefficient.denominator % base == 0:
            coefficient, exponent = coefficient * base, exponent - 1
    return coefficient, exponent


def neg(expr: Expr) -> Expr:
    """Return minus a term."""
    return mul(MINUS_ONE, expr)


def sub(left: Expr, right: Expr) -> Expr:
    """Return the difference of two terms."""
    return add(left, neg(right))


@lru_cache(maxsize=_CACHED)
def mul(*factors: Expr) -> Expr:
    """Return the product of factors, flattened, with equal bases combined, sorted."""
    coefficient = _UNIT
    exponents: dict[Expr, Fraction] = {}
    stack = list(reversed(factors))
    while stack:
        factor = stack.pop()
        if isinstance(factor, Mul):
            stack.extend(reversed(factor.factors))
        elif isinstance(factor, Const):
            coefficient *= factor.value
        else:
            base, exponent = split_power(factor)
            known = exponents.get(base)
            exponents[base] = exponent if known is None else known + exponent
    if not coefficient and INF not in exponents:
        return ZERO
    powers: list[Expr] = []
    for base, total in exponents.items():
        exponent = total
        if isinstance(base, Const) and exponent.denominator != 1:
            coefficient, exponent = _reduced_radical(coefficient, base.value, total)
        factor = power(base, exponent)
        if isinstance(factor, Const):
            coefficient *= factor.value
        elif factor is not ONE:
            powers.append(factor)
    if any(isinstance(f, Mul) for f in powers):  # an exponent became 1 and freed a product
        return mul(Const(coefficient), *powers)
    powers.sort(key=lambda f: split_power(f)[0].key)
    head = () if coefficient == 1 and powers else (Const(coefficient),)
    new = (*head, *powers)
    return new[0] if len(new) == 1 else Mul(new)


def div(left: Expr, right: Expr) -> Expr:
    """Return the quotient of two terms."""
    return mul(left, power(right, -1))


@lru_cache(maxsize=_CACHED)
def power(base: Expr, exponent: Number) -> Expr:
    """Return a base to a rational exponent, with exact roots taken and products split."""
    if exponent == 1:
        return base
    if exponent == 0:
        return ONE
    exponent = Fraction(exponent)
    if isinstance(base, Const):
        return _constant_power(base, exponent)
    if isinstance(base, (Compare, Logic)) and exponent > 0:
        return base
    if isinstance(base, Power) and (exponent.denominator == 1 or evidently_nonnegative(base.base)):
        return power(base.base, base.exponent * exponent)
    if isinstance(base, Mul):
        return _product_power(base, exponent)
    return Power(base, exponent)


def _product_power(base: Mul, exponent: Fraction) -> Expr:
    if exponent.denominator == 1:
        return mul(*(power(f, exponent) for f in base.factors))
    out = [f for f in base.factors if evidently_nonnegative(f)]
    if not out:
        return Power(base, exponent)
    rest = [f for f in base.factors if f not in out]
    kept = [Power(mul(*rest), exponent)] if rest else []
    return mul(*(power(f, exponent) for f in out), *kept)


def _constant_power(base: Const, exponent: Fraction) -> Expr:
    value = base.value
    if value == 0:
        return ZERO if exponent > 0 else Power(base, exponent)
    if exponent.denominator == 1:
        return Const(value**exponent.numerator)
    if exponent.denominator == 2 and value > 0:
        top, bottom = isqrt(value.numerator), isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Const(Fraction(top, bottom) ** exponent.numerator)
    return Power(base, exponent)


def evidently_nonnegative(expr: Expr) -> bool:
    """Return whether a term is at least 0 whatever its tensors hold, as its form alone shows."""
    match expr:
        case Const():
            return expr.value >= 0
        case Size() | Index() | Compare() | Logic():
            return True
        case Call():
            return expr.function in ("exp", "sigmoid", "softplus", "relu", "abs")
        case Power():
            even = expr.exponent.denominator == 1 and expr.exponent.numerator % 2 == 0
            return even or evidently_nonnegative(expr.base)
        case Add() | Mul():
            return all(evidently_nonnegative(c) for c in expr.children)
        case _:
            return False


def call(function: str, *args: Expr) -> Expr:
    """Return a scalar function applied to its arguments."""
    return Call(function, tuple(args))


def compare(op: str, left: Expr, right: Expr) -> Expr:
    """Return a comparison; constants are compared, and an equality has its sides in order."""
    if isinstance(left, Const) and isinstance(right, Const):
        a, b = left.value, right.value
        return ONE if {"<": a < b, "<=": a <= b, "==": a == b, "!=": a != b}[op] else ZERO
    if left is right and op in ("==", "<="):
        return ONE
    if left is right:
        return ZERO
    if op in ("==", "!=") and left.key < right.key:
        left, right = right, left
    return Compare(op, left, right)


def collect(expr: Expr) -> Expr:
    """Return the node rebuilt with smart constructors; its children are taken as they are."""
    match expr:
        case Add():
            return add(*expr.terms)
        case Mul():
            return mul(*expr.factors)
        case Power():
            return power(expr.base, expr.exponent)
        case Compare():
            return compare(expr.op, expr.left, expr.right)
        case _:
            return expr
