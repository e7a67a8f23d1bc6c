"""Oracles agree with formulas from a textbook, which stand here and nowhere in the package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from symgrad.autodiff.derive import derive
from symgrad.ir.text import parse
from symgrad.verification.instances import Instance
from symgrad.verification.oracles import Oracles
from symgrad.verification.strategies import instances

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOFTMAX = parse(
    """
    E[..., k] = exp(X[..., k])
    Z[...] = sum[k](E[..., k])
    P[..., k] = E[..., k] / Z[...]
    """
)
ORACLES = Oracles(derive(SOFTMAX))


def softmax(x: NDArray[Any]) -> NDArray[Any]:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def jacobian_times(p: NDArray[Any], v: NDArray[Any]) -> NDArray[Any]:
    """Return J v; the Jacobian of softmax is symmetric."""
    return np.asarray(p * (v - (p * v).sum(axis=-1, keepdims=True)))


@given(instance=instances(SOFTMAX, lengths=(1, 2, 3), smooth=True))
def test_values_gradients_and_tangents_are_those_of_the_textbook(instance: Instance) -> None:
    x, c = instance.inputs["X"], instance.cotangents["P_bar"]
    assume(np.isfinite(x).all())  # the textbook has no masks
    p = softmax(x)
    v = np.cos(np.arange(x.size)).reshape(x.shape)
    scale = 1 + np.abs(c).max(initial=0)
    found = {
        "P": (ORACLES.forward(instance)["P"], p),
        "X_bar": (ORACLES.vjp(instance)["X_bar"], jacobian_times(p, c)),
        "closed": (ORACLES.closed_form(instance)["X_bar"], jacobian_times(p, c)),
        "P_dot": (ORACLES.jvp(instance, {"X": v})["P"], jacobian_times(p, v)),
    }
    for exact, want in found.values():
        np.testing.assert_allclose(exact.value.astype(float), want, rtol=0, atol=1e-11 * scale)


@given(seed=st.integers(0, 1000))
def test_second_derivatives_are_those_of_a_cubic(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, c, v = rng.normal(size=(3, 4))
    cubic = parse("Y[n] = X[n] ** 3")
    point = Instance(cubic, {"n": 4}, (), {"X": x}, {"Y_bar": c})
    found = Oracles(derive(cubic)).second(point, {"X": v}, bounds=True)["X_bar"]
    np.testing.assert_allclose(found.value.astype(float), 6 * x * v * c, rtol=1e-13)
    assert np.all(found.bound > 0)
    assert np.all(found.bound < 1e-12 * (1 + np.abs(6 * x * v * c)))


def test_an_input_that_does_not_move_has_no_tangent() -> None:
    line = parse("Y = a * X + b")
    arrays = {"a": np.array(2.0), "X": np.array(3.0), "b": np.array(4.0)}
    point = Instance(line, {}, (), arrays, {"Y_bar": np.array(1.0)})
    assert Oracles(derive(line)).jvp(point, {"X": np.array(1.0)})["Y"].value == 2


@pytest.mark.parametrize("rank", range(4))
def test_the_batch_may_have_any_rank(rank: int) -> None:
    shape = (2, 1, 3)[:rank]
    x = np.linspace(-1, 1, 2 * int(np.prod(shape))).reshape(*shape, 2)
    point = Instance(SOFTMAX, {"k": 2}, shape, {"X": x}, {"P_bar": x**2})
    found = ORACLES.vjp(point)["X_bar"].value.astype(float)
    np.testing.assert_allclose(found, jacobian_times(softmax(x), x**2), atol=1e-15)


def test_what_is_known_about_an_instance_is_computed_once() -> None:
    point = Instance(SOFTMAX, {"k": 1}, (), {"X": np.zeros(1)}, {"P_bar": np.ones(1)})
    assert ORACLES.vjp(point) is ORACLES.vjp(point)


def test_the_mean_of_nothing_has_no_derivative() -> None:
    system = parse("L = mean[...](X[...] - T[...])", name="mean")
    made = Instance(
        system,
        lengths={},
        batch=(0,),
        inputs={"X": np.ones(1), "T": np.ones(0)},
        cotangents={"L_bar": np.ones(())},
        own=(("X", ("1",)),),
    )
    found = Oracles(derive(system)).vjp(made)
    assert np.isnan(found["X_bar"].value.astype(float)).tolist() == [True]


def test_a_point_that_was_seen_is_not_computed_again() -> None:
    def point(scale: float, layout: str) -> Instance:
        given = {"X": scale * np.ones((2, 3))}
        seeds = {"P_bar": np.ones((2, 3))}
        return Instance(SOFTMAX, {"k": 3}, (2,), given, seeds, {"X": layout})

    oracles = Oracles(derive(SOFTMAX))
    first = oracles.vjp(point(1.0, "C"))
    assert oracles.vjp(point(1.0, "F")) is first
    assert oracles.vjp(point(2.0, "C")) is not first
