"""Backpropagation through time is derived as a recurrence, and is right at every length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symgrad.autodiff.adjoint import adjoint_system
from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.interpreter import evaluate
from symgrad.ir.sizes import length_of
from symgrad.ir.text import parse
from tests.ir.texts import ACCEPTANCE, FORMS

RNN = """
A[t, n, k] = sum[i](X[t, n, i] * U[k, i]) + sum[j](H[t-1, n, j] * W[k, j]) + b[k]
H[t, n, k] = tanh(A[t, n, k])
H[-1, n, k] = H0[n, k]
HN[n, k] = H[size[t] - 1, n, k]
return H, HN
"""
STACKED = """
A[t, k] = tanh(X[t, k] + sum[j](A[t-1, j] * W[k, j]))
A[-1, k] = a[k]
B[t, k] = sigmoid(A[t, k] + B[t+1, k] * A[t, k])
B[size[t], k] = b[k]
L = sum[t, k](A[t, k] * B[t, k] ** 2)
"""
MASKED = """
len: int[n]
C[t, n] = X[t, n] * H[t-1, n]
H[t, n] = where(t < len[n], sin(C[t, n]), H[t-1, n])
H[-1, n] = H0[n]
Y[n] = H[size[t] - 1, n]
"""
SCAN = "H[t] = a[t] * H[t-1] + b[t] * X[t]\nH[-1] = h"
OWN_LENGTH = """
length: int[n]
H[t, n, k] = tanh(X[t, n, k] + sum[j](H[t-1, n, j] * W[k, j]))
H[-1, n, k] = H0[n, k]
Y[n, k] = H[clip(length[n], 0, size[t]) - 1, n, k]**2
return Y
"""
OWN_START = """
first: int[n]
B[t, n, k] = X[t, n, k] * B[t+2, n, k] + B[t+1, n, k]
B[size[t], n, k] = B0[n, k]
B[size[t] + 1, n, k] = B1[k]
Y[n, k] = B[clip(first[n], 0, size[t] + 1), n, k]
return Y
"""
CHOSEN = """
at: index(t)[m]
H[t, n] = H[t-1, n] * exp(X[t, n])
H[-1, n] = H0[n]
Y[m, n] = H[at[m], n]**2
return Y
"""
TEXTS: dict[str, tuple[str, dict[str, object]]] = {
    "rnn": (RNN, {}),
    "stacked, both ways": (STACKED, {}),
    "masked": (MASKED, {}),
    "scan": (SCAN, {}),
    "own length": (OWN_LENGTH, {}),
    "own start": (OWN_START, {}),
    "chosen": (CHOSEN, {}),
    "lstm": (ACCEPTANCE["lstm"], {"reverse": False}),
    "lstm reversed": (ACCEPTANCE["lstm"], {"reverse": True}),
    **{name: (FORMS[name], {}) for name in ("tied", "two_lags", "table", "guarded")},
}
LENGTHS = {"n": 2, "k": 3, "j": 3, "i": 2, "s": 4}


def drawn(text: str, options: dict[str, object], steps: int) -> tuple[Any, dict[str, Any], Any]:
    """Return a System, values for its inputs, and the lengths of its axes."""
    system = parse(text, options=options)
    rng = np.random.default_rng(steps)
    sizes = {**LENGTHS, "t": steps, "m": min(steps, 3)}
    arrays: dict[str, Any] = {}
    for tensor in system.inputs:
        shape = [length_of(s, sizes) or 0 for s in tensor.shape]
        real = tensor.is_real
        limit = sizes.get(tensor.limit or "", 4) or 1
        arrays[tensor.name] = rng.normal(size=shape) if real else rng.integers(0, limit, shape)
    return system, arrays, sizes


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
@pytest.mark.parametrize("name", TEXTS)
def test_the_derived_recurrence_is_the_transpose_of_forward_mode(name: str, steps: int) -> None:
    system, arrays, sizes = drawn(*TEXTS[name], steps)
    derivation = derive(system)
    rng = np.random.default_rng(7)
    along = {f"{n}_dot": rng.normal(size=np.shape(arrays[n])) for n in derivation.wrt}
    tangents = evaluate(derive_jvp(system), {**arrays, **along}, sizes=sizes)
    known = evaluate(derivation.forward, arrays, sizes=sizes, everything=True)
    weights = {f"{o}_bar": rng.normal(size=np.shape(known[o])) for o in system.outputs}
    pushed = sum(np.sum(weights[f"{o}_bar"] * tangents[f"{o}_dot"]) for o in system.outputs)

    def pulled(found: dict[str, Any]) -> Any:
        return sum(np.sum(along[f"{n}_dot"] * found[f"{n}_bar"]) for n in derivation.wrt)

    raw = evaluate(adjoint_system(system), {**arrays, **weights}, sizes=sizes)
    given = {t.name: {**known, **weights}[t.name] for t in derivation.backward.inputs}
    closed = evaluate(derivation.backward, given, sizes=sizes)
    assert pulled(raw) == pytest.approx(pushed, rel=1e-11, abs=1e-11)
    assert pulled(closed) == pytest.approx(pushed, rel=1e-11, abs=1e-11)


def test_backpropagation_through_time_reads_like_a_textbook() -> None:
    backward = derive(parse(RNN)).backward
    assert [str(e) for e in backward.equations] == [
        "H[-1, n, k] = H0[n, k]",
        "H_total_bar[t, n, k] = H_bar[t, n, k] + H_prev_bar[t + 1, n, k]",
        "A_bar[t, n, k] = H_total_bar[t, n, k] * (1 - H[t, n, k]**2)",
        "H_prev_bar[t, n, k] = sum[k2](A_bar[t, n, k2] * W[k2, k])",
        "X_bar[t, n, i] = sum[k](A_bar[t, n, k] * U[k, i])",
        "U_bar[k, i] = sum[n, t](A_bar[t, n, k] * X[t, n, i])",
        "W_bar[k, k2] = sum[n, t](A_bar[t, n, k] * H[t - 1, n, k2])",
        "b_bar[k] = sum[n, t](A_bar[t, n, k])",
        "H0_bar[n, k] = H_prev_bar[0, n, k]",
        "H_prev_bar[size[t], n, k] = HN_bar[n, k]",
    ]


def test_a_state_read_at_data_is_an_initial_one_or_one_of_the_sequence() -> None:
    text = "k: int\nH[t] = H[t-1] * X[t]\nH[-1] = h\nY = H[k]"
    derivation = derive(parse(text))
    X = np.array([3.0, 5.0])
    found = []
    for k in (-1, 0, 1):
        given: dict[str, Any] = {"X": X, "h": 2.0, "k": k}
        known = {**given, **evaluate(derivation.forward, given, everything=True), "Y_bar": 1.0}
        read = {t.name: known[t.name] for t in derivation.backward.inputs}
        found.append(evaluate(derivation.backward, read))
    np.testing.assert_array_equal([f["h_bar"] for f in found], [1, 3, 15])
    np.testing.assert_array_equal([f["X_bar"] for f in found], [[0, 0], [2, 0], [10, 6]])
