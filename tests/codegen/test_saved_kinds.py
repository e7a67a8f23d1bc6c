"""What the forward pass saves is of the kind that the backward pass expects."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import symgrad

TEXTS = {
    "a truth value": "B[i] = X[i] > 0\nY[i] = where(B[i], 2 * X[i], X[i])",
    "a truth value that is returned": "B[i] = X[i] > 0\nY[i] = where(B[i], 2 * X[i], X[i])\n"
    "return Y, B",
    "a reduction of truth values": "T: index(i)[n]\nX: real[i]\n"
    "Y[i] = where(any[n](T[n] == i), 2 * X[i], X[i])",
    "a count": "C = sum[i](where(X[i] > 0, 1, 0))\nS = sum[i](X[i])\nY = S / C",
}
GRADIENTS: dict[str, list[float]] = {
    "a truth value": [2, 1, 2],
    "a truth value that is returned": [2, 1, 2],
    "a reduction of truth values": [1, 2, 2],
    "a count": [0.5, 0.5, 0.5],
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("name", TEXTS)
def test_what_is_saved_goes_back_in(name: str, target: str, dtype: str) -> None:
    code = symgrad.build(symgrad.derive(symgrad.parse(TEXTS[name])), target, [])
    arrays = {"X": np.array([1.0, -1.0, 3.0], dtype), "T": np.array([1, 2, 1])}
    given = {n: torch.tensor(a) if target == "torch" else a for n, a in arrays.items()}
    found = code.forward(*(given[n] for n in code.forward_arguments))
    given |= dict(zip(code.forward_results, found, strict=True))
    seed = np.ones(np.shape(found[0]), dtype)
    given["Y_bar"] = torch.tensor(seed) if target == "torch" else seed
    assert code.vjp is not None
    back = np.asarray(code.vjp(*(given.get(n, 3) for n in code.vjp_arguments)))
    assert back.dtype == dtype
    np.testing.assert_allclose(back, GRADIENTS[name])


@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_a_negated_truth_value_is_a_number(target: str) -> None:
    text = "X: real[i, k, l]\nW: real[i, m, l]\nY[i, k, l] = X[i, k, l] - W[i, 0, l]"
    code = symgrad.build(symgrad.derive(symgrad.parse(text), ["W"]), target, [])
    seed = np.arange(12.0).reshape(2, 3, 2)
    given = torch.from_numpy(seed) if target == "torch" else seed
    assert code.vjp is not None
    found = np.asarray(code.vjp(given, 2))
    np.testing.assert_array_equal(found[:, 0], -seed.sum(axis=1))
    np.testing.assert_array_equal(found[:, 1], 0)
