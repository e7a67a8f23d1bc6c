"""The judge of closed forms: operations, each weighted with the lengths it runs over.

In: terms, and the few lengths that are known. Out: one number; the other lengths count as nominal.
A subterm costs what it costs at its own rank, once, however often it occurs; that is how it will
be computed. Readable closed-form counts are the business of `symgrad.lowering.cost`; this number
only ranks candidates.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING

from symgrad.ir.packed import pieces, pin_of, pinned
from symgrad.ir.terms import (
    Add,
    Call,
    Compare,
    Const,
    Expr,
    Index,
    Logic,
    Mul,
    Power,
    Reduce,
    Where,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

#: An axis counts as this long if nothing is known, so that an operation of higher rank outweighs.
NOMINAL_LENGTH = 50.0
#: The known lengths, by axis.
Lengths = tuple[tuple[str, int], ...]
_CACHED = 32_768
#: A transcendental function against an addition.
_TRANSCENDENTAL = 5.0
_CHEAP = ("relu", "abs", "sign", "maximum", "minimum", "floor")
_WEIGHTS = {**dict.fromkeys(_CHEAP, 1.0), "stop": 0.0, "straight_through": 0.0}


class CostMeter:
    """Adds up the cost of terms, each distinct subterm once."""

    def __init__(self, lengths: Lengths = ()) -> None:
        self.total = 0.0
        self._lengths = lengths
        self._seen: set[Expr] = set()

    def add(self, expr: Expr) -> None:
        """Add the cost of a term, less the subterms already counted."""
        if expr in self._seen:
            return
        self._seen.add(expr)
        for child in expr.children:
            self.add(child)
        self.total += _own(expr, self._lengths)


@lru_cache(maxsize=_CACHED)
def _indices(expr: Expr) -> frozenset[Index]:
    """Return the indices a term depends on, those bound around it included."""
    if isinstance(expr, Index):
        return frozenset((expr,))
    found = frozenset[Index]().union(*map(_indices, expr.children))
    return found.difference(expr.bound) if isinstance(expr, Reduce) else found


def _count(indices: Collection[Index], lengths: Lengths) -> float:
    """Return the number of points that indices run over together."""
    return elements_of([i.axis for i in indices], lengths)


def _points(expr: Expr, lengths: Lengths) -> float:
    return _count(_indices(expr), lengths)


@lru_cache(maxsize=_CACHED)
def _own(expr: Expr, lengths: Lengths) -> float:
    """Return the cost of a node, without its children."""
    match expr:
        case Add():
            return _sum(expr, lengths)
        case Mul():
            return _product(expr, lengths)
        case Power():
            return _points(expr, lengths) * _power_operations(expr)
        case Call():
            return _points(expr, lengths) * _WEIGHTS.get(expr.function, _TRANSCENDENTAL)
        case Compare() | Logic() | Where():
            return _points(expr, lengths)
        case Reduce():
            return _points(expr.body, lengths)
        case _:
            return 0.0


def _sum(expr: Add, lengths: Lengths) -> float:
    packed = pieces(expr.terms)
    if packed is not None:  # each piece is put at its position
        return sum(_points(value, lengths) for value in packed.values())
    return _chain(map(_unsigned, expr.terms), lengths)


def _product(expr: Mul, lengths: Lengths) -> float:
    pin = pin_of(expr)
    if pin is not None:  # it is computed at one position, and put there
        rest = [f for f in expr.factors if f is not pin]
        return _chain(rest, (*lengths, (pinned(pin).axis, 1))) if rest else 0.0
    factors = [f for f in expr.factors if not (isinstance(f, Const) and abs(f.value) == 1)]
    inverse = [f for f in factors if isinstance(f, Power) and f.exponent == -1]
    # `a / b` is one operation: the reciprocal was counted at `b`'s rank, take it back.
    refund = sum(_points(f, lengths) for f in inverse if len(inverse) < len(factors))
    return _chain(factors, lengths) - refund


def _chain(operands: Iterable[Expr], lengths: Lengths) -> float:
    """Return the cost of combining operands two by two, those of like indices first."""
    rows = sorted(map(_indices, operands), key=lambda s: (len(s), _names(s)))
    cost = 0.0
    union: frozenset[Index] = frozenset()
    for k, (indices, group) in enumerate(groupby(rows)):
        count = len(list(group))
        cost += (count - 1) * _count(indices, lengths)
        union = union | indices
        if k:
            cost += _count(union, lengths)
    return cost


def _names(indices: frozenset[Index]) -> list[tuple[str, int]]:
    return sorted((i.axis, i.serial) for i in indices)


def _unsigned(term: Expr) -> Expr:
    """A minus sign in a sum costs nothing: the addition is a subtraction."""
    if isinstance(term, Mul) and isinstance(term.factors[0], Const) and term.factors[0].value == -1:
        rest = term.factors[1:]
        return rest[0] if len(rest) == 1 else Mul(rest)
    return term


def _power_operations(expr: Power) -> float:
    exponent = abs(expr.exponent)
    inverse = 1.0 if expr.exponent < 0 else 0.0
    if exponent.denominator == 1 and exponent <= 4:
        return float(exponent) - 1 + inverse
    return inverse + (2.0 if exponent.denominator == 2 and exponent.numerator == 1 else 10.0)


def cost_of(exprs: Iterable[Expr], lengths: Lengths = ()) -> float:
    """Return the cost of computing terms together."""
    meter = CostMeter(lengths)
    for expr in exprs:
        meter.add(expr)
    return meter.total


@lru_cache(maxsize=16384)
def cost_of_one(expr: Expr, lengths: Lengths = ()) -> float:
    """Return the cost of computing a term; cached, for a search asks often."""
    return cost_of([expr], lengths)


def elements_of(axes: Collection[str], lengths: Lengths = ()) -> float:
    """Return the nominal number of elements of a tensor with some axes."""
    if not lengths:
        return NOMINAL_LENGTH ** len(axes)
    known = dict(lengths)
    return prod(known.get(axis, NOMINAL_LENGTH) for axis in axes)


@lru_cache(maxsize=16384)
def length(expr: Expr) -> int:
    """Return how many nodes a reader goes through, repeated ones each time."""
    return 1 + sum(map(length, expr.children))
