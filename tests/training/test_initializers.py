"""Start values follow from what the equations do with a parameter, and agree with torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symgrad.ir.text import parse
from symgrad.layers.registry import get
from symgrad.training.initializers import Start, starts
from symgrad.training.networks import build_mlp


def test_a_weight_and_its_bias_share_the_fan_in_of_the_contraction() -> None:
    model = build_mlp(784, 128, 10)
    assert starts(model.objective) == {
        "fc1.W": Start("uniform", ("i",)),
        "fc1.b": Start("uniform", ("i",)),
        "fc2.W": Start("uniform", ("o",)),
        "fc2.b": Start("uniform", ("o",)),
    }


def test_gains_start_at_one_and_shifts_at_zero() -> None:
    assert starts(get("layer_norm").system()) == {"g": Start("one"), "b": Start("zero")}


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("Y[m, o] = sum[c, p](X[m, c, p] * W[o, c, p])", Start("uniform", ("c", "p"))),
        ("Y[m, o] = sum[i](X[m, i] * tanh(W[o, i]))", Start("uniform", ("i",))),
        ("Y[m, d] = X[m, d] + sum[k](X[m, k] * X[m, d]) * W[d]", Start("one")),
        ("Y[m, d] = X[m, d] - W[d]", Start("zero")),
        ("T: index(v)[m]\nY[m, d] = W[T[m], d]", Start("normal")),
    ],
)
def test_the_use_of_a_parameter_says_how_it_starts(text: str, start: Start) -> None:
    assert starts(parse(text, params=["W"])) == {"W": start}


@pytest.mark.torch
def test_start_values_are_distributed_as_those_of_torch() -> None:
    torch.manual_seed(0)
    found = build_mlp(400, 300, 10).initialise(seed=0)
    layers = (("fc1", torch.nn.Linear(400, 300)), ("fc2", torch.nn.Linear(300, 10)))
    for prefix, layer in layers:
        for name, expected in (("W", layer.weight), ("b", layer.bias)):
            ours = np.sort(found[f"{prefix}.{name}"].ravel())
            theirs = np.sort(expected.detach().double().numpy().ravel())
            assert ours.shape == theirs.shape
            bound = 1 / np.sqrt(layer.in_features)
            assert np.abs(ours).max() <= bound
            gap = np.abs(ours - theirs).max() / bound  # quantiles of two uniform samples
            assert gap < 4 / np.sqrt(len(ours)), (prefix, name, gap)


def test_the_same_seed_gives_the_same_start() -> None:
    model = build_mlp(6, 5, 3)
    first, second, other = model.initialise(1), model.initialise(1), model.initialise(2)
    assert all((first[n] == second[n]).all() for n in model.params)
    assert not any((first[n] == other[n]).all() for n in model.params)
    assert model.initialise(1, "float32")["fc1.W"].dtype == np.float32
