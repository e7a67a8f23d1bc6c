"""Derivatives of derivatives: the adjoint of the adjoint, and its tangent, against torch.

A gradient is a System, so it is derived once more. The second cotangents are those of
`torch.autograd.grad` applied twice; forward over reverse gives the Hessian times a vector.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from symgrad.autodiff.adjoint import adjoint_system
from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.codegen.generate import build, build_function
from symgrad.interpreter import evaluate
from symgrad.ir.text import parse
from tests.codegen.running import TARGETS
from tests.codegen.torch_rows import ROWS, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from symgrad.ir.equation import System

pytestmark = pytest.mark.torch

F = torch.nn.functional

MORE = {
    "layer norm": Row(
        """
        M[n] = mean[d](X[n, d])
        S[n] = mean[d]((X[n, d] - M[n]) ** 2)
        R[n] = 1 / sqrt(S[n] + 1e-5)
        Y[n, d] = g[d] * (X[n, d] - M[n]) * R[n] + b[d]
        """,
        lambda X, g, b: F.layer_norm(X, X.shape[1:], g, b),
        {"X": (2, 4), "g": (4,), "b": (4,)},
    ),
    "batch norm": Row(
        """
        M[c] = mean[n](X[n, c])
        S[c] = mean[n]((X[n, c] - M[c]) ** 2)
        Y[n, c] = g[c] * (X[n, c] - M[c]) / sqrt(S[c] + 1e-5) + b[c]
        """,
        lambda X, g, b: F.batch_norm(X, None, None, g, b, training=True),
        {"X": (4, 3), "g": (3,), "b": (3,)},
    ),
    "root mean square norm": Row(
        "Y[n, d] = g[d] * X[n, d] / sqrt(mean[k](X[n, k] ** 2) + 1e-5)",
        lambda X, g: F.rms_norm(X, X.shape[1:], g, eps=1e-5),
        {"X": (2, 4), "g": (4,)},
    ),
    "attention": Row(
        """
        S[n, q, k] = sum[d](Q[n, q, d] * K[n, k, d]) / sqrt(size[d])
        O[n, q, e] = sum[k](softmax[k](S[n, q, k]) * V[n, k, e])
        """,
        F.scaled_dot_product_attention,
        {"Q": (1, 2, 3), "K": (1, 4, 3), "V": (1, 4, 2)},
    ),
    "embedding bag, weighted": replace(
        ROWS["embedding bag, weighted"],  # torch has no second derivative of its own for it
        function=lambda E, w, T: (w[..., None] * E[T]).sum(1),
    ),
}
SECOND = {
    **MORE,
    **{
        name: ROWS[name]
        for name in (
            "stride, dilation, padding, groups",
            "depthwise",
            "transposed convolution",
            "average pool",
            "max pool",
            "local response norm",
            "causal mask",
            "concatenation",
            "softmax",
            "logsumexp",
            "variance with correction",
            "norm 2",
            "norm 3",
            "cumulative logsumexp",
            "product with zeros",
            "cross-entropy with index targets",
            "take along",
        )
    },
}


def by_torch(row: Row, known: Mapping[str, Any], seeds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cotangents that the gradient passes back to the inputs and to Y_bar."""
    real = {k: torch.tensor(known[k], requires_grad=True) for k in row.inputs}
    data = [torch.tensor(np.asarray(v)) for v in (row.data or {}).values()]
    value = row.function(*real.values(), *data)
    leaf = torch.tensor(known["out_bar"], requires_grad=True)
    first = torch.autograd.grad(value, list(real.values()), leaf, create_graph=True)
    total = sum((g * torch.tensor(seeds[k])).sum() for k, g in zip(real, first, strict=True))
    assert isinstance(total, torch.Tensor)
    leaves = [*real.values(), leaf]
    second = torch.autograd.grad(total, leaves, materialize_grads=True)
    names = [*real, "out_bar"]
    return {k: g.numpy() for k, g in zip(names, second, strict=True)}


def ran(system: System, known: Mapping[str, Any], target: str) -> dict[str, Any]:
    """Return the outputs of a System by the interpreter or by generated code."""
    if target == "interpreter":
        return evaluate(system, {t.name: known[t.name] for t in system.inputs})
    code = build_function(system, target)
    made = torch.tensor if target == "torch" else np.asarray
    found = code.forward(*(made(known[k]) for k in code.forward_arguments))
    rows = found if isinstance(found, tuple) else (found,)
    return {k: np.asarray(v) for k, v in zip(code.forward_results, rows, strict=True)}


@pytest.mark.parametrize("name", SECOND)
def test_the_gradient_of_the_gradient_is_that_of_torch(name: str) -> None:
    row = SECOND[name]
    system = parse(row.text, name="row")
    (output,) = system.outputs
    first = adjoint_system(system, tuple(row.inputs))
    rng = np.random.default_rng(2)
    low = 0.3 if row.positive else -1.0
    known: dict[str, Any] = {k: rng.uniform(low, 1, s) for k, s in row.inputs.items()}
    if row.tied:
        known = {k: rng.integers(-1, 2, s).astype(float) for k, s in row.inputs.items()}
    known |= {k: np.asarray(v) for k, v in (row.data or {}).items()}
    value = evaluate(system, {t.name: known[t.name] for t in system.inputs})[output]
    known["out_bar"] = known[f"{output}_bar"] = rng.normal(size=value.shape)
    seeds = {k: rng.normal(size=s) for k, s in row.inputs.items()}
    wanted = by_torch(row, known, seeds)
    names = (*row.inputs, f"{output}_bar")
    given = known | {f"{k}_bar_bar2": v for k, v in seeds.items()}
    second = adjoint_system(first, names)
    moves = {k: rng.normal(size=known[k].shape) for k in names}
    pushing = derive_jvp(first, names)
    given |= {f"{k}_dot": v for k, v in moves.items()}
    along = sum((wanted["out_bar" if k not in row.inputs else k] * moves[k]).sum() for k in names)
    for target in ("interpreter", *TARGETS):
        found = ran(second, given, target)
        for k in names:
            expected = wanted[k if k in row.inputs else "out_bar"]
            assert_allclose(found[f"{k}_bar2"], expected, 1e-10, 1e-10, err_msg=f"{k} {target}")
        pushed = ran(pushing, given, target)
        total = sum((pushed[f"{k}_bar_dot"] * seeds[k]).sum() for k in row.inputs)
        assert_allclose(total, along, 1e-10, 1e-10, err_msg=target)


