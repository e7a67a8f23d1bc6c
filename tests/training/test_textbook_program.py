"""The test that matters most: the textbook program and ours walk the same path.

The textbook program is plain torch: modules, CrossEntropyLoss, SGD. Ours is generated code. Same
start, same batches, float64: after every epoch every parameter tensor agrees to 1e-12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from symgrad.training.datasets import Dataset, load
from symgrad.training.loop import batches, fit
from symgrad.training.networks import build_mlp
from symgrad.training.optimizers import make_optimizer
from symgrad.training.plan import Epoch, Plan

if TYPE_CHECKING:
    from symgrad.training.runners import Runner

pytestmark = pytest.mark.torch

Parameters = dict[str, np.ndarray[Any, np.dtype[np.floating[Any]]]]
PLAN = Plan(make_optimizer("sgd", lr=0.01), epochs=10, batch_size=64, seed=0)
NAMES = ("fc1.W", "fc1.b", "fc2.W", "fc2.b")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load("mnist5k")


def textbook_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)).double()


def parameters_of(network: nn.Module) -> Parameters:
    values = [p.detach().numpy().copy() for p in network.parameters()]
    return dict(zip(NAMES, values, strict=True))


@pytest.fixture(scope="module")
def textbook(dataset: Dataset) -> list[Parameters]:
    """Run the textbook program; return the parameters at the start and after each epoch."""
    network = textbook_network()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    x, y = torch.from_numpy(dataset.x_train), torch.from_numpy(dataset.y_train)
    path = [parameters_of(network)]
    for epoch in range(1, PLAN.epochs + 1):
        for rows in batches(len(y), PLAN, epoch):
            optimizer.zero_grad()
            criterion(network(x[rows]), y[rows]).backward()
            optimizer.step()
        path.append(parameters_of(network))
    return path


@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_generated_code_walks_the_path_of_the_textbook_program(
    target: str, dataset: Dataset, textbook: list[Parameters]
) -> None:
    ours: list[Parameters] = []

    def keep(_: Epoch, runner: Runner) -> None:
        ours.append(runner.parameters())

    run = fit(
        build_mlp(784, 128, 10), dataset, PLAN, target=target, start=textbook[0], on_epoch=keep
    )
    assert "generated" in run.gradients
    assert len(ours) == PLAN.epochs
    for epoch, (found, expected) in enumerate(zip(ours, textbook[1:], strict=True), start=1):
        assert set(found) == set(expected)
        for name, value in expected.items():
            error = np.linalg.norm(found[name] - value) / np.linalg.norm(value)
            assert error <= 1e-12, f"{name} after epoch {epoch}: {error:.1e}"
    moved = np.linalg.norm(textbook[-1]["fc1.W"] - textbook[0]["fc1.W"])
    assert moved > 0.1, "a path that goes nowhere proves nothing"
