"""What several checks need: judging many tensors, slopes along directions, sums of cotangents.

In: results and oracles. Out: outcomes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.autodiff.recurrences import BAR
from symgrad.verification.differences import slope
from symgrad.verification.outcome import (
    SECOND_ORDER,
    Outcome,
    cannot_tell,
    judge,
    ulp,
    worst,
    wrong,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    from symgrad.verification.instances import Arrays, Instance
    from symgrad.verification.oracles import Exact

#: The largest step of a ladder of differences, relative to the point.
STEP = 0.1

#: A slope that is known less well than this, relative to it or to the function, decides nothing.
USEFUL = 1e-4


def letters(instance: Instance, name: str) -> tuple[str, ...]:
    """Return the letters of the axes of a tensor, or of the cotangent of one."""
    fixed = instance.fixed
    name = name if fixed.has(name) else name.removesuffix(BAR)
    return fixed.tensor(name).axes if fixed.has(name) else ()


def judge_all(instance: Instance, got: Arrays, want: Mapping[str, Exact]) -> Outcome:
    """Return the outcome for all tensors that should be there."""
    missing = [name for name in want if name not in got]
    if missing:
        return wrong(f"{', '.join(missing)}: missing", "structure")
    return worst(
        judge(name, letters(instance, name), got[name], exact.value, exact.bound)
        for name, exact in want.items()
    )


def same(instance: Instance, got: Arrays, want: Arrays, bounds: Mapping[str, Exact]) -> Outcome:
    """Return whether two computations of the same cotangents agree to rounding."""
    return worst(
        judge(name, letters(instance, name), got[name], value, 2.0 * bounds[name].bound)
        for name, value in want.items()
    )


def generator(instance: Instance) -> Generator:
    """Return a generator that depends on the shapes of an instance and on nothing else."""
    return np.random.default_rng([a.size for a in instance.inputs.values()])


def direction_at(rng: Generator, point: NDArray[Any]) -> NDArray[Any]:
    """Return a random direction whose entries are in proportion to those of a point.

    A step of at most 1 along it keeps the sign of every entry, so that a domain is not left.
    """
    size = np.abs(point)
    typical = float(np.sqrt(np.mean(size**2))) if size.size else 0.0
    scale = np.where(size > 0, size, typical or 1.0)
    return scale * rng.uniform(-1.0, 1.0, size=point.shape)


def along(
    function: Callable[[float], float],
    what: str,
    claimed: NDArray[Any],
    *,
    noise: float,
    rounding: float,
) -> Outcome:
    """Return whether the sum of `claimed` is the slope of a function at 0.

    Args:
        function: A function of the step.
        what: What is claimed, for the message.
        claimed: The products of a gradient and a direction, entry by entry.
        noise: A bound of the rounding error of the function.
        rounding: A bound of the rounding error of the sum of `claimed`.
    """
    found = slope(function, STEP, noise)
    total, size = float(np.sum(claimed)), float(np.sum(np.abs(claimed)))
    rounding += claimed.size * 2.0**-53 * size
    allowed = found.error + rounding
    if not np.isfinite(found.height):
        return cannot_tell(f"{what}: the function is not finite")
    if not allowed <= USEFUL * max(size, abs(found.central.value), found.height):
        return cannot_tell(f"{what}: differences are accurate to {found.error:.1e} only")
    # What the oracle does not know is nobody's error.
    error = max(found.distance(total) - found.error, 0.0)
    return scalar(what, total, error, rounding, size)


def scalar(what: str, value: float, error: float, allowed: float, size: float) -> Outcome:
    """Return the outcome for one number.

    Args:
        what: What it is, for the message.
        value: The number.
        error: Its distance from the truth.
        allowed: The error that rounding and the oracle explain.
        size: The sum of the absolute values of what was added up to get it.
    """
    if np.isnan(allowed) or np.isinf(allowed):
        return cannot_tell(f"{what}: the bound is infinite")
    ulps = error / ulp(size, SECOND_ORDER * allowed, 2.0**-52)
    if error <= SECOND_ORDER * allowed:
        return Outcome("ok", ulps)
    return wrong(
        f"{what} is {value!r}, {error:.3g} from the truth; explained: {SECOND_ORDER * allowed:.3g}",
        ulps=ulps,
    )
