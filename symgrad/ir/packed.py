"""Sums that are given piece by piece: each term stands at one position of an axis.

In: a sum such as `(q == 0) * A[n] + (q == 1) * B[n]`, which is what a cotangent of packed gates is.
Out: the index, and what stands at each position.
"""

from __future__ import annotations

from symgrad.ir.build import add, mul
from symgrad.ir.terms import Compare, Const, Expr, Index, Mul
from symgrad.ir.visit import arguments


def pin_of(term: Expr) -> Compare | None:
    """Return the factor of a term that holds an index at a number, None if it has none."""
    for factor in arguments(term, Mul):
        if isinstance(factor, Compare) and factor.op == "==":
            kinds = {type(factor.left), type(factor.right)}
            if kinds == {Index, Const} and _number(factor).value.denominator == 1:
                return factor
    return None


def pinned(pin: Compare) -> Index:
    """Return the index that is held."""
    index = pin.left if isinstance(pin.left, Index) else pin.right
    assert isinstance(index, Index)
    return index


def position(pin: Compare) -> int:
    """Return the number that an index is held at."""
    return int(_number(pin).value)


def _number(pin: Compare) -> Const:
    number = pin.right if isinstance(pin.right, Const) else pin.left
    assert isinstance(number, Const)
    return number


def pieces(terms: tuple[Expr, ...]) -> dict[Compare, Expr] | None:
    """Return what a sum is at each position of an index, by the factor that holds it there.

    None if a term holds no index, or another, or if all hold it at one position.

    Example:
        >>> from symgrad.ir.text import parse
        >>> text = "size[q] = 2; Y[n, q] = (q == 0) * A[n] + (q == 1) * B[n] + (q == 1) * C[n]"
        >>> found = pieces(parse(text).equations[0].value.terms)
        >>> [f"{pin}: {value}" for pin, value in found.items()]
        ['q == 0: A[n]', 'q == 1: B[n] + C[n]']
    """
    found: dict[Compare, list[Expr]] = {}
    for term in terms:
        pin = pin_of(term)
        if pin is None:
            return None
        rest = mul(*(f for f in arguments(term, Mul) if f is not pin))
        found.setdefault(pin, []).append(rest)
    if len(found) < 2 or len({pinned(p) for p in found}) > 1:
        return None
    return {pin: add(*found[pin]) for pin in sorted(found, key=position)}


def by_position(terms: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Return terms in the order of the positions that they stand at, as a reader expects them."""
    pins = [pin_of(t) for t in terms]
    if any(p is None for p in pins):
        return terms
    order = [(pinned(p).name, position(p)) for p in pins if p is not None]
    return tuple(terms[k] for k in sorted(range(len(terms)), key=order.__getitem__))


def pin_first(product: Mul) -> tuple[Expr, ...]:
    """Return factors with the one that holds an index in front."""
    pin = pin_of(product)
    return product.factors if pin is None else (pin, *(f for f in product.factors if f is not pin))