LSTM = """
U: real[(s, k), i]
W: real[(s, k), j]
b: real[(s, k)]
size[s] = 4
A[t, n, s, k] = sum[i](X[t, n, i] * U[(s, k), i]) + sum[j](H[t-1, n, j] * W[(s, k), j]) + b[(s, k)]
I[t, n, k] = sigmoid(A[t, n, 0, k])
F[t, n, k] = sigmoid(A[t, n, 1, k])
G[t, n, k] = tanh(A[t, n, 2, k])
O[t, n, k] = sigmoid(A[t, n, 3, k])
C[t, n, k] = F[t, n, k] * C[t-1, n, k] + I[t, n, k] * G[t, n, k]
C[-1, n, k] = C0[n, k]
H[t, n, k] = O[t, n, k] * tanh(C[t, n, k])
H[-1, n, k] = H0[n, k]
return H
"""


def lstm_by_torch(*values: torch.Tensor) -> torch.Tensor:
    """Return the hidden states of an LSTM, written out."""
    U, W, b, X, C, H = values
    found = []
    for x in X:
        i, f, g, o = (x @ U.T + H @ W.T + b).chunk(4, 1)
        C = torch.sigmoid(f) * C + torch.sigmoid(i) * torch.tanh(g)
        H = torch.sigmoid(o) * torch.tanh(C)
        found.append(H)
    return torch.stack(found)


@pytest.mark.parametrize("steps", [1, 2])
def test_the_gradient_of_the_gradient_of_an_lstm(steps: int) -> None:
    """The adjoint of a recurrence is one, so it has an adjoint: by the interpreter, in loops."""
    shapes = {"U": (8, 2), "W": (8, 2), "b": (8,), "X": (steps, 1, 2), "C0": (1, 2), "H0": (1, 2)}
    row = Row(LSTM, lstm_by_torch, shapes)
    system = parse(LSTM, name="lstm")
    first = adjoint_system(system, tuple(shapes))
    rng = np.random.default_rng(steps)
    known: dict[str, Any] = {k: rng.normal(size=s) for k, s in shapes.items()}
    known["out_bar"] = known["H_bar"] = rng.normal(size=(steps, 1, 2))
    seeds = {k: rng.normal(size=s) for k, s in shapes.items()}
    wanted = by_torch(row, known, seeds)
    names = (*shapes, "H_bar")
    given = known | {f"{k}_bar_bar2": v for k, v in seeds.items()}
    found = ran(adjoint_system(first, names), given, "interpreter")
    for k in names:
        expected = wanted[k if k in shapes else "out_bar"]
        assert_allclose(found[f"{k}_bar2"], expected, 1e-11, 1e-11, err_msg=k)
    moves = {k: rng.normal(size=known[k].shape) for k in names}
    given |= {f"{k}_dot": v for k, v in moves.items()}
    pushed = ran(derive_jvp(first, names), given, "interpreter")
    total = sum((pushed[f"{k}_bar_dot"] * seeds[k]).sum() for k in shapes)
    along = sum((wanted["out_bar" if k == "H_bar" else k] * moves[k]).sum() for k in names)
    assert_allclose(total, along, 1e-11, 1e-11)


@pytest.mark.parametrize("target", TARGETS)
def test_a_gradient_has_a_closed_form_and_code_of_its_own(target: str) -> None:
    """`derive` of a gradient keeps the names of both orders apart."""
    row = ROWS["softmax"]
    first = adjoint_system(parse(row.text, name="row"))
    derivation = derive(first)
    assert derivation.backward.outputs == ("X_bar2", "Y_bar_bar2")
    rng = np.random.default_rng(8)
    known: dict[str, Any] = {"X": rng.normal(size=(3, 4)), "Y_bar": rng.normal(size=(3, 4))}
    known["out_bar"] = known["Y_bar"]
    seed = rng.normal(size=(3, 4))
    wanted = by_torch(row, known, {"X": seed})
    code = build(derivation, target)
    assert code.vjp is not None
    made = torch.tensor if target == "torch" else np.asarray
    given = {k: made(v) for k, v in (known | {"X_bar_bar2": seed}).items()}
    results = code.forward(*(given[k] for k in code.forward_arguments))
    results = results if isinstance(results, tuple) else (results,)
    given |= dict(zip(code.forward_results, results, strict=True))
    found = code.vjp(*(given[k] for k in code.vjp_arguments))
    assert_allclose(found[0], wanted["X"], 1e-11, 1e-11)
    assert_allclose(found[1], wanted["out_bar"], 1e-11, 1e-11)
