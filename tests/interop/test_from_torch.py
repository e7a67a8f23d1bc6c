"""Operators and modules of torch as Systems: what they say, what runs, what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import symgrad
from symgrad.errors import UnsupportedError
from symgrad.interop.torch_ops import bind
from tests.op_db import Row, Verdict, compared, judged, page


def test_an_operator_is_a_system_with_bound_arrays() -> None:
    X, W = torch.ones(2, 3), torch.ones(4, 3)
    system, arrays = symgrad.from_torch(nn.functional.linear, X, W)
    assert str(system.equations[0]) == "Y[i, k] = sum[j](X[i, j] * X2[k, j])"
    assert {n: a.shape for n, a in arrays.items()} == {"X": (2, 3), "X2": (4, 3)}


def test_the_text_depends_on_the_arguments() -> None:
    X = torch.ones(4, 3)
    backwards, _ = symgrad.from_torch(torch.flip, X, [0])
    assert str(backwards.equations[0]) == "Y[k, j] = X[size[i] - 1 - k, j]"
    rows, _ = symgrad.from_torch(torch.sum, X, dim=1)
    assert str(rows.equations[0]) == "Y[i] = sum[j](X[i, j])"


def leaf(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64).requires_grad_()


def mlp_loss(x: torch.Tensor, w: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return a loss that is made of functions, methods and operators."""
    hidden = torch.relu(x @ w.T + 0.5).reshape(2, 2, -1)
    return nn.functional.cross_entropy(hidden.flatten(1), y)


MODULES = [
    (nn.LSTMCell(3, 2).double(), [leaf(4, 3)]),
    (nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()).double(),
     [leaf(2, 2, 6, 6)]),
    (nn.MultiheadAttention(4, 2).double(), [leaf(3, 1, 4), leaf(3, 1, 4), leaf(3, 1, 4)]),
    (mlp_loss, [leaf(2, 3), leaf(4, 3), torch.tensor([1, 3])]),
]  # fmt: skip


@pytest.mark.parametrize(("op", "args"), MODULES, ids=["lstm", "cnn", "attention", "function"])
def test_modules_and_functions_are_taken_apart(op: object, args: list[torch.Tensor]) -> None:
    assert callable(op)
    verdict = judged(op, args, {})
    assert verdict.word == "passed", verdict.why


def test_parameters_are_inputs() -> None:
    layer = nn.Linear(3, 2).double()
    found = bind(layer, [leaf(4, 3)])
    assert [found.sources[n] is p for n, p in zip(["X2", "X3"], layer.parameters(), strict=True)]


def test_a_wrong_gradient_is_seen() -> None:
    x = leaf(3)
    binding = bind(torch.sin, [x])
    assert compared(binding, [torch.sin(x)]).word == "passed"
    assert compared(binding, [torch.sin(x.detach()) + 0 * x]).word == "wrong"
    assert compared(binding, [torch.cos(x)]).word == "wrong"
    assert compared(binding, [x, x]).word == "wrong"


def test_what_has_no_row_is_refused_with_its_name() -> None:
    with pytest.raises(UnsupportedError, match="lgamma"):
        symgrad.from_torch(torch.lgamma, torch.ones(2))
    with pytest.raises(UnsupportedError, match="nothing_like_it"):
        symgrad.from_torch("nothing_like_it", torch.ones(2))
    with pytest.raises(UnsupportedError, match="complex"):
        symgrad.from_torch(torch.sin, torch.ones(2, dtype=torch.complex128))


def test_the_page_counts_everything() -> None:
    rows = [
        Row("a", "x", [Verdict("passed"), Verdict("passed")]),
        Row("b", "x", [Verdict("passed"), Verdict("unsupported", "no gamma")]),
        Row("c", "y", [Verdict("deviates", "X_bar is nan in torch")]),
    ]
    text = page(rows, None)
    assert "| x | 1 | 2 | 3 | 4 |" in text
    assert "| all | 2 | 3 | 4 | 5 |" in text
    assert "| `b` | 1 of 2 | no gamma |" in text


def test_importing_the_table_does_not_import_torch() -> None:
    code = "import sys, symgrad.interop.torch_ops; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_arrays_are_copies() -> None:
    x = torch.ones(2, dtype=torch.float64)
    _, arrays = symgrad.from_torch(torch.sin, x)
    x.zero_()
    np.testing.assert_array_equal(arrays["X"], 1)
