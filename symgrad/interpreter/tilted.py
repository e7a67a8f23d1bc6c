"""Numbers with a complex step: what a System does to them shows its derivative, exactly.

In: real numbers, some of which have a direction. Out: complex numbers at many digits; the imaginary
part over the step is the derivative along the directions. No derivative rule has a part in it, and
no difference is taken, so nothing cancels.

Comparisons look at real parts, and so do `abs`, `sign` and maxima: away from kinks and ties the
functions are analytic on both sides. `stop` and `floor` have no derivative, by definition.

Source: Squire & Trapp 1998, Using complex variables to estimate derivatives of real functions.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interpreter.numbers import Number, Numbers, mpmath_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

#: Digits of the numbers, and of the step: its square is nothing at all.
DIGITS = 120
STEP = 50


class Tilted(float):
    """A real number with a direction."""

    slope: float

    def __new__(cls, value: float, slope: float) -> Tilted:
        """Return a number that moves with a slope."""
        made = super().__new__(cls, value)
        made.slope = slope
        return made


def tilted(point: NDArray[Any], direction: NDArray[Any]) -> NDArray[Any]:
    """Return an array of numbers with directions."""
    pairs = zip(point.flat, direction.flat, strict=True)
    found = np.empty(point.size, dtype=object)
    found[:] = [Tilted(float(x), float(v)) for x, v in pairs]
    return found.reshape(point.shape)


def slopes(array: NDArray[Any]) -> NDArray[Any]:
    """Return the derivative that each number shows."""
    found = np.empty(array.size, dtype=object)
    found[:] = [getattr(x, "imag", 0) * 10**STEP for x in array.flat]
    return found.reshape(array.shape)


@cache
def tilted_numbers() -> Numbers:
    """Return the arithmetic; mpmath is imported when it is first asked for."""
    import mpmath  # noqa: PLC0415 (heavy, and needed only here)

    mp: Any = mpmath.mp.clone()
    mp.dps = DIGITS
    for name in ("__lt__", "__le__", "__gt__", "__ge__"):
        # The classes belong to this clone alone.
        compare = _by_real_parts(getattr(mp.mpf, name))
        setattr(mp.mpf, name, compare)
        setattr(mp.mpc, name, compare)
    step = mp.mpf(10) ** -STEP

    def real(value: Number) -> Number:
        return mp.mpc(value, step * value.slope) if isinstance(value, Tilted) else mp.mpf(value)

    def const(value: Fraction) -> Number:
        return mp.mpf(value.numerator) / value.denominator

    def wrapped(function: Callable[..., Number]) -> Callable[..., Number]:
        return lambda *args: function(*(mp.convert(a) for a in args))

    def power(base: Number, exponent: Fraction | Number) -> Number:
        base = mp.convert(base)
        exponent = const(exponent) if isinstance(exponent, Fraction) else exponent
        return mp.inf if base == 0 and exponent < 0 else base ** mp.convert(exponent)

    def absolute(x: Number) -> Number:
        return -x if x < 0 else x

    plain = mpmath_numbers(DIGITS)
    names = (n for n in plain.functions if hasattr(mp, n) and n not in ("sign", "floor", "sigmoid"))
    functions = {**plain.functions, **{n: wrapped(getattr(mp, n)) for n in names}}
    functions |= {
        "abs": absolute,
        "floor": wrapped(lambda x: mp.floor(x.real)),
        "pow": power,
        "sigmoid": wrapped(lambda x: 1 / (1 + mp.exp(-x))),
        "softplus": wrapped(lambda x: (x if x >= 0 else 0) + mp.log1p(mp.exp(-absolute(x)))),
        "stop": wrapped(lambda x: x.real),
        "straight_through": wrapped(lambda x, z: mp.mpc(x.real, z.imag)),
    }
    return Numbers(const, real, power, functions, +mp.pi, mp.inf)


def _by_real_parts(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda a, b: compare(a.real, getattr(b, "real", b))
