"""Numerical derivatives that know their own error: ladders of differences, and the complex step.

In: a function of one real number. Out: its slope at 0 from both sides, each with an error estimate
that counts truncation and the noise of the function. Knows nothing of Systems.

Sources: Ridders 1982, Accurate computation of F'(x) and F'(x) F''(x); Squire & Trapp 1998, Using
complex variables to estimate derivatives of real functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

#: Each rung halves the step: the last one is 1/2048 of the first.
RUNGS = 12

# An estimate is a difference of neighbours in the tableau, which a coincidence can make too small.
_SAFETY = 8.0

COMPLEX_STEP = 1e-40


@dataclass(frozen=True)
class Estimate:
    """A number and a bound of its error."""

    value: float
    error: float


@dataclass(frozen=True)
class Slope:
    """The slope of a function at a point.

    Attributes:
        central: From central differences.
        left: From the left alone.
        right: From the right alone.
        height: The largest absolute value of the function that was seen.
    """

    central: Estimate
    left: Estimate
    right: Estimate
    height: float

    @property
    def is_kink(self) -> bool:
        """Whether the one-sided slopes differ by more than their errors."""
        gap = abs(self.left.value - self.right.value)
        return gap > self.left.error + self.right.error

    def distance(self, claimed: float) -> float:
        """Return how far a claimed derivative is from the legal ones.

        At a kink every value between the one-sided slopes is legal.
        """
        if not self.is_kink:
            return abs(claimed - self.central.value)
        low, high = sorted((self.left.value, self.right.value))
        return max(low - claimed, claimed - high, 0.0)

    @property
    def error(self) -> float:
        """A bound of the error of `distance`."""
        if self.is_kink:
            return max(self.left.error, self.right.error)
        return self.central.error


def slope(function: Callable[[float], float], step: float, noise: float = 0.0) -> Slope:
    """Return the slope of a function at 0.

    Args:
        function: A function of one number, defined at least up to `step` on both sides.
        step: The largest step.
        noise: A bound of the rounding error of its value at 0; elsewhere it is at least an ulp.

    >>> from math import exp
    >>> round(slope(exp, 0.1, 1e-16).central.value, 12)
    1.0
    """
    steps = [step / 2.0**k for k in range(RUNGS)]
    middle = function(0.0)
    right = [function(h) for h in steps]
    left = [function(-h) for h in steps]
    central = [(r - x) / (2.0 * h) for r, x, h in zip(right, left, steps, strict=True)]
    rightward = [(r - middle) / h for r, h in zip(right, steps, strict=True)]
    leftward = [(middle - x) / h for x, h in zip(left, steps, strict=True)]
    height = max(abs(v) for v in (*left, middle, *right))
    noises = [max(noise, 2.0**-52 * height) / h for h in steps]
    return Slope(
        _extrapolate(central, 4.0, noises),
        _extrapolate(leftward, 2.0, [2.0 * n for n in noises]),
        _extrapolate(rightward, 2.0, [2.0 * n for n in noises]),
        height,
    )


def _extrapolate(rungs: Sequence[float], ratio: float, noises: Sequence[float]) -> Estimate:
    """Return the best entry of the Richardson tableau, with its error."""
    best = Estimate(rungs[-1], inf)
    above: list[float] = []
    for k, first in enumerate(rungs):
        row = [first]
        amplified = noises[k]
        for j in range(1, k + 1):
            factor = ratio**j
            row.append(row[j - 1] + (row[j - 1] - above[j - 1]) / (factor - 1.0))
            amplified *= (factor + 1.0) / (factor - 1.0)
            near = [abs(row[j] - row[j - 1]), abs(row[j] - above[j - 1])]
            if j < k:
                near.append(abs(row[j] - above[j]))
            error = _SAFETY * max(near) + amplified
            if isfinite(error) and error < best.error:
                best = Estimate(row[j], error)
        above = row
    return best


def complex_step(
    function: Callable[[NDArray[Any]], NDArray[Any]], point: NDArray[Any], direction: NDArray[Any]
) -> NDArray[Any]:
    """Return the derivative of an analytic NumPy function along a direction, exact to rounding.

    The function must accept complex arrays and must not take absolute values, compare or conjugate.

    >>> complex_step(np.exp, np.array([0.0]), np.array([2.0]))
    array([2.])
    """
    return np.asarray(function(point + 1j * COMPLEX_STEP * direction)).imag / COMPLEX_STEP
