"""From the text of a convolution or a pool to its gradient in code: what torch's autograd gives."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.interpreter import bind_sizes
from symgrad.ir.text import parse
from tests.ir.texts import ACCEPTANCE

pytestmark = pytest.mark.torch

F = torch.nn.functional


def gradients(
    name: str, target: str, arrays: dict[str, torch.Tensor], **options: object
) -> dict[str, Any]:
    """Return the cotangents by name that generated code gives."""
    derivation = derive(parse(ACCEPTANCE[name], name=name, options=options))
    built = build(derivation, target)
    assert built.vjp is not None
    given: dict[str, Any] = {n: a.detach() for n, a in arrays.items()}
    if target == "numpy":
        given = {n: a.numpy() for n, a in given.items()}
    first = built.forward(**{n: given[n] for n in built.forward_arguments if n in given})
    rows = first if isinstance(first, tuple) else (first,)
    given |= dict(zip(built.forward_results, rows, strict=True))
    given |= bind_sizes(
        derivation.system, {n: a.detach().numpy() for n, a in arrays.items() if n != "Y_bar"}
    )
    found = built.vjp(**{n: given[n] for n in built.vjp_arguments if n in given})
    found = found if isinstance(found, tuple) else (found,)
    return dict(zip(derivation.wrt, found, strict=True))


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions_in_two_dimensions(target: str, groups: int) -> None:
    rng = np.random.default_rng(0)
    for stride, pad in product((1, 2, 3), (0, 1, 2)):
        X = torch.tensor(rng.normal(size=(2, groups * 2, 7, 6)), requires_grad=True)
        K = torch.tensor(rng.normal(size=(groups * 3, 2, 3, 2)), requires_grad=True)
        Y = F.conv2d(X, K, stride=stride, padding=pad, groups=groups)
        Y_bar = torch.tensor(rng.normal(size=Y.shape))
        wanted = dict(zip("XK", torch.autograd.grad(Y, (X, K), Y_bar), strict=True))
        arrays = {"X": X, "K": K, "Y_bar": Y_bar}
        found = gradients("conv2d", target, arrays, stride=stride, pad=pad, groups=groups)
        for name, value in wanted.items():
            assert_allclose(found[name], value, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize(("kernel", "stride", "pad"), [(2, 2, 0), (3, 1, 1), (3, 2, 1), (2, 3, 0)])
def test_the_first_of_tied_maxima_gets_all(target: str, kernel: int, stride: int, pad: int) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 3, size=(2, 2, 7, 6)).astype(float)  # many ties
    X = torch.tensor(values, requires_grad=True)
    Y = F.max_pool2d(X, kernel, stride, pad)
    Y_bar = torch.tensor(rng.normal(size=Y.shape))
    (wanted,) = torch.autograd.grad(Y, (X,), Y_bar)
    arrays = {"X": X, "Y_bar": Y_bar}
    found = gradients("max_pool", target, arrays, kernel=kernel, stride=stride, pad=pad)
    assert_allclose(found["X"], wanted, rtol=1e-12, atol=1e-12)
