"""The domains that declarations state: where the values of a kind may lie.

In: a kind and an array. Out: what is wrong with the array, or None. Not a number is nobody's fault
here: it comes out as it went in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

#: Sums and symmetry hold within rounding in single precision, whatever the dtype: probabilities
#: that were computed in float32 stay probabilities when they are converted.
ROUNDING = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Fault:
    """What is wrong with an array.

    Attributes:
        given: What was found.
        expected: What would have been right.
    """

    given: str
    expected: str


def fault_of(kind: str, array: NDArray[Any]) -> Fault | None:
    """Return what is wrong with an array of a declared kind, None if nothing is.

    >>> fault_of("positive", np.array([1.0, -2.0]))
    Fault(given='-2.0 among the values', expected='values that are positive')
    >>> fault_of("simplex", np.array([0.25, 0.75]))
    """
    check = _CHECKS.get(kind)
    with np.errstate(invalid="ignore", over="ignore"):
        return None if check is None else check(array)


def _values(kind: str, outside: Callable[[NDArray[Any]], Any]) -> Callable[..., Fault | None]:
    """Return a check of each value alone."""

    def check(array: NDArray[Any]) -> Fault | None:
        wrong = np.asarray(outside(array), dtype=bool)
        if not wrong.any():
            return None
        return Fault(f"{array[wrong].flat[0]} among the values", f"values that are {kind}")

    return check


def _simplex(array: NDArray[Any]) -> Fault | None:
    expected = "values of at least 0 that sum to 1 along the last axis"
    negative = np.asarray(array < 0, dtype=bool)
    if negative.any():
        return Fault(f"{array[negative].flat[0]} among the values", expected)
    sums = np.asarray(array.sum(axis=-1, dtype=_precise(array)))
    wrong = np.asarray(abs(sums - 1) > _tolerance(array), dtype=bool)
    return Fault(f"values that sum to {sums[wrong].flat[0]}", expected) if wrong.any() else None


def _symmetric(array: NDArray[Any]) -> Fault | None:
    other = array.swapaxes(-1, -2)
    scale = np.abs(array).max(initial=0)
    wrong = np.asarray(abs(array - other) > _tolerance(array) * scale, dtype=bool)
    if not wrong.any():
        return None
    pair = f"{array[wrong].flat[0]} opposite {other[wrong].flat[0]}"
    return Fault(pair, "a matrix that is equal to its transpose")


def _spd(array: NDArray[Any]) -> Fault | None:
    fault = _symmetric(array)
    numbers = array.astype(np.float64)
    if fault is not None or not array.size or not np.isfinite(numbers).all():
        return fault
    roots = np.linalg.eigvalsh(numbers)
    smallest, largest = roots[..., 0], roots[..., -1]
    wrong = (largest <= 0) | (smallest < -_tolerance(array) * largest)
    if not wrong.any():
        return None
    return Fault(
        f"a matrix with the eigenvalue {smallest[wrong].flat[0]:.3g}",
        "a matrix whose eigenvalues are all above 0",
    )


def _precise(array: NDArray[Any]) -> Any:
    """Return the type to sum in, so that a long row gathers no error; objects sum themselves."""
    return np.float64 if array.dtype.itemsize < 8 else None


def _tolerance(array: NDArray[Any]) -> float:
    """Return the relative error that rounding explains along the last axis."""
    own = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else 0.0
    return max(own, ROUNDING) * max(array.shape[-1], 8)


_CHECKS: dict[str, Callable[[NDArray[Any]], Fault | None]] = {
    "positive": _values("positive", lambda a: a <= 0),
    "nonnegative": _values("nonnegative", lambda a: a < 0),
    "unit": _values("from 0 to 1", lambda a: (a < 0) | (a > 1)),
    "uniform": _values("from 0 to 1", lambda a: (a < 0) | (a > 1)),
    "simplex": _simplex,
    "symmetric": _symmetric,
    "spd": _spd,
}
