"""Numeric second opinions: a point at which two formulas differ, at 50 digits, by the interpreter.

In: Systems and declarations of their inputs. Out: a `Witness`, or None. Inputs are dyadic
fractions, so they are the same numbers in the report, in float64 and in mpmath.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from symgrad.errors import SymgradError
from symgrad.interpreter import evaluate
from symgrad.interpreter.numbers import mpmath_numbers
from symgrad.rewriting.field_point import choose_sizes, tensor_shape

if TYPE_CHECKING:
    from symgrad.ir.equation import System, Tensor

#: Relative differences above these are no rounding: at 50 digits, and for a central difference
#: with the step below.
DIFFERENT = 10**30
DIFFERENT_SLOPE = 10**20
STEP = Fraction(1, 2**50)

#: Inputs are multiples of 1 / COARSE, to be read, or of 1 / FINE, to keep away from kinks and ties.
COARSE, FINE = 16, 2**20

Numbers = np.ndarray[Any, Any]
Differences = Sequence[tuple[str, Any, Any]]


@dataclass(frozen=True)
class Witness:
    """A point at which two formulas differ.

    Attributes:
        sizes: Length of each axis.
        inputs: The value of each input, exact.
        output: Which result differs, and at which index.
        left: The value of the first formula there, to 50 digits.
        right: The value of the second.
    """

    sizes: dict[str, int]
    inputs: dict[str, np.ndarray[Any, Any]]
    output: str
    left: str
    right: str

    def __str__(self) -> str:
        rows = [f"{self.output}: {self.left} against {self.right}"]
        if self.sizes:
            rows.append("sizes: " + ", ".join(f"{a} = {n}" for a, n in self.sizes.items()))
        rows += [f"{name} = {value.tolist()}" for name, value in self.inputs.items()]
        return "\n".join(rows)


@dataclass(frozen=True)
class Search:
    """How to look for a point.

    Attributes:
        tries: How many points.
        grid: The denominator of the inputs.
        factor: Values differ if their difference times this exceeds their size.
        seed: Of the random points.
    """

    tries: int = 12
    grid: int = COARSE
    factor: int = DIFFERENT
    seed: int = 0


def draw_input(
    tensor: Tensor, sizes: Mapping[str, int], rng: np.random.Generator, grid: int, *, positive: bool
) -> Numbers:
    """Return a random dyadic value for a declared input.

    Args:
        tensor: The declaration.
        sizes: Length of each axis.
        rng: The generator.
        grid: The denominator.
        positive: Whether a tensor of undeclared sign is positive: for formulas with logarithms.
    """
    shape = tensor_shape(tensor, sizes)
    match tensor.kind:
        case "index":
            assert tensor.limit is not None, "an index tensor has a limit"
            return rng.integers(0, sizes[tensor.limit], shape)
        case "int":
            return rng.integers(0, 4, shape)
        case "bool":
            return rng.integers(0, 2, shape).astype(bool)
        case "false" | "true":
            return np.full(shape, tensor.kind == "true")
        case "zero" | "one":
            return np.full(shape, float(tensor.kind == "one"))
        case "unit" | "uniform":
            return rng.integers(1, grid, shape) / grid
        case "simplex":
            cuts = rng.integers(0, grid + 1, (*shape[:-1], max(shape[-1] - 1, 0)))
            return np.diff(np.sort(cuts, axis=-1), axis=-1, prepend=0, append=grid) / grid
        case kind:
            values = rng.integers(1, 2 * grid + 1, shape) / grid
            if not positive and kind not in ("positive", "nonnegative"):
                values = values * rng.choice([-1.0, 1.0], shape)
            return _shaped(values, kind)


def _shaped(values: Numbers, kind: str) -> Numbers:
    if kind == "symmetric":
        return values + values.swapaxes(-1, -2)
    if kind == "spd":
        return values @ values.swapaxes(-1, -2) + np.eye(values.shape[-1])
    return values


def find_witness(
    systems: Sequence[System],
    inputs: Mapping[str, Tensor],
    differences: Callable[[dict[str, Numbers], dict[str, int]], Differences],
    search: Search,
) -> Witness | None:
    """Return a point at which a pair of values differs.

    Args:
        systems: The Systems that are evaluated, for their sizes.
        inputs: What is drawn.
        differences: Evaluates at a point: named pairs of object arrays of mpmath numbers.
        search: How to look.
    """
    rng = np.random.default_rng(search.seed)
    for k in range(search.tries):
        sizes = choose_sizes(systems, rng)
        point = {
            name: draw_input(tensor, sizes, rng, search.grid, positive=k % 2 == 1)
            for name, tensor in inputs.items()
        }
        try:
            rows = differences(point, sizes)
        except (SymgradError, ArithmeticError):
            continue  # outside of the domain: another point
        for name, left, right in rows:
            found = _first_difference(left, right, search.factor)
            if found is not None:
                place, a, b = found
                label = f"{name}[{', '.join(map(str, place))}]" if place else name
                return Witness(sizes, point, label, a, b)
    return None


def _first_difference(
    left: Any, right: Any, factor: int
) -> tuple[tuple[int, ...], str, str] | None:
    left, right = np.asarray(left, dtype=object), np.asarray(right, dtype=object)
    if left.shape != right.shape:
        return (), f"shape {left.shape}", f"shape {right.shape}"
    for place in np.ndindex(left.shape):
        a, b = left[place], right[place]
        finite = abs(a) < np.inf and abs(b) < np.inf
        if finite and abs(a - b) * factor > 1 + abs(a) + abs(b):
            return place, str(a), str(b)
    return None


def output_differences(
    first: System, second: System, pairs: Sequence[tuple[str, str]]
) -> Callable[[dict[str, Numbers], dict[str, int]], Differences]:
    """Return the evaluation of pairs of outputs of two Systems at a point, at 50 digits."""

    def at(point: dict[str, Numbers], sizes: dict[str, int]) -> Differences:
        left, right = (run(s, point, sizes) for s in (first, second))
        return [(a, left[a], right[b]) for a, b in pairs]

    return at


def adjoint_differences(
    primal: System, forward: System, backward: System, wrt: Sequence[str]
) -> Callable[[dict[str, Numbers], dict[str, int]], Differences]:
    """Return `<Y_bar, J v>` by a central difference and `<X_bar, v>`, for each X in `wrt`."""

    def at(point: dict[str, Numbers], sizes: dict[str, int]) -> Differences:
        saved = run(forward, point, sizes, everything=True)
        cotangents = run(backward, point | saved, sizes)
        rows = []
        for name in wrt:
            direction = point[f"{name}_dot"]
            ends = [
                run(primal, point | {name: moved(point[name], direction, s)}, sizes)
                for s in (STEP, -STEP)
            ]
            rise = sum(inner(ends[0][o] - ends[1][o], point[f"{o}_bar"]) for o in ends[0])
            fall = inner(cotangents[f"{name}_bar"], direction)
            rows.append((f"<v, {name}_bar>", rise / (2 * float(STEP)), fall))
        return rows

    return at


def inner(first: Any, second: Any) -> Any:
    """Return the sum of products of two arrays or scalars."""
    return np.sum(np.asarray(first * second, dtype=object))


def moved(values: Numbers, direction: Numbers, step: Fraction) -> Numbers:
    """Return `values + step * direction` exactly, as 50-digit numbers."""
    exact = mpmath_numbers().const
    ends = [
        exact(Fraction(v) + step * Fraction(d))
        for v, d in zip(values.ravel().tolist(), direction.ravel().tolist(), strict=True)
    ]
    out = np.empty(values.shape, dtype=object)
    out.ravel()[:] = ends
    return out


def run(
    system: System,
    point: Mapping[str, Numbers],
    sizes: Mapping[str, int],
    *,
    everything: bool = False,
    numbers: Literal["float64", "mpmath"] = "mpmath",
) -> dict[str, Numbers]:
    """Return the outputs, or all tensors, of a System, whatever signs are declared."""
    inputs = tuple(replace(t, kind="real") if t.is_real else t for t in system.inputs)
    mine = {t.name: point[t.name] for t in inputs}
    return evaluate(
        replace(system, inputs=inputs),
        mine,
        sizes=dict(sizes),
        numbers=numbers,
        everything=everything,
    )
