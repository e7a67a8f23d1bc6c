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

SHAPES = ((4, 3), (2, 5), (3, 1, 2), (5,), (), (2,))
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
    "adafactor": {
        "beta2_decay": (-0.7,),
        "eps1": (1e-4,),
        "eps2": (0.01,),
        "d": (1.5,),
        "factored": (True, False),
        **DECAYS,
    },
    "muon": {
        "nesterov": (True, False),
        "adjust_lr": ("original", "match_rms_adamw"),
        "ns_steps": (4, 5, 6),
        "weight_decay": (0.01,),
    },
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


def start_values(case: int) -> dict[int, Array]:
    """Return parameters of the ranks that an optimizer moves; the last is zero, as a bias is."""
    name, settings = CASES[case]
    rng = np.random.default_rng(1)
    drawn = [*(rng.standard_normal(shape) for shape in SHAPES[:-1]), np.zeros(SHAPES[-1])]
    optimizer = make_optimizer(name, **settings)
    return {k: v for k, v in enumerate(drawn) if optimizer.system_for(v.ndim) is not None}


@pytest.mark.parametrize(
    ("name", "settings", "ranks"),
    [
        ("muon", {}, {2}),
        ("adafactor", {}, {0, 1, 2, 3}),
        ("adafactor", {"factored": True}, {2, 3}),
        ("adafactor", {"factored": False}, {0, 1, 2, 3}),
        ("sgd", {}, {0, 1, 2, 3}),
    ],
)
def test_an_optimizer_moves_the_ranks_of_its_equations(
    name: str, settings: dict[str, Any], ranks: set[int]
) -> None:
    optimizer = make_optimizer(name, **settings)
    assert {k for k in range(4) if optimizer.system_for(k) is not None} == ranks


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


def follow(target: str, case: int) -> list[list[Array]]:
    """Return the parameters after each step of generated code."""
    place = torch.from_numpy if target == "torch" else np.array
    name, settings = CASES[case]
    updater = Updater(make_optimizer(name, **settings), target)
    start = start_values(case)
    values = {str(k): place(np.array(v)) for k, v in start.items()}
    found = []
    for gradients in recorded_gradients():
        placed = {str(k): place(np.array(gradients[k])) for k in start}
        values = updater.apply(values, placed)
        found.append([np.asarray(v).copy() for v in values.values()])
    return found


@cache
def expected_values(case: int) -> list[list[Array]]:
    """Return the parameters after each step of torch, or of a paper."""
    name, settings = CASES[case]
    start = start_values(case)
    tensors = [torch.from_numpy(np.array(v)).requires_grad_() for v in start.values()]
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # that of the scalars in torch's states
    try:
        optimizer = reference(name, tensors, settings)
        found = []
        for gradients in recorded_gradients():
            for tensor, k in zip(tensors, start, strict=True):
                tensor.grad = torch.from_numpy(np.array(gradients[k]))
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
    found, expected = follow(target, case), expected_values(case)
    for k, start in enumerate(start_values(case).values()):
        largest = 0.0
        for step in range(STEPS):
            ours, theirs = found[step][k], expected[step][k]
            assert ours.dtype == theirs.dtype
            largest = max(largest, float(np.linalg.norm(theirs)))  # a single number may cross 0
            assert np.linalg.norm(ours - theirs) <= 1e-12 * largest, step
        last = expected[-1][k]
        assert np.linalg.norm(found[-1][k] - last) <= 1e-12 * np.linalg.norm(last)
        assert np.linalg.norm(last - start) > 1e-5  # adafactor steps by 1e-5 from zero


def test_every_optimizer_is_compared() -> None:
    steps = {name for name, entry in LAYERS.items() if entry.step}
    assert steps == {*SETTINGS, "gradient_descent"}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_value_of_every_option_is_compared(name: str) -> None:
    for option, legal in options_of(LAYERS[name].text).items():
        compared = set(SETTINGS[name][option])
        assert compared == set(legal)


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_step_in_float32_stays_there(name: str, target: str) -> None:
    place = torch.from_numpy if target == "torch" else np.array
    updater = Updater(make_optimizer(name), target)
    start = np.array([[0.5, -2.0, 1.0], [0.25, 0.0, 3.0]])
    value = {"p": place(start.astype(np.float32))}
    exact = Updater(make_optimizer(name), "numpy")
    wanted = {"p": start}
    for k in range(8):
        gradient = np.array([[0.25, 1.0 - k, 1.0], [k, 0.5, -1.0]], np.float32)
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
def test_an_unknown_setting_is_an_error(settings: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match="dampening, lr, momentum, nesterov"):
        make_optimizer("sgd", **settings)


def test_what_the_equations_do_not_move_is_an_error_or_is_moved_by_the_rest() -> None:
    start = {"W": np.ones((2, 2)), "b": np.ones(2)}
    gradient = {"W": np.eye(2), "b": np.ones(2)}
    with pytest.raises(TrainingError, match=r"rank 1") as caught:
        Updater(make_optimizer("muon"), "numpy").apply(start, gradient)
    assert "on b" in caught.value.where
    assert "rest" in caught.value.fix
    both = make_optimizer("muon", make_optimizer("sgd", lr=0.5), lr=0.1)
    assert str(both) == "muon(lr=0.1), else sgd(lr=0.5)"
    found = Updater(both, "numpy").apply(start, gradient, factor=0.5)
    np.testing.assert_allclose(found["b"], 0.75)
    alone = Updater(make_optimizer("muon", lr=0.05), "numpy").apply(
        {"W": start["W"]}, {"W": gradient["W"]}
    )
    np.testing.assert_array_equal(found["W"], alone["W"])


def test_muon_is_near_torch_which_rounds_to_bfloat16() -> None:
    rng = np.random.default_rng(5)
    start, gradient = rng.standard_normal((6, 4)), rng.standard_normal((6, 4))
    tensor = torch.from_numpy(start.copy()).requires_grad_()
    tensor.grad = torch.from_numpy(gradient.copy())
    theirs: Any = torch.optim.Muon([tensor], lr=1.0, weight_decay=0.0)
    theirs.step()
    muon = make_optimizer("muon", lr=1.0, weight_decay=0.0)
    found = Updater(muon, "numpy").apply({"W": start}, {"W": gradient})["W"]
    step = tensor.detach().numpy() - start
    assert 0 < np.linalg.norm(found - start - step) < 0.05 * np.linalg.norm(step)


def test_an_unknown_optimizer_is_an_error() -> None:
    with pytest.raises(UnknownLayerError, match="sgd"):
        make_optimizer("sgdm")
