"""What has an exact finite value is finite in float32: logits up to 1e4, masks of -inf."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symgrad.codegen.generate import build_function
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from symgrad.codegen.generate import Generated

TARGETS = ("numpy", "torch")
TEXTS = {
    "softmax": "Y[n, k] = exp(X[n, k] - logsumexp[j](X[n, j]))",
    "log_softmax": "Y[n, k] = X[n, k] - logsumexp[j](X[n, j])",
    "logsumexp": "Y[n] = logsumexp[k](X[n, k])",
    "named": "L[n] = logsumexp[k](X[n, k])\nY[n, k] = exp(X[n, k] - L[n])",
    "nll": "T: index(k)[n]\nY[n] = logsumexp[k](X[n, k]) - X[n, T[n]]",
    "sigmoid": "Y[n, k] = sigmoid(X[n, k])",
    "softplus": "Y[n, k] = softplus(X[n, k])",
}


@cache
def code(name: str, target: str) -> Generated:
    return build_function(parse(TEXTS[name], name=name), target)


def call(name: str, target: str, *arrays: np.ndarray) -> np.ndarray:
    made: list[Any] = [torch.tensor(a) if target == "torch" else a for a in arrays]
    return np.asarray(code(name, target).forward(*made))


def exact(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return softmax and logsumexp of the rows, in float64."""
    wide = X.astype(np.float64)
    largest = wide.max(axis=1, keepdims=True)
    total = np.exp(wide - largest).sum(axis=1, keepdims=True)
    return np.exp(wide - largest) / total, (largest + np.log(total))[:, 0]


rows = st.lists(
    st.lists(
        st.one_of(st.floats(-1e4, 1e4, width=32), st.just(float("-inf"))), min_size=3, max_size=3
    ).filter(lambda row: max(row) > float("-inf")),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("target", TARGETS)
@given(values=rows)
def test_large_logits_and_masks_lose_nothing(target: str, values: list[list[float]]) -> None:
    X = np.array(values, np.float32)
    probability, total = exact(X)
    for name in ("softmax", "named"):
        np.testing.assert_allclose(call(name, target, X), probability, rtol=2e-6, atol=1e-37)
    np.testing.assert_allclose(call("logsumexp", target, X), total, rtol=1e-6, atol=1e-6)
    difference = X.astype(np.float64) - total[:, None]
    np.testing.assert_allclose(call("log_softmax", target, X), difference, rtol=1e-6, atol=1e-6)
    T = X.argmin(axis=1)
    chosen = -difference[np.arange(len(X)), T]
    np.testing.assert_allclose(call("nll", target, T, X), chosen, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_a_row_of_minus_infinity_has_the_logsumexp_minus_infinity(target: str) -> None:
    X = np.array([[-np.inf, -np.inf], [0.0, 0.0]], np.float32)
    found = call("logsumexp", target, X)
    assert found[0] == -np.inf
    assert found[1] == pytest.approx(np.log(2))


@pytest.mark.parametrize("target", TARGETS)
def test_the_logsumexp_of_nothing_is_minus_infinity(target: str) -> None:
    assert list(call("logsumexp", target, np.zeros((2, 0), np.float32))) == [-np.inf, -np.inf]


@pytest.mark.parametrize("target", TARGETS)
def test_sigmoid_and_softplus_keep_their_tails(target: str) -> None:
    X = np.array([[-1e4, -80.0, 0.0, 80.0, 1e4]], np.float32)
    sigmoid, softplus = call("sigmoid", target, X)[0], call("softplus", target, X)[0]
    np.testing.assert_allclose(sigmoid, [0, np.exp(-80.0), 0.5, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(softplus, [0, np.exp(-80.0), np.log(2), 80, 1e4], rtol=1e-5)
