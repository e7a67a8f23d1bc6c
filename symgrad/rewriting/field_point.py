"""Random points at which Systems are evaluated: sizes, and inputs as residues and as reals.

In: declarations and a random generator. Out: for each input its residues at each level of the
tower, independent of each other, and a real value. By weak approximation some rational number has
all of these residues and lies as close to the real value as one likes, so they are one point.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.ir.sizes import length_of, solve_lengths
from symgrad.ir.terms import Const, Reduce, Size
from symgrad.ir.visit import walk
from symgrad.rewriting.field_array import Array, Labelled
from symgrad.rewriting.field_tower import PRIMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from symgrad.ir.equation import System, Tensor

POSITIVE = ("positive", "nonnegative", "unit", "uniform")


_TRIES = 16


class UndecidedError(Exception):
    """The evaluation has no answer here; `equivalent` reports why. Never reaches a user."""


def tensor_shape(tensor: Tensor, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the concrete shape of a declared tensor."""
    lengths = [length_of(s, sizes) for s in tensor.shape]
    if None in lengths:
        raise UndecidedError(f"the shape of {tensor.name} is not known")
    return tuple(n for n in lengths if n is not None)


def axes_of(systems: Iterable[System]) -> tuple[str, ...]:
    """Return every axis that is mentioned, in order."""
    found: dict[str, None] = {}
    for system in systems:
        found.update(dict.fromkeys(system.axes))
        found.update(dict.fromkeys(t.limit for t in system.inputs if t.limit is not None))
        found.update(dict.fromkeys(axis for axis, _ in system.sizes))
        # The window of a pool is the axis of no tensor.
        sums = (n for e in system.equations for n in walk(e.value) if isinstance(n, Reduce))
        found.update(dict.fromkeys(i.axis for n in sums for i in n.bound))
    return tuple(found)


def choose_sizes(
    systems: Iterable[System], rng: np.random.Generator, single: str | None = None
) -> dict[str, int]:
    """Return small lengths, as different from each other as they are few.

    Args:
        systems: The Systems, whose axes of the same letter have the same length.
        rng: The generator.
        single: An axis that shall have length 1.

    Raises:
        UndecidedError: If a length that follows from others is not a whole number, or negative.
    """
    systems = tuple(systems)
    rules = [(Size(a), e) for s in systems for a, e in s.sizes]
    given = {left.axis for left, _ in rules}
    axes = sorted(axes_of(systems), key=lambda axis: axis in given)
    lengths = (2, 3) if len(axes) < 3 else (2, 3, 4)
    found = ""
    for _ in range(_TRIES):  # a window may be longer than what it slides over
        sizes = solve_lengths(rules, {} if single is None else {single: 1})
        pool: list[int] = []
        for axis in axes:
            if axis not in sizes:
                pool = pool or [int(k) for k in rng.permutation(np.array(lengths))]
                sizes = solve_lengths(rules, sizes | {axis: pool.pop()})
        wrong = [str(left) for left, e in rules if length_of(e, sizes) != sizes.get(left.axis)]
        if not wrong and min(sizes.values(), default=0) >= 0:
            return sizes
        found = f"{', '.join(wrong)} at {sizes}"
    raise UndecidedError(f"no small sizes were found: {found}")


def without_long_axes(system: System) -> System:
    """Return a System in which an axis fixed to a large number is free: no identity needs it."""
    kept = tuple((a, e) for a, e in system.sizes if not (isinstance(e, Const) and e.value > 8))
    return replace(system, sizes=kept)


