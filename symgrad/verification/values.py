"""Values that find bugs: dense ones, and the special points that Gaussians never visit.

In: a random generator, a declared kind, a shape and the name of a pattern. Out: an array that
respects the kind. Patterns stand in the order in which a counterexample is simplified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    #: A way to choose values.
    Pattern = Callable[[Generator, tuple[int, ...]], NDArray[Any]]

Shape = tuple[int, ...]


def _one_entry(rng: Generator, shape: Shape) -> NDArray[Any]:
    found = np.zeros(shape)
    if found.size:
        found.flat[rng.integers(found.size)] = 1.0
    return found


def _rows_alike(rng: Generator, shape: Shape) -> NDArray[Any]:
    return np.broadcast_to(rng.normal(size=shape[-1:]), shape).copy()


def _constant_rows(rng: Generator, shape: Shape) -> NDArray[Any]:
    if not shape:
        return np.ones(())
    return np.broadcast_to(rng.normal(size=(*shape[:-1], 1)), shape).copy()


def _saturated(rng: Generator, shape: Shape) -> NDArray[Any]:
    return rng.choice([-45.0, -25.0, 25.0, 45.0], size=shape) + rng.normal(size=shape)


def _masked(rng: Generator, shape: Shape) -> NDArray[Any]:
    """Return dense values with -inf where a mask hides them: entries, and a row in five."""
    hidden = rng.random(shape) < 0.3
    rows = rng.random((*shape[:-1], 1) if shape else ()) < 0.2
    return np.where(hidden | rows, -np.inf, rng.normal(size=shape))


def _signed(rng: Generator, shape: Shape, low: float, high: float) -> NDArray[Any]:
    return rng.choice([-1.0, 1.0], size=shape) * 10.0 ** rng.uniform(low, high, size=shape)


#: How real values may be chosen.
PATTERNS: dict[str, Callable[[Generator, Shape], NDArray[Any]]] = {
    "one entry": _one_entry,
    "whole numbers": lambda rng, shape: rng.integers(-3, 4, size=shape).astype(float),
    "dense": lambda rng, shape: rng.normal(size=shape),
    "zeros": lambda _, shape: np.zeros(shape),
    "ties": lambda rng, shape: rng.choice([-1.5, 0.5], size=shape),
    "rows alike": _rows_alike,
    "constant rows": _constant_rows,
    "large offset": lambda rng, shape: 300.0 + rng.normal(size=shape),
    "saturated": _saturated,
    "tiny": lambda rng, shape: 1e-6 * rng.normal(size=shape),
    "mixed magnitudes": lambda rng, shape: _signed(rng, shape, -3.0, 2.0),
    "log-uniform": lambda rng, shape: _signed(rng, shape, -9.0, 3.0),
    "masked": _masked,
}

#: Patterns at which no function of the language has a kink or a tie, almost surely.
GENERIC = ("dense", "mixed magnitudes", "large offset")

#: Magnitudes up to 1e4, where exponentials overflow unless they are shifted.
HUGE: dict[str, Callable[[Generator, Shape], NDArray[Any]]] = {
    "huge": lambda rng, shape: _signed(rng, shape, 0.0, 4.0),
    "1e4 and -1e4": lambda rng, shape: rng.choice([-1e4, 1e4], size=shape),
    "huge offset": lambda rng, shape: 9e3 + rng.normal(size=shape),
}

#: Values that all differ.
DENSE = {"dense": PATTERNS["dense"]}

#: Every magnitude is as likely as every other, down to where numbers are next to nothing.
WIDE = {"log-uniform": PATTERNS["log-uniform"]}

#: How cotangents may be chosen.
COTANGENTS: dict[str, Callable[[Generator, Shape], NDArray[Any]]] = {
    "one entry": _one_entry,
    "whole numbers": PATTERNS["whole numbers"],
    "dense": PATTERNS["dense"],
    "ones": lambda _, shape: np.ones(shape),
    "zeros": PATTERNS["zeros"],
    "a scale for each row": lambda rng, shape: (
        rng.normal(size=shape) * _signed(rng, (*shape[:-1], 1) if shape else (), -2.0, 2.0)
    ),
}


def _symmetric(real: NDArray[Any]) -> NDArray[Any]:
    return real + real.swapaxes(-1, -2)


def _spd(real: NDArray[Any]) -> NDArray[Any]:
    return real @ real.swapaxes(-1, -2) + np.eye(real.shape[-1])


def _unit(real: NDArray[Any]) -> NDArray[Any]:
    """Fold the line onto [0, 1]; whole numbers give the ends and the middle."""
    return np.abs((0.5 * real + 1.0) % 2.0 - 1.0)


def _simplex(real: NDArray[Any]) -> NDArray[Any]:
    """Return rows of multiples of 1/64 that sum to exactly 1, also in single precision."""
    weights = np.abs(real) + (np.abs(real).sum(axis=-1, keepdims=True) == 0)
    shares = np.floor(64.0 * weights / weights.sum(axis=-1, keepdims=True))
    largest = np.argmax(shares, axis=-1)[..., None]
    rest = 64.0 - shares.sum(axis=-1, keepdims=True)
    added = np.take_along_axis(shares, largest, axis=-1) + rest
    np.put_along_axis(shares, largest, added, axis=-1)
    return shares / 64.0


#: What makes a real array one of a declared kind.
KINDS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "real": lambda real: real,
    "positive": lambda real: np.where(real == 0, 1.0, np.abs(real)),
    "nonnegative": np.abs,
    "unit": _unit,
    "simplex": _simplex,
    "symmetric": _symmetric,
    "spd": _spd,
}


def values(
    rng: Generator, kind: str, shape: Shape, pattern: str, limit: int | None = None
) -> NDArray[Any]:
    """Return an array of a declared kind, chosen by a pattern.

    Args:
        rng: Where randomness comes from.
        kind: The kind as declared.
        shape: The shape.
        pattern: A name in PATTERNS or HUGE; it matters for real kinds and for repeats.
        limit: For `index`, the length of the axis it points into.
    """
    alike = pattern in ("ties", "rows alike", "constant rows", "zeros", "one entry")
    if kind == "index":
        assert limit is not None, "an index has a limit"
        top = min(limit, 1) if alike else limit
        return rng.integers(0, max(top, 1), size=shape)
    if kind == "int":
        return rng.integers(0, 2 if alike else 4, size=shape)
    if kind == "bool":
        return rng.random(shape) < (0.0 if pattern == "zeros" else 0.6)
    if kind == "uniform":
        return rng.random(shape)
    if kind == "normal":
        return rng.normal(size=shape)
    real = {**PATTERNS, **HUGE}[pattern](rng, shape)
    if kind != "real":
        real = np.where(np.isfinite(real), real, 0.0)
    return np.asarray(KINDS[kind](real), dtype=np.float64)
