"""Weights go to torch and come from it by name, and what does not fit is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from symgrad.errors import CheckpointError
from symgrad.training.loop import fit
from symgrad.training.optimizers import make_optimizer
from symgrad.training.plan import Plan
from symgrad.training.runners import run_on
from symgrad.training.weights import load_weights, save_weights
from tests.training.runs import MODEL, clusters

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.torch

OPTIMIZER = make_optimizer("sgd", lr=0.1)
NAMES = {"fc1.W": "0.weight", "fc1.b": "0.bias", "fc2.W": "2.weight", "fc2.b": "2.bias"}


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).double()


def test_trained_weights_are_a_state_dict_of_torch(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    run = fit(MODEL, clusters(), Plan(OPTIMIZER, epochs=2, batch_size=20))
    save_weights(path, run.parameters, NAMES)
    theirs = network()
    theirs.load_state_dict(load_file(path))
    x = clusters().x_test
    ours = run_on("numpy", MODEL, OPTIMIZER, run.parameters).predict(x)
    np.testing.assert_allclose(ours, theirs(torch.from_numpy(x)).detach(), rtol=1e-12)


def test_a_state_dict_of_torch_is_a_start(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    theirs = network()
    save_file(theirs.state_dict(), path)
    start = load_weights(path, MODEL, NAMES)
    x = clusters().x_test
    ours = run_on("numpy", MODEL, OPTIMIZER, start).predict(x)
    np.testing.assert_allclose(ours, theirs(torch.from_numpy(x)).detach(), rtol=1e-12)
    assert load_weights(path, MODEL, NAMES, "float32")["fc1.W"].dtype == np.float32


def test_weights_come_back_under_their_own_names(tmp_path: Path) -> None:
    start = MODEL.initialise(0)
    save_weights(tmp_path / "weights", start)
    found = load_weights(tmp_path / "weights", MODEL)
    assert {n: v.tobytes() for n, v in found.items()} == {n: v.tobytes() for n, v in start.items()}


@pytest.mark.parametrize(
    ("name", "array", "given"),
    [
        ("fc1.W", None, "weight fc1.W: nothing in place of float64[8, 6]"),
        ("fc1.W", np.zeros((6, 8)), "float64[6, 8] in place of float64[8, 6]"),
        ("fc2.b", np.zeros(3, np.int64), "int64[3] in place of float64[3]"),
        ("fc3.b", np.zeros(3), "weight fc3.b: float64[3] in place of nothing"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, array: Any, given: str
) -> None:
    weights: dict[str, Any] = {**MODEL.initialise(0), name: array}
    save_weights(tmp_path / "weights", {n: v for n, v in weights.items() if v is not None})
    with pytest.raises(CheckpointError) as caught:
        load_weights(tmp_path / "weights", MODEL)
    assert given in caught.value.given


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    save_weights(path, MODEL.initialise(0))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="bytes of arrays"):
        load_weights(path, MODEL)
