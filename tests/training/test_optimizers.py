"""Generated update code follows torch.optim over long random sequences."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symgrad.errors import TrainingError, UnknownLayerError
from symgrad.ir.text import options_of
from symgrad.layers.registry import LAYERS
from symgrad.training.optimizers import Updater, make_optimizer
from tests.training.reference_optimizers import reference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

pytestmark = pytest.mark.torch

SHAPES = ((4, 3), (5,), (), (2,))
STEPS = 200
DECAYS = {"weight_decay": (0.0, 0.01)}
BETAS = {"beta1": (0.8,), "beta2": (0.99,)}

#: For each optimizer the values of its settings that are combined, and then its defaults.
SETTINGS: dict[str, dict[str, tuple[Any, ...]]] = {
    "sgd": {
        "momentum": (0.0, 0.9),
        "dampening": (0.0, 0.4),
        "nesterov": (False, True),
        **DECAYS,
    },
    "adagrad": {"lr_decay": (0.0, 0.1), "initial": (0.0, 0.5), "eps": (1e-6,), **DECAYS},
    "adadelta": {"lr": (0.5,), "rho": (0.8,), "eps": (1e-4,), **DECAYS},
    "rmsprop": {"alpha": (0.9,), "momentum": (0.0, 0.9), "centered": (False, True), **DECAYS},
    "adam": {"amsgrad": (False, True), **BETAS, **DECAYS},
    "adamw": {"amsgrad": (False, True), **BETAS, **DECAYS},
    "adamax": {**BETAS, **DECAYS},
    "nadam": {
        "momentum_decay": (0.0, 0.05),
        "decoupled_weight_decay": (False, True),
        **BETAS,
        **DECAYS,
    },
    "radam": {"decoupled_weight_decay": (False, True), **BETAS, **DECAYS},
    "rprop": {"eta_minus": (0.6,), "eta_plus": (1.4,), "step_min": (1e-4,), "step_max": (0.3,)},
    "asgd": {"lambd": (0.0, 0.01), "alpha": (0.6,), "t0": (0.0, 50.0, 1e6), **DECAYS},
    "lion": {"beta1": (0.8,), "beta2": (0.95,), **DECAYS},
    "lamb": {**BETAS, **DECAYS},
    "lars": {"momentum": (0.0, 0.9), "trust": (0.01,), **DECAYS},
}


def is_legal(name: str, settings: dict[str, Any]) -> bool:
    """Return whether torch takes the settings: Nesterov's step needs an undamped momentum."""
    if name != "sgd" or not settings["nesterov"]:
        return True
    return bool(settings["momentum"] and not settings["dampening"])


CASES: list[tuple[str, dict[str, Any]]] = [
    (name, settings)
    for name, values in SETTINGS.items()
    for settings in [
        *(dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())),
        {},
    ]
    if not settings or is_legal(name, settings)
]


def start_values() -> list[Array]:
    """Return parameters; the last is zero, as a bias is."""
    rng = np.random.default_rng(1)
    return [*(rng.standard_normal(shape) for shape in SHAPES[:-1]), np.zeros(SHAPES[-1])]


@cache
def recorded_gradients() -> list[list[Array]]:
    """Return gradients of all magnitudes, with zero and tiny entries; the last starts at zero."""
    rng = np.random.default_rng(2)
    sequence = []
    for k in range(STEPS):
        step = []
        for shape in SHAPES:
            values = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 2, shape)
            kind = rng.integers(0, 6, shape)
            step.append(np.where(kind == 0, 0.0, np.where(kind == 1, 1e-30 * values, values)))
        step[-1] = step[-1] * (k > 2)
        sequence.append(step)
    return sequence


def follow(target: str, name: str, settings: dict[str, Any]) -> list[list[Array]]:
    """Return the parameters after each step of generated code."""
    place = torch.from_numpy if target == "torch" else np.array
    updater = Updater(make_optimizer(name, **settings), target)
    values = {str(k): place(np.array(v)) for k, v in enumerate(start_values())}
    found = []
    for gradients in recorded_gradients():
        placed = {str(k): place(np.array(g)) for k, g in enumerate(gradients)}
        values = updater.apply(values, placed)
        found.append([np.asarray(v).copy() for v in values.values()])
    return found


@cache
def expected_values(case: int) -> list[list[Array]]:
    """Return the parameters after each step of torch, or of a paper."""
    name, settings = CASES[case]
    tensors = [torch.from_numpy(np.array(v)).requires_grad_() for v in start_values()]
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # that of the scalars in torch's states
    try:
        optimizer = reference(name, tensors, settings)
        found = []
        for gradients in recorded_gradients():
            for tensor, gradient in zip(tensors, gradients, strict=True):
                tensor.grad = torch.from_numpy(np.array(gradient))
            optimizer.step()
            found.append([t.detach().numpy().copy() for t in tensors])
    finally:
        torch.set_default_dtype(default)
    return found


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize(
    "case", range(len(CASES)), ids=[f"{name}-{settings}" for name, settings in CASES]
)
def test_every_step_is_that_of_torch_or_the_paper(case: int, target: str) -> None:
    found, expected = follow(target, *CASES[case]), expected_values(case)
    for k, start in enumerate(start_values()):
        largest = 0.0
        for step in range(STEPS):
            ours, theirs = found[step][k], expected[step][k]
            assert ours.dtype == theirs.dtype
            largest = max(largest, float(np.linalg.norm(theirs)))  # a single number may cross 0
            assert np.linalg.norm(ours - theirs) <= 1e-12 * largest, step
        last = expected[-1][k]
        assert np.linalg.norm(found[-1][k] - last) <= 1e-12 * np.linalg.norm(last)
        assert np.linalg.norm(last - start) > 1e-4


def test_every_optimizer_is_compared() -> None:
    steps = {name for name, entry in LAYERS.items() if entry.step}
    assert steps == {*SETTINGS, "gradient_descent"}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_value_of_every_option_is_compared(name: str) -> None:
    for option, legal in options_of(LAYERS[name].text).items():
        assert set(SETTINGS[name][option]) == set(legal)


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_step_in_float32_stays_there(name: str, target: str) -> None:
    place = torch.from_numpy if target == "torch" else np.array
    updater = Updater(make_optimizer(name), target)
    value = {"p": place(np.array([0.5, -2.0], np.float32))}
    exact = Updater(make_optimizer(name), "numpy")
    wanted = {"p": np.array([0.5, -2.0])}
    for k in range(8):
        gradient = np.array([0.25, 1.0 - k], np.float32)
        value = updater.apply(value, {"p": place(gradient)})
        wanted = exact.apply(wanted, {"p": gradient.astype(np.float64)})
    assert np.asarray(value["p"]).dtype == np.float32
    np.testing.assert_allclose(np.asarray(value["p"]), wanted["p"], rtol=1e-4)


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
