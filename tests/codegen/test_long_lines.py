"""Lines that are too long are taken apart without a change of meaning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import symgrad

#: The products of the backward pass are too long for a line, and one operand of theirs is turned.
TEXT = """
X: real[i, j, k, l]
Z: real[m, n, p, l]
size[i] = 2
size[j] = 3
size[m] = 2
size[n] = 3
size[b] = size[i] * size[j]
P[(v, w), k, l] = X[v, w, k, l]
Q[(d, f), l, p] = Z[d, f, p, l]
Y[b, k, p] = exp(sum[l](P[b, k, l] * Q[b, l, p]))
"""


@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_a_turned_operand_of_a_long_product(target: str) -> None:
    code = symgrad.build(symgrad.derive(symgrad.parse(TEXT)), target, [])
    X = torch.randn(2, 3, 4, 5, dtype=torch.float64).requires_grad_()
    Z = torch.randn(2, 3, 6, 5, dtype=torch.float64).requires_grad_()
    Y = torch.einsum("vwkl,vwpl->vwkp", X, Z).exp().reshape(6, 4, 6)
    seed = torch.randn_like(Y)
    expected = torch.autograd.grad(Y, [X, Z], seed)
    tensors = {"X": X.detach(), "Z": Z.detach(), "Y_bar": seed}
    given = tensors if target == "torch" else {n: t.numpy() for n, t in tensors.items()}
    found = code.forward(given["X"], given["Z"])
    given |= dict(zip(code.forward_results, found, strict=True))
    assert code.vjp is not None
    back = code.vjp(*(given[n] for n in code.vjp_arguments))
    for ours, theirs in zip(back, expected, strict=True):
        np.testing.assert_allclose(np.asarray(ours), theirs.numpy(), 1e-10, 1e-12)
