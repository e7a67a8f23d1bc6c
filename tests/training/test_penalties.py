"""Penalties and clipping are torch's, on every target and with every optimizer that torch has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symgrad.training.loop import fit
from symgrad.training.optimizers import make_optimizer
from symgrad.training.penalties import Shaping, norm_of
from symgrad.training.plan import Plan
from symgrad.training.torch_optimizers import _CLASSES
from tests.training.runs import MODEL, clusters

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.torch

PLAN = Plan(make_optimizer("sgd", lr=0.05, momentum=0.9), epochs=3, batch_size=25, seed=1)


@pytest.fixture(autouse=True)
def scalars_in_float64() -> Iterator[None]:
    """Have torch keep the numbers in its states as exactly as its tensors."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def assert_same_path(plan: Plan, tolerance: float = 1e-10) -> Any:
    runs = [fit(MODEL, clusters(), plan, target=t) for t in ("autograd", "numpy", "torch")]
    for name, expected in runs[0].parameters.items():
        for run in runs[1:]:
            missed = np.linalg.norm(run.parameters[name] - expected)
            assert missed <= tolerance * np.linalg.norm(expected), name
    norms = [[e.norm for e in run.history] for run in runs]
    assert all((n is None) is (plan.clip_norm is None) for found in norms for n in found)
    if plan.clip_norm is not None:
        for found in norms[1:]:
            assert found == pytest.approx(norms[0], rel=1e-9)
    return runs[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"l1": 0.01},
        {"l2": 0.1},
        {"l1": 0.02, "l2": 0.03},
        {"clip_norm": 0.3},
        {"clip_value": 0.02},
        {"l2": 0.1, "clip_value": 0.05, "clip_norm": 0.1},
    ],
)
def test_penalties_and_clipping_walk_the_path_of_torch(changes: dict[str, Any]) -> None:
    found = assert_same_path(replace(PLAN, **changes)).parameters
    plain = fit(MODEL, clusters(), PLAN).parameters
    assert all((found[n] != plain[n]).any() for n in plain)


@pytest.mark.parametrize("name", sorted(_CLASSES))
def test_every_optimizer_that_torch_has_walks_its_path(name: str) -> None:
    assert_same_path(replace(PLAN, optimizer=make_optimizer(name)))


def test_options_and_settings_reach_torch() -> None:
    for optimizer in (
        make_optimizer("adam", amsgrad=True, beta1=0.8, lr=0.01),
        make_optimizer("rmsprop", centered=True, momentum=0.5),
        make_optimizer("adagrad", initial=0.5),
        make_optimizer("rprop", step_max=0.05),
    ):
        assert_same_path(replace(PLAN, optimizer=optimizer))


def test_biases_are_not_penalised() -> None:
    gradients = {"W": np.zeros((2, 2)), "b": np.zeros(2)}
    parameters = {"W": np.array([[1.0, -2.0], [0.0, 3.0]]), "b": np.ones(2)}
    found = Shaping(l1=0.5, l2=2.0).penalised("numpy", parameters, gradients)
    np.testing.assert_array_equal(found["W"], 0.5 * np.sign(parameters["W"]) + 2 * parameters["W"])
    np.testing.assert_array_equal(found["b"], 0)


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 10), st.floats(1e-3, 10))
def test_clipping_is_that_of_torch(seed: int, norm: float, value: float) -> None:
    rng = np.random.default_rng(seed)
    arrays = {"W": rng.standard_normal((3, 2)), "b": rng.standard_normal(2)}
    found, length = Shaping(clip_norm=norm, clip_value=value).clipped(arrays)
    tensors = [torch.zeros(v.shape, dtype=torch.float64) for v in arrays.values()]
    for tensor, array in zip(tensors, arrays.values(), strict=True):
        tensor.grad = torch.from_numpy(array.copy())
    torch.nn.utils.clip_grad_value_(tensors, value)
    torch.nn.utils.clip_grad_norm_(tensors, norm)
    for tensor, array in zip(tensors, found.values(), strict=True):
        assert tensor.grad is not None
        np.testing.assert_allclose(array, tensor.grad.numpy(), rtol=1e-12)
    assert length == pytest.approx(norm_of(arrays))
    assert norm_of(found) <= norm * (1 + 1e-12)
