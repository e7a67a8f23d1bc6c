"""Generated update code follows torch.optim over long random sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symgrad.errors import TrainingError, UnknownLayerError
from symgrad.training.optimizers import Updater, make_optimizer

pytestmark = pytest.mark.torch

SHAPES = ((4, 3), (5,), ())
STEPS = 200


def recorded_gradients(seed: int) -> list[dict[str, Any]]:
    """Return gradients of all magnitudes, with zero and tiny entries."""
    rng = np.random.default_rng(seed)
    sequence = []
    for _ in range(STEPS):
        step = {}
        for k, shape in enumerate(SHAPES):
            values = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 2, shape)
            kind = rng.integers(0, 6, shape)
            step[f"p{k}"] = np.where(kind == 0, 0.0, np.where(kind == 1, 1e-30 * values, values))
        sequence.append(step)
    return sequence


def follow(
    target: str, start: dict[str, Any], gradients: list[dict[str, Any]], **settings: Any
) -> dict[str, Any]:
    place = torch.from_numpy if target == "torch" else np.array
    updater = Updater(make_optimizer("sgd", **settings), target)
    values = {n: place(np.array(v)) for n, v in start.items()}
    for gradient in gradients:
        values = updater.apply(values, {n: place(np.array(g)) for n, g in gradient.items()})
    return {n: np.asarray(v) for n, v in values.items()}


def follow_torch(
    start: dict[str, Any], gradients: list[dict[str, Any]], **settings: Any
) -> dict[str, Any]:
    tensors = {n: torch.from_numpy(np.array(v)).requires_grad_() for n, v in start.items()}
    optimizer = torch.optim.SGD(tensors.values(), **settings)
    for gradient in gradients:
        for name, tensor in tensors.items():
            tensor.grad = torch.from_numpy(np.array(gradient[name]))
        optimizer.step()
    return {n: t.detach().numpy() for n, t in tensors.items()}


COMBINATIONS = [
    {
        "lr": 0.05,
        "momentum": momentum,
        "dampening": dampening,
        "weight_decay": weight_decay,
        "nesterov": nesterov,
    }
    for momentum in (0.0, 0.9)
    for dampening in (0.0, 0.4)
    for weight_decay in (0.0, 0.01)
    for nesterov in (False, True)
    if not nesterov or (momentum and not dampening)  # torch refuses the rest
]


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("settings", COMBINATIONS, ids=str)
def test_sgd_is_that_of_torch(target: str, settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    start = {f"p{k}": rng.standard_normal(shape) for k, shape in enumerate(SHAPES)}
    gradients = recorded_gradients(2)
    found = follow(target, start, gradients, **settings)
    for name, expected in follow_torch(start, gradients, **settings).items():
        error = np.linalg.norm(found[name] - expected) / np.linalg.norm(expected)
        assert error <= 1e-12, (name, error)
        assert np.linalg.norm(expected - start[name]) > 1e-3


@given(st.floats(1e-4, 1), st.integers(0, 2**32 - 1))
def test_gradient_descent_is_sgd_without_its_settings(rate: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = {"p": rng.standard_normal((3, 2))}
    plain, sgd = (
        Updater(make_optimizer(name, lr=rate), "numpy") for name in ("gradient_descent", "sgd")
    )
    a = b = start
    for _ in range(5):
        gradient = {"p": rng.standard_normal((3, 2))}
        a, b = plain.apply(a, gradient), sgd.apply(b, gradient)
    np.testing.assert_array_equal(a["p"], b["p"])


def test_a_factor_scales_the_rate_given_or_not() -> None:
    start, gradient = {"p": np.ones(2)}, {"p": np.ones(2)}
    half = Updater(make_optimizer("sgd", lr=0.1), "numpy").apply(start, gradient, 0.5)
    np.testing.assert_allclose(half["p"], 0.95)
    default = Updater(make_optimizer("sgd"), "numpy").apply(start, gradient, 0.5)
    np.testing.assert_allclose(default["p"], 1 - 0.0005)


@pytest.mark.parametrize("settings", [{"beta": 0.9}, {"t": 3}, {"momentun": 0.9}])
def test_an_unknown_setting_is_an_error(settings: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="dampening, lr, momentum, nesterov"):
        make_optimizer("sgd", **settings)


def test_an_unknown_optimizer_is_an_error() -> None:
    with pytest.raises(UnknownLayerError, match="sgd"):
        make_optimizer("sgdm")
