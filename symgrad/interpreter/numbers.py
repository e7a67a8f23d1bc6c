"""The two kinds of numbers that the interpreter computes with: float64 and mpmath, at 50 digits.

In: Python floats or mpmath numbers. Out: the same. Where Python raises, the value of IEEE
arithmetic is returned: overflow is inf, 1/0 is inf, log(-1) is nan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import inf, nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Number = Any

DIGITS = 50


@dataclass(frozen=True)
class Numbers:
    """Arithmetic over one kind of number.

    Attributes:
        const: A rational as a number.
        real: A real input as a number.
        power: A number to a rational power.
        functions: The scalar functions, by name.
        pi: The constant.
        inf: The constant.
    """

    const: Callable[[Fraction], Number]
    real: Callable[[Number], Number]
    power: Callable[[Number, Fraction], Number]
    functions: Mapping[str, Callable[..., Number]]
    pi: Number
    inf: Number


def _guarded(
    function: Callable[[float], float], overflow: Callable[[float], float]
) -> Callable[[float], float]:
    """Return a function of `math` with IEEE results instead of exceptions."""

    def guarded(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return overflow(x)
        except ValueError:
            return nan

    return guarded


def _log(x: float) -> float:
    if x > 0:
        return math.log(x)
    return -inf if x == 0 else nan


def _log1p(x: float) -> float:
    if x > -1:
        return math.log1p(x)
    return -inf if x == -1 else nan


_exp = _guarded(math.exp, lambda _: inf)


def _sigmoid(x: float) -> float:
    small = _exp(-abs(x))
    return 1 / (1 + small) if x >= 0 else small / (1 + small)


def _softplus(x: float) -> float:
    return _relu(x) + math.log1p(_exp(-abs(x)))


def _sign(x: Number) -> Number:
    return x if x != x else (x > 0) - (x < 0)  # noqa: PLR0124 (nan)


def _relu(x: Number) -> Number:
    return x * 0 if x <= 0 else x


def _maximum(x: Number, z: Number) -> Number:
    if x != x:  # noqa: PLR0124 (nan)
        return x
    return x if x > z else z


def _minimum(x: Number, z: Number) -> Number:
    if x != x:  # noqa: PLR0124 (nan)
        return x
    return x if x < z else z


def _floor(x: float) -> float:
    return x if math.isinf(x) or math.isnan(x) else float(math.floor(x))


def _power(base: float, exponent: Fraction) -> float:
    if exponent == Fraction(1, 2):
        return math.sqrt(base) if base >= 0 else nan
    return _pow(base, exponent)


def _pow(x: float, z: float | Fraction) -> float:
    x, z = float(x), float(z)
    odd = z.is_integer() and z % 2 == 1
    try:
        return math.pow(x, z)
    except OverflowError:
        return -inf if x < 0 and odd else inf
    except ValueError:  # 0 to a negative power, or a negative base to a fraction
        if x == 0:
            return math.copysign(inf, x) if odd else inf
        return nan


_SHARED: dict[str, Callable[..., Number]] = {
    "abs": abs,
    "sign": _sign,
    "relu": _relu,
    "maximum": _maximum,
    "minimum": _minimum,
    "stop": lambda x: x,
    "straight_through": lambda x, _: x,
}

FLOAT64 = Numbers(
    const=float,
    real=float,
    power=_power,
    functions={
        **_SHARED,
        "exp": _exp,
        "log": _log,
        "expm1": _guarded(math.expm1, lambda _: inf),
        "log1p": _log1p,
        "sin": _guarded(math.sin, lambda _: nan),
        "cos": _guarded(math.cos, lambda _: nan),
        "tan": _guarded(math.tan, lambda _: nan),
        "atan": math.atan,
        "sinh": _guarded(math.sinh, lambda x: math.copysign(inf, x)),
        "cosh": _guarded(math.cosh, lambda _: inf),
        "tanh": math.tanh,
        "sigmoid": _sigmoid,
        "softplus": _softplus,
        "erf": math.erf,
        "pow": _pow,
        "floor": _floor,
    },
    pi=math.pi,
    inf=inf,
)


@cache
def mpmath_numbers(digits: int = DIGITS) -> Numbers:
    """Return arithmetic at many digits; mpmath is imported when it is first asked for."""
    import mpmath  # noqa: PLC0415 (heavy, and needed only here)

    mp = mpmath.mp.clone()
    mp.dps = digits

    def real(value: Number) -> Number:
        return value if isinstance(value, mp.mpf) else mp.nan

    def wrapped(function: Callable[..., Number]) -> Callable[..., Number]:
        return lambda *args: real(function(*(mp.mpf(a) for a in args)))

    def power(base: Number, exponent: Number) -> Number:
        base = mp.mpf(base)
        exponent = const(exponent) if isinstance(exponent, Fraction) else mp.mpf(exponent)
        return mp.inf if base == 0 and exponent < 0 else real(base**exponent)

    def const(value: Fraction) -> Number:
        return mp.mpf(value.numerator) / value.denominator

    names = [
        "exp",
        "log",
        "expm1",
        "log1p",
        "sin",
        "cos",
        "tan",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "erf",
        "floor",
    ]
    functions = {name: wrapped(getattr(mp, name)) for name in names}
    functions["sigmoid"] = wrapped(lambda x: 1 / (1 + mp.exp(-x)))
    functions["softplus"] = wrapped(lambda x: _relu(x) + mp.log1p(mp.exp(-abs(x))))
    functions["pow"] = power
    return Numbers(const, mp.mpf, power, {**_SHARED, **functions}, +mp.pi, mp.inf)
