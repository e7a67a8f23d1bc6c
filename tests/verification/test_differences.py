"""Ladders of differences are right within the error that they state, and see kinks."""

from __future__ import annotations

from math import cos, exp, sin, sqrt, tanh
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.verification.differences import complex_step, slope

if TYPE_CHECKING:
    from collections.abc import Callable

SMOOTH = {
    "exp": (exp, exp),
    "sin": (sin, cos),
    "tanh": (tanh, lambda x: 1 - tanh(x) ** 2),
    "sqrt of 1 + x^2": (lambda x: sqrt(1 + x * x), lambda x: x / sqrt(1 + x * x)),
    "steep": (lambda x: tanh(20 * x), lambda x: 20 * (1 - tanh(20 * x) ** 2)),
    "square": (lambda x: 1000 + x * x, lambda x: 2 * x),
}


@pytest.mark.parametrize("name", SMOOTH)
@given(at=st.floats(-2, 2))
def test_the_stated_error_holds(name: str, at: float) -> None:
    function, derivative = SMOOTH[name]
    noise = 4e-16 * abs(function(at)) + 1e-18
    found = slope(lambda t: function(at + t), 0.1, noise)
    assert abs(found.central.value - derivative(at)) <= found.central.error
    assert found.distance(derivative(at)) <= found.error


@pytest.mark.parametrize("name", SMOOTH)
def test_the_stated_error_is_small(name: str) -> None:
    function, _ = SMOOTH[name]
    assert slope(lambda t: function(0.3 + t), 0.1, 1e-13).central.error < 1e-6


@given(left=st.floats(-3, 3), right=st.floats(-3, 3))
def test_every_value_between_one_sided_slopes_is_legal(left: float, right: float) -> None:
    found = slope(lambda t: (right if t > 0 else left) * t, 0.1, 1e-16)
    middle = (left + right) / 2
    assert found.distance(middle) <= found.error
    assert found.distance(max(left, right) + 1) == pytest.approx(1, abs=1e-6)


def test_a_kink_is_not_mistaken_for_its_mean() -> None:
    assert slope(abs, 0.1, 1e-16).is_kink
    assert not slope(sin, 0.1, 1e-16).is_kink


def test_noise_counts_as_error() -> None:
    rng = np.random.default_rng(0)
    found = slope(lambda t: t + 1e-6 * rng.uniform(-1, 1), 0.1, 1e-6)
    assert abs(found.central.value - 1) <= found.central.error


def test_a_jump_gives_no_useful_slope() -> None:
    assert slope(lambda t: float(t > 0), 0.1, 1e-16).error > 1


@pytest.mark.parametrize("function", [np.exp, np.sin, np.tanh], ids=["exp", "sin", "tanh"])
def test_the_complex_step_agrees_with_differences(function: Callable[..., Any]) -> None:
    point, direction = np.array([0.2, -0.7]), np.array([1.0, -2.0])
    found = float(np.sum(complex_step(function, point, direction)))
    want = slope(lambda t: float(np.sum(function(point + t * direction))), 0.1, 1e-15)
    assert want.distance(found) <= want.error


def test_a_function_that_is_zero_here_makes_noise_elsewhere() -> None:
    found = slope(lambda t: 0.7 * t, 0.1)
    assert found.central.error >= 2.0**-53
    assert abs(found.central.value - 0.7) <= found.central.error
