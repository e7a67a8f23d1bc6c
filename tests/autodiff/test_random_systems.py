"""On random Systems: reverse mode transposes forward mode; the closed form is the raw adjoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from symgrad.autodiff.adjoint import adjoint_system
from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.interpreter import evaluate
from symgrad.ir.text import parse
from tests.rewriting.random_systems import random_inputs, texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from symgrad.ir.equation import System

SIZES = {"n": 2, "k": 3, "d": 2}
RTOL = 1e-9  # a few hundred roundings of 1e-16, amplified by products of a dozen factors


def run(system: System, arrays: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    wanted = {t.name for t in system.inputs}
    given_arrays = {k: v for k, v in arrays.items() if k in wanted}
    return evaluate(system, given_arrays, sizes=SIZES)


def close(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return np.allclose(a, b, rtol=RTOL, atol=RTOL * (1 + np.abs(b).max(initial=0)))


@given(text=texts(), seed=st.integers(0, 2**32 - 1))
def test_the_adjoint_transposes_the_tangent(text: str, seed: int) -> None:
    system = parse(text)
    arrays = random_inputs(system, seed)
    rng = np.random.default_rng(seed + 1)
    real = [t for t, v in arrays.items() if v.dtype.kind == "f"]
    tangents = {f"{t}_dot": rng.normal(size=arrays[t].shape) for t in real}
    pushed = run(derive_jvp(system), {**arrays, **tangents})
    output = system.outputs[0]
    cotangent = rng.normal(size=pushed[f"{output}_dot"].shape)
    pulled = run(adjoint_system(system), {**arrays, f"{output}_bar": cotangent})
    forward = np.sum(pushed[f"{output}_dot"] * cotangent)
    backward = sum(np.sum(pulled[f"{t}_bar"] * tangents[f"{t}_dot"]) for t in real)
    scale = sum(np.sum(np.abs(pulled[f"{t}_bar"] * tangents[f"{t}_dot"])) for t in real)
    assert abs(forward - backward) <= RTOL * (1 + scale)


@given(text=texts(), seed=st.integers(0, 2**32 - 1))
def test_the_closed_form_is_the_raw_adjoint(text: str, seed: int) -> None:
    system = parse(text)
    arrays = random_inputs(system, seed)
    derivation = derive(system)
    forward = run(derivation.forward, arrays)
    output = system.outputs[0]
    cotangent = np.random.default_rng(seed + 1).normal(size=forward[output].shape)
    raw = run(adjoint_system(system), {**arrays, f"{output}_bar": cotangent})
    closed = run(derivation.backward, {**arrays, **forward, f"{output}_bar": cotangent})
    assert close(forward[output], run(system, arrays)[output])
    for name in raw:
        assert close(closed[name], raw[name]), name
