"""The acceptance texts of the language mean what torch computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from symgrad.interpreter import evaluate
from symgrad.ir.text import parse
from tests.ir.texts import ACCEPTANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

F = torch.nn.functional


def run(name: str, arrays: dict[str, Any], **options: object) -> dict[str, NDArray[Any]]:
    return evaluate(parse(ACCEPTANCE[name], name=name, options=options), arrays)


def agree(ours: NDArray[Any], theirs: torch.Tensor) -> None:
    assert ours.shape == tuple(theirs.shape)
    assert_allclose(ours, theirs.numpy(), rtol=1e-12, atol=1e-12)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("bias", [False, True])
def test_linear(rng: np.random.Generator, batch: tuple[int, ...], *, bias: bool) -> None:
    X, W, b = rng.normal(size=(*batch, 4)), rng.normal(size=(5, 4)), rng.normal(size=5)
    arrays = {"X": X, "W": W} | ({"b": b} if bias else {})
    theirs = F.linear(torch.tensor(X), torch.tensor(W), torch.tensor(b) if bias else None)
    agree(run("linear", arrays, b=bias)["Y"], theirs)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "pad"), [(1, 0), (2, 1), (3, 2), (1, 2)])
def test_conv2d(rng: np.random.Generator, stride: int, pad: int, groups: int) -> None:
    X = rng.normal(size=(2, groups * 2, 5, 4))
    K = rng.normal(size=(groups * 3, 2, 3, 2))
    ours = run("conv2d", {"X": X, "K": K}, stride=stride, pad=pad, groups=groups)["Y"]
    theirs = F.conv2d(torch.tensor(X), torch.tensor(K), stride=stride, padding=pad, groups=groups)
    agree(ours, theirs)


@pytest.mark.parametrize(("kernel", "stride", "pad"), [(2, 2, 0), (3, 1, 1), (2, 3, 1), (1, 1, 0)])
def test_max_pool(rng: np.random.Generator, kernel: int, stride: int, pad: int) -> None:
    X = rng.normal(size=(2, 2, 5, 4))
    ours = run("max_pool", {"X": X}, kernel=kernel, stride=stride, pad=pad)["Y"]
    agree(ours, F.max_pool2d(torch.tensor(X), kernel, stride, pad))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention(rng: np.random.Generator, *, causal: bool, masked: bool) -> None:
    Q, K, V = (rng.normal(size=(2, *s)) for s in ((3, 4), (5, 4), (5, 2)))
    mask = rng.random((3, 5)) < 0.7
    mask[1] = False  # a row that attends to nothing
    arrays = {"Q": Q, "K": K, "V": V} | ({"M": mask} if masked else {})
    allowed = np.tri(3, 5, dtype=bool) if causal else np.ones((3, 5), bool)
    allowed &= mask if masked else True
    theirs = F.scaled_dot_product_attention(
        torch.tensor(Q), torch.tensor(K), torch.tensor(V), attn_mask=torch.tensor(allowed)
    )
    agree(run("attention", arrays, causal=causal, M=masked)["O"], theirs)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy(rng: np.random.Generator, reduction: str) -> None:
    X, T = rng.normal(size=(4, 3)), rng.integers(0, 3, size=4)
    ours = run("cross_entropy", {"X": X, "T": T}, reduction=reduction)["L"]
    agree(ours, F.cross_entropy(torch.tensor(X), torch.tensor(T), reduction=reduction))


@pytest.mark.parametrize("steps", [0, 1, 5])
@pytest.mark.parametrize("reverse", [False, True])
def test_lstm(rng: np.random.Generator, steps: int, *, reverse: bool) -> None:
    X, H0, C0 = rng.normal(size=(steps, 2, 3)), rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    U, W, b = rng.normal(size=(16, 3)), rng.normal(size=(16, 4)), rng.normal(size=16)
    arrays = {"X": X, "H0": H0, "C0": C0, "U": U, "W": W, "b": b}
    ours = run("lstm", arrays, reverse=reverse)
    cell = torch.nn.LSTMCell(3, 4, dtype=torch.float64)
    with torch.no_grad():
        for parameter, value in zip(cell.parameters(), (U, W, b, 0 * b), strict=True):
            parameter.copy_(torch.tensor(value))
        h, c = torch.tensor(H0), torch.tensor(C0)
        rows = []
        for x in torch.tensor(X[::-1].copy() if reverse else X):
            h, c = cell(x, (h, c))
            rows.append(h)
    rows = rows[::-1] if reverse else rows
    agree(ours["H"], torch.stack(rows) if rows else torch.zeros(0, 2, 4))
    agree(ours["HN"], h)
    agree(ours["CN"], c)


def test_batch_norm_returns_the_new_statistics(rng: np.random.Generator) -> None:
    X = rng.normal(size=(5, 3))
    g, b, mean, var = (rng.uniform(0.5, 2, size=3) for _ in range(4))
    arrays = {"X": X, "g": g, "b": b, "M_old": mean, "S_old": var}
    ours = run("batch_norm", arrays)
    new_mean, new_var = torch.tensor(mean), torch.tensor(var)
    weight, bias = torch.tensor(g), torch.tensor(b)
    theirs = F.batch_norm(torch.tensor(X), new_mean, new_var, weight, bias, training=True)
    agree(ours["Y"], theirs)
    agree(ours["M_new"], new_mean)
    agree(ours["S_new"], new_var)


def test_dropout_at_one_drops_everything(rng: np.random.Generator) -> None:
    arrays = {"X": rng.normal(size=(3, 4)), "U": rng.random((3, 4))}
    assert not run("dropout", {**arrays, "p": 1.0})["Y"].any()
    half = run("dropout", arrays)["Y"]
    assert_allclose(half, np.where(arrays["U"] < 0.5, 0, 2 * arrays["X"]))