@dataclass
class Point:
    """A batch of random points.

    Args:
        inputs: Declarations of what is drawn, by name.
        sizes: Length of each axis.
        draws: How many points.
        rng: The generator; everything is drawn from it, in order of demand.
    """

    inputs: dict[str, Tensor]
    sizes: dict[str, int]
    draws: int
    rng: np.random.Generator
    _memo: dict[Any, Any] = field(default_factory=dict)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an input."""
        return tensor_shape(self.inputs[name], self.sizes)

    def real(self, name: str) -> Labelled:
        """Return the real values of an input, integers and truth values included."""
        key = ("real", name)
        if key not in self._memo:
            self._memo[key] = Labelled(self._draw_real(self.inputs[name]))
        return self._memo[key]

    def residues(self, name: str, level: int) -> Labelled:
        """Return the residues of an input at a level of the tower."""
        key = ("residues", name, level)
        if key not in self._memo:
            tensor = self.inputs[name]
            if tensor.is_real or tensor.kind in ("uniform", "normal"):
                data = self._draw_residues(tensor, PRIMES[level])
            else:
                data = self.real(name).data.astype(np.int64) % PRIMES[level]
            self._memo[key] = Labelled(data)
        return self._memo[key]

    def tangent(self, name: str, level: int) -> Labelled:
        """Return a random direction for an input."""
        key = ("tangent", name, level)
        if key not in self._memo:
            shape = (self.draws, *self.shape(name))
            self._memo[key] = Labelled(self.rng.integers(0, PRIMES[level], shape))
        return self._memo[key]

    def scale(self, level: int) -> Array:
        """Return the scale of the exponential into a level: its base is a random square."""
        key = ("scale", level)
        if key not in self._memo:
            self._memo[key] = self.rng.integers(1, PRIMES[level - 1], self.draws)
        return self._memo[key]

    def keys(self, function: str, level: int) -> Array:
        """Return the keys of a scrambled function."""
        key = (function, level)
        if key not in self._memo:
            self._memo[key] = self.rng.integers(1, PRIMES[level], (3, self.draws))
        return self._memo[key]

    def _draw_real(self, tensor: Tensor) -> Array:
        shape = (self.draws, *tensor_shape(tensor, self.sizes))
        match tensor.kind:
            case "index":
                assert tensor.limit is not None, "an index tensor has a limit"
                return self.rng.integers(0, self.sizes[tensor.limit], shape).astype(float)
            case "int":
                return self.rng.integers(0, 4, shape).astype(float)
            case "bool":
                return self.rng.integers(0, 2, shape).astype(float)
            case "zero" | "one" | "false" | "true":
                return np.full(shape, float(tensor.kind in ("one", "true")))
            case "positive" | "nonnegative":
                return self.rng.uniform(0.1, 2.1, shape)
            case "unit" | "uniform":
                return self.rng.uniform(0.01, 0.99, shape)
            case kind:
                return _constrain(self.rng.uniform(-2, 2, shape), kind)

    def _draw_residues(self, tensor: Tensor, p: int) -> Array:
        shape = (self.draws, *tensor_shape(tensor, self.sizes))
        values = self.rng.integers(1, p, shape)
        if tensor.kind in POSITIVE:
            return values * values % p
        return constrain_residues(values, tensor.kind, p)


def _constrain(values: Array, kind: str) -> Array:
    match kind:
        case "simplex":
            positive = np.abs(values) + 0.1
            return positive / positive.sum(axis=-1, keepdims=True)
        case "symmetric":
            return values + values.swapaxes(-1, -2)
        case "spd":
            return values @ values.swapaxes(-1, -2) + np.eye(values.shape[-1])
        case _:
            return values


def constrain_residues(values: Array, kind: str, p: int) -> Array:
    """Return random residues made to satisfy the equations of a kind."""
    match kind:
        case "zero" | "one":
            return np.full_like(values, int(kind == "one"))
        case "simplex":
            if not values.size:
                return values
            last = (1 - values[..., :-1].sum(axis=-1, keepdims=True)) % p
            return np.concatenate([values[..., :-1], last], axis=-1)
        case "symmetric":
            return (values + values.swapaxes(-1, -2)) % p
        case "spd":
            rows = values[..., :, None, :] * values[..., None, :, :] % p
            return (rows.sum(axis=-1) + np.eye(values.shape[-1], dtype=np.int64)) % p
        case _:
            return values
