"""The derivative of every form of the language, against differences at 50 digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose

from symgrad.autodiff.derive import derive
from symgrad.interpreter import bind_sizes, evaluate
from symgrad.ir.sizes import length_of
from symgrad.ir.terms import BATCH, Size
from symgrad.ir.text import parse
from tests.ir.texts import TEXTS, every_choice

if TYPE_CHECKING:
    from symgrad.ir.equation import System, Tensor

LENGTHS = dict(
    zip("niyxkdvmjoceqtshwp", (2, 3, 4, 3, 3, 2, 3, 3, 3, 2, 2, 2, 3, 3, 3, 2, 2, 2), strict=True)
)
STEP = mpmath.mpf(10) ** -20

#: `constants` is infinite, so it has no differences.
DIFFERENTIABLE = [name for name in TEXTS if name != "constants"]


def value(tensor: Tensor, sizes: dict[str, int], rng: np.random.Generator) -> Any:
    shape: list[int] = []
    for length in tensor.shape:
        known = length_of(length, sizes)
        assert length is Size(BATCH) or known is not None, f"{length} of {tensor.name}"
        shape += [2, 2] if known is None else [known]
    match tensor.kind:
        case "index":
            return rng.integers(0, sizes[str(tensor.limit)], shape)
        case "int":
            return rng.integers(-3, 4, shape)
        case "bool":
            return rng.random(shape) < 0.7
        case _:
            return rng.uniform(0.2, 0.9, shape)


def total(system: System, arrays: dict[str, Any], weights: dict[str, Any]) -> Any:
    """Return the inner product of the outputs with the cotangents, at 50 digits."""
    found = evaluate(system, arrays, numbers="mpmath")
    return sum(np.sum(weights[f"{o}_bar"] * found[o]) for o in found if f"{o}_bar" in weights)


def check(system: System, rng: np.random.Generator) -> None:
    derivation = derive(system)
    sizes = dict(LENGTHS)
    for axis, length in system.sizes * 2:
        sizes[axis] = length_of(length, sizes) or 0
    arrays = {t.name: value(t, sizes, rng) for t in system.inputs}
    known = evaluate(derivation.forward, arrays, everything=True)
    weights = {
        f"{o}_bar": rng.normal(size=known[o].shape)
        for o in system.outputs
        if known[o].dtype.kind == "f"
    }
    bound = {a: n for a, n in bind_sizes(system, arrays).items() if a != BATCH}
    given = {t.name: {**known, **weights}[t.name] for t in derivation.backward.inputs}
    found = evaluate(derivation.backward, given, sizes=bound)
    for name in derivation.wrt:
        along = rng.normal(size=arrays[name].shape)
        ends = [
            total(system, {**arrays, name: arrays[name] + sign * STEP * along}, weights)
            for sign in (1, -1)
        ]
        slope = (ends[0] - ends[1]) / (2 * STEP)
        assert_allclose((found[f"{name}_bar"] * along).sum(), float(slope), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_derivative_is_that_of_differences(name: str) -> None:
    rng = np.random.default_rng(5)
    with mpmath.workdps(50):
        for options in every_choice(TEXTS[name]):
            if 2 * options.get("pad", 0) <= options.get("kernel", 9):  # else a window is empty
                check(parse(TEXTS[name], options=options), rng)
