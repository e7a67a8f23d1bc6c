"""Convolutions in one dimension, exhaustively: every stride, dilation, kernel and padding up to 4.

Value and gradients of the generated code at nine lengths of the input are torch's: 5760 cases.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.ir.text import parse
from tests.codegen.running import TARGETS

TEXT = """
X: real[n, c, y]
K: real[o, c, p]
size[h] = (size[y] + 2 * {pad} - {dilation} * (size[p] - 1) - 1) // {stride} + 1
Y[n, o, h] = sum[c, p](
    read(X[n, c, {stride} * h + {dilation} * p - {pad}], outside=0) * K[o, c, p])
"""
#: Strides, dilations, kernels and paddings.
EVERY = list(product(range(1, 5), range(1, 5), range(1, 5), range(5)))
#: Lengths of the input beyond the shortest legal one.
LENGTHS = range(9)


def lengths(dilation: int, kernel: int, pad: int) -> list[int]:
    """Return lengths of the input at which there are one, two, ... results."""
    shortest = max(1, dilation * (kernel - 1) + 1 - 2 * pad)
    return [shortest + more for more in LENGTHS]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("stride", "dilation", "kernel", "pad"), EVERY)
def test_it_is_torch_s(stride: int, dilation: int, kernel: int, pad: int, target: str) -> None:
    text = TEXT.format(stride=stride, dilation=dilation, pad=pad)
    made = build(derive(parse(text, name="case")), target)
    rng = np.random.default_rng(kernel)
    convert = torch.tensor if target == "torch" else np.asarray
    for y in lengths(dilation, kernel, pad):
        X, K = rng.normal(size=(2, 2, y)), rng.normal(size=(3, 2, kernel))
        leaves = [torch.tensor(a, requires_grad=True) for a in (X, K)]
        value = torch.conv1d(leaves[0], leaves[1], None, stride, pad, dilation)
        weight = rng.normal(size=tuple(value.shape))
        wanted = torch.autograd.grad(value, leaves, torch.tensor(weight))
        known: dict[str, Any] = {"X": convert(X), "K": convert(K), "Y_bar": convert(weight)}
        known |= {"p": kernel, "y": y}
        np.testing.assert_allclose(
            made.forward(*(known[n] for n in made.forward_arguments)), value.detach(), atol=1e-11
        )
        assert made.vjp is not None
        for mine, theirs in zip(
            made.vjp(*(known[n] for n in made.vjp_arguments)), wanted, strict=True
        ):
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-11)
