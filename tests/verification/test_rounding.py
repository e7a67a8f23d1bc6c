"""Rounding bounds hold, follow the condition of the problem, and admit what they cannot decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgrad.interpreter import evaluate
from symgrad.ir.text import parse
from symgrad.verification.hoisting import hoist_reductions
from symgrad.verification.rounding import ROUNDOFF, error_system

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from symgrad.ir.equation import System

SINGLE = 2.0**-24

Function = "Callable[[NDArray[Any]], NDArray[Any]]"


def naive_variance(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((x * x).mean() - x.mean() ** 2)


def softmax(x: NDArray[Any]) -> NDArray[Any]:
    e = np.exp(x)
    return np.asarray(e / e.sum())


#: Equations, and the same computation in NumPy, which keeps single precision.
COMPUTATIONS: dict[str, tuple[str, Callable[[NDArray[Any]], NDArray[Any]]]] = {
    "a sum": ("Y = sum[n](X[n])", np.sum),
    "a product": ("Y = prod[n](X[n])", np.prod),
    "a variance by subtraction": (
        "Y = mean[n](X[n] * X[n]) - mean[n](X[n]) ** 2",
        naive_variance,
    ),
    "softmax without a shift": (
        "E[n] = exp(X[n])\nZ = sum[n](E[n])\nP[n] = E[n] / Z",
        softmax,
    ),
    "a root": ("Y[n] = sqrt(X[n] ** 2 + 1)", lambda x: np.sqrt(x * x + 1)),
    "1 - tanh^2": ("Y[n] = 1 - tanh(X[n]) ** 2", lambda x: 1 - np.tanh(x) ** 2),
    "branches": (
        "Y[n] = where(X[n] > 0.1, X[n] * 0.1, X[n] / 3)",
        lambda x: np.where(x > np.float32(0.1), x * np.float32(0.1), x / 3),
    ),
    "a maximum": ("Y = max[n](X[n] * 0.7)", lambda x: (x * np.float32(0.7)).max()),
}


def bounded(
    system: System, array: NDArray[Any], unit: float = SINGLE
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the 50-digit value of the output and the bound of its error."""
    arrays = {"X": array.astype(np.float64), ROUNDOFF: np.asarray(unit)}
    found = evaluate(error_system(system), arrays, numbers="mpmath")
    name = system.outputs[0]
    return found[name].astype(float), found[f"{name}_err"].astype(float)


@pytest.mark.parametrize("name", COMPUTATIONS)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 8),
    scale=st.sampled_from([1e-3, 1.0, 8.0]),
    offset=st.sampled_from([0.0, 1.0, 30.0]),
)
def test_the_error_in_single_precision_stays_below_the_bound(
    name: str, seed: int, size: int, scale: float, offset: float
) -> None:
    text, function = COMPUTATIONS[name]
    x = (offset + scale * np.random.default_rng(seed).normal(size=size)).astype(np.float32)
    value, bound = bounded(parse(text), x)
    error = np.abs(np.asarray(function(x)).astype(np.float64) - value)
    assert np.asarray(function(x)).dtype == np.float32
    assert np.all(error <= bound + 2.0**-126)


def test_the_bound_of_a_sum_is_not_wasteful() -> None:
    _, bound = bounded(parse("Y = sum[n](X[n])"), np.ones(8))
    assert 0 < bound < 16 * 8 * SINGLE


def test_a_shifted_exponential_is_one_operation() -> None:
    system = parse("P[n] = exp(X[n] - logsumexp[m](X[m]))\nsize[m] = size[n]")
    value, bound = bounded(system, 9000 + np.arange(4.0))
    assert np.all(bound < 64 * SINGLE * value)


def test_cancellation_makes_the_bound_large() -> None:
    system = parse(COMPUTATIONS["a variance by subtraction"][0])
    value, small = bounded(system, np.array([1.0, -1.0]))
    _, large = bounded(system, np.array([1001.0, 999.0]))
    assert value == 1
    assert large > 1e5 * small


@pytest.mark.parametrize("text", ["Y[n] = X[n]", "Y[n] = -X[n]", "Y[n] = where(n < 1, X[n], 0)"])
def test_what_is_not_computed_has_no_error(text: str) -> None:
    _, bound = bounded(parse(text), np.array([0.1, 0.2]))
    assert not bound.any()


def test_a_comparison_that_rounding_may_turn_makes_the_bound_infinite() -> None:
    system = parse("S = sum[n](X[n])\nY = where(S > 0.6, 1, 2)")
    _, near = bounded(system, np.array([0.1, 0.2, 0.3]))
    _, far = bounded(system, np.array([0.1, 0.2, 0.4]))
    assert near == np.inf
    assert far == 0


def test_a_tie_of_exact_values_is_certain() -> None:
    _, bound = bounded(parse("Y[n] = where(X[n] > 0, 1, 2)"), np.array([0.0]))
    assert bound == 0


@settings(max_examples=10)
@given(seed=st.integers(0, 100))
def test_hoisting_reductions_changes_no_value(seed: int) -> None:
    system = parse("Y[n] = X[n] * sum[k](X[k] * sum[j, j <= k](X[j] ** 2)) + max[k](X[k] * X[n])")
    hoisted = hoist_reductions(system)
    arrays = {"X": np.random.default_rng(seed).normal(size=4)}
    assert len(hoisted.equations) > len(system.equations)
    want, got = (evaluate(s, arrays)["Y"] for s in (system, hoisted))
    np.testing.assert_allclose(got, want, rtol=1e-14)
