"""Lengths in numbers: the value of an expression in sizes, and solving for lengths.

In: expressions in sizes and known lengths. Out: whole numbers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.ir.build import collect
from symgrad.ir.terms import ONE, Add, Call, Const, Expr, Mul, Power, Size
from symgrad.ir.visit import rebuild, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def length_of(expr: Expr, sizes: Mapping[str, int]) -> int | None:
    """Return the value of an expression in sizes; None if one is unknown or it is not whole.

    >>> from symgrad.ir.text import parse_expression
    >>> length_of(parse_expression("(size[y] - 3) // 2 + 1"), {"y": 8})
    3
    """
    try:
        value = _value(expr, sizes)
    except (KeyError, ZeroDivisionError):
        return None
    return int(value) if value.denominator == 1 else None


def _value(expr: Expr, sizes: Mapping[str, int]) -> Fraction:
    match expr:
        case Const():
            return expr.value
        case Size():
            return Fraction(sizes[expr.axis])
        case Add():
            return sum((_value(t, sizes) for t in expr.terms), Fraction(0))
        case Mul():
            product = Fraction(1)
            for factor in expr.factors:
                product *= _value(factor, sizes)
            return product
        case Power() if expr.exponent.denominator == 1:
            return _value(expr.base, sizes) ** expr.exponent.numerator
        case Call() if expr.function in _CALLS:
            return Fraction(_CALLS[expr.function](*(_value(a, sizes) for a in expr.args)))
        case _:
            raise KeyError(str(expr))


_CALLS: dict[str, Callable[[Fraction, Fraction], Fraction | int]] = {
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "maximum": max,
    "minimum": min,
}


def tidy_length(expr: Expr) -> Expr:
    """Return an expression in sizes with its literals collected, so that options leave no trace.

    >>> from symgrad.ir.text import parse_expression
    >>> print(tidy_length(parse_expression("(size[y] + 2 * 0 - 3) // 1 + 1")))
    size[y] - 2
    """
    new = collect(rebuild(expr, tidy_length))
    if isinstance(new, Call) and new.function == "floordiv" and new.args[1] is ONE:
        return new.args[0]
    return new


def solve_lengths(rules: Iterable[tuple[Expr, Expr]], known: Mapping[str, int]) -> dict[str, int]:
    """Return all lengths that follow from equations between expressions in sizes.

    An equation is used when one side is known and the other is a product with one unknown length.
    What cannot be found, or contradicts, is left out: the caller checks.
    """
    found = dict(known)
    rows = [*rules]
    progress = True
    while progress:
        progress = False
        for left, right in rows:
            for one, other in ((left, right), (right, left)):
                progress = _solve(one, length_of(other, found), found) or progress
    return found


def _solve(expr: Expr, value: int | None, found: dict[str, int]) -> bool:
    """Record the one unknown length of a product with a known value; return whether it did."""
    if value is None:
        return False
    factors = expr.factors if isinstance(expr, Mul) else (expr,)
    unknown = [f for f in factors if isinstance(f, Size) and f.axis not in found]
    if len(unknown) != 1:
        return False
    rest = 1
    for factor in factors:
        if factor is not unknown[0]:
            length = length_of(factor, found)
            if not length:
                return False
            rest *= length
    if value % rest:
        return False
    found[unknown[0].axis] = value // rest
    return True


def axes_of(expr: Expr) -> list[str]:
    """Return the axes whose lengths an expression mentions, in order."""
    return list(dict.fromkeys(n.axis for n in walk(expr) if isinstance(n, Size)))
