"""Start values follow from what the equations do with a parameter, and agree with torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symgrad.ir.text import parse
from symgrad.layers.registry import get
from symgrad.training.initializers import SCHEMES, Start, starts
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


CONVOLUTION = """
X: real[n, i, y, x]
W: real[o, i, p, q]
size[h] = size[y] - size[p] + 1
size[w] = size[x] - size[q] + 1
Y[n, o, h, w] = sum[i, p, q](X[n, i, h + p, w + q] * W[o, i, p, q]) + b[o]
"""


@pytest.mark.torch
@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]", {"o": 40, "i": 50}),
        (CONVOLUTION, {"o": 8, "i": 6, "p": 5, "q": 3}),
    ],
)
def test_other_schemes_are_those_of_torch(text: str, sizes: dict[str, int]) -> None:
    found = starts(parse(text, params=["W", "b"]))
    shape = tuple(sizes.values())
    torch.manual_seed(0)
    weight = torch.empty(shape, dtype=torch.float64)
    cases = {
        "xavier": torch.nn.init.xavier_uniform_(weight.clone()),
        "he": torch.nn.init.kaiming_normal_(weight.clone()),
    }
    for scheme, theirs in cases.items():
        rng = np.random.default_rng(0)
        ours = found["W"].draw(shape, sizes, rng, "float64", scheme)
        assert ours.std() == pytest.approx(theirs.numpy().std(), rel=0.06)
        assert (found["b"].draw((sizes["o"],), sizes, rng, "float64", scheme) == 0).all()
    bound = np.sqrt(6 / sum(torch.nn.init._calculate_fan_in_and_fan_out(weight)))
    xavier = found["W"].draw(shape, sizes, np.random.default_rng(1), "float32", "xavier")
    assert 0.99 * bound < np.abs(xavier).max() <= bound * (1 + 1e-6)


def test_gains_and_tables_are_the_same_in_all_schemes() -> None:
    rows = starts(get("layer_norm").system()) | {"E": Start("normal")}
    for start in rows.values():
        drawn = [start.draw((3,), {}, np.random.default_rng(0), "float64", s) for s in SCHEMES]
        np.testing.assert_array_equal(drawn[0], drawn[1])
        np.testing.assert_array_equal(drawn[0], drawn[2])
