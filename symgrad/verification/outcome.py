"""Judging numbers: a value, what it should be, and how far rounding explains a difference.

In: arrays. Out: an `Outcome`. Nothing here chooses a tolerance; bounds come from `rounding` and
from the error estimates of the oracles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Verdict = Literal["ok", "wrong", "cannot tell"]

#: Bounds are of first order; this covers the products of two errors and other orders of evaluation.
SECOND_ORDER = 4.0


@dataclass(frozen=True)
class Outcome:
    """What a check found at one instance.

    Attributes:
        verdict: "ok", "wrong", or "cannot tell" where no entry could be judged.
        ulps: The largest error, in ulps of the largest entry of its tensor.
        detail: What is wrong and where, or why nothing can be said.
        kind: For a wrong one, a word that groups causes: value, shape, dtype, memory, exception...
    """

    verdict: Verdict = "ok"
    ulps: float = 0.0
    detail: str = ""
    kind: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether a defect was found."""
        return self.verdict == "wrong"


def wrong(detail: str, kind: str = "value", ulps: float = np.inf) -> Outcome:
    """Return the outcome of a defect."""
    return Outcome("wrong", ulps, detail, kind)


def cannot_tell(detail: str) -> Outcome:
    """Return the outcome where the oracle has no answer."""
    return Outcome("cannot tell", 0.0, detail)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the first wrong outcome, else one for all: ok if any entry could be judged."""
    found = list(outcomes)
    for outcome in found:
        if outcome.is_wrong:
            return outcome
    ulps = max((o.ulps for o in found), default=0.0)
    if found and all(o.verdict == "cannot tell" for o in found):
        return found[0]
    return Outcome("ok", ulps)


def judge(
    name: str,
    axes: tuple[str, ...],
    got: NDArray[Any],
    want: NDArray[Any],
    bound: NDArray[Any],
) -> Outcome:
    """Return whether an array is what it should be, entry by entry.

    Args:
        name: The tensor, for the message.
        axes: The letters of its axes, for the message.
        got: The array; its dtype gives the unit of `ulps`.
        want: The true values, floats or mpmath numbers.
        bound: For each entry the largest error that rounding explains; infinite where unknown.
    """
    if got.shape != want.shape:
        return wrong(f"{name} has shape {got.shape}, not {want.shape}", "shape")
    if not got.size:
        return Outcome()
    error, truth = _difference(got, want)
    limits = np.finfo(got.dtype if got.dtype.kind == "f" else np.float64)
    with np.errstate(all="ignore"):
        allowed = SECOND_ORDER * np.asarray(bound, dtype=float) + float(limits.smallest_normal)
        allowed = np.where(np.isnan(allowed), np.inf, allowed)
        # An exact value next to the largest number may overflow by rounding alone.
        near_overflow = np.abs(truth) + allowed >= float(limits.max)
        unknown = np.isnan(truth) | np.isinf(allowed) | (near_overflow & np.isfinite(truth))
        bad = ~unknown & ~(error <= allowed)
        known = np.isfinite(truth) & ~unknown
        size = float(np.max(np.abs(truth), where=known, initial=0.0))
        noise = float(np.max(allowed, where=known, initial=0.0))
        ulps = error / ulp(size, noise, float(limits.eps))
    if bad.any():
        at = np.unravel_index(int(np.argmax(bad)), got.shape)
        place = ", ".join(f"{axis}={int(i)}" for axis, i in zip(axes, at, strict=False))
        return wrong(
            f"{name} at ({place}): {float(got[at])!r}, expected {float(truth[at])!r}, "
            f"error {float(error[at]):.3g}, explained by rounding {float(allowed[at]):.3g}",
            ulps=float(ulps[at]),
        )
    if unknown.all():
        return cannot_tell(f"{name}: the bound is infinite or the value is not defined")
    return Outcome("ok", float(np.max(ulps, where=~unknown, initial=0.0)))


def ulp(size: float, noise: float, eps: float) -> float:
    """Return the unit in which errors are reported, for numbers of a size.

    What is zero but for rounding is measured by what it was computed from, which `noise` shows.
    """
    return eps * size if size > noise else noise or eps


def judge_identity(
    name: str,
    axes: tuple[str, ...],
    got: NDArray[Any],
    want: NDArray[Any],
    bound: NDArray[Any],
) -> Outcome:
    """Return whether two 50-digit values are one, `bound` being the rounding error in a dtype.

    Rounding at 50 digits is smaller than `bound` by more than 30 orders of magnitude.
    """
    if got.shape != want.shape:
        return wrong(f"{name} has shape {got.shape}, not {want.shape}", "shape")
    # A bound may be smaller than floats can be; the gaps, at 50 digits, have no such limit.
    least = float(np.finfo(np.float64).smallest_subnormal)
    for at in np.ndindex(got.shape):
        gap, allowed = abs(got[at] - want[at]), float(bound[at]) + least
        if (gap - abs(want[at]) * 1e-40) * 1e30 > allowed and np.isfinite(allowed):
            place = ", ".join(f"{axis}={i}" for axis, i in zip(axes, at, strict=False))
            return wrong(f"{name} at ({place}): {got[at]}, expected {want[at]}")
    return Outcome()


def _difference(
    got: NDArray[Any], want: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the absolute error, taken in the numbers of `want`, and `want` in floats."""
    with np.errstate(all="ignore"):
        truth = np.asarray(want).astype(float)
        plain = np.asarray(got, dtype=float)
        if want.dtype != object:
            error = np.abs(plain - truth)
        else:
            exact = [abs(w - float(g)) for g, w in zip(plain.flat, want.flat, strict=True)]
            error = np.array([float(e) for e in exact]).reshape(want.shape)
        error = np.where(plain == truth, np.minimum(error, np.finfo(float).max), error)
        return np.where(np.isinf(truth) & (plain == truth), 0.0, error), truth
