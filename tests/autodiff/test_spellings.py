"""One function, however it is spelled: one closed form, one code, one stability."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build, generate
from symgrad.interpreter import evaluate
from symgrad.ir.text import parse
from symgrad.lowering.cost import cost_sheet
from symgrad.rewriting.equality import vjp_is_exact

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

LAYER = "M[n] = mean[k](X[n, k])\n{V}\nY[n, k] = (X[n, k] - M[n]) / sqrt(V[n] + eps)\neps: positive"
CLASSES = "T: index(k)[n]\nL = mean[n]({loss})"
#: Groups of texts that are one function.
GROUPS: dict[str, list[str]] = {
    "variance": [
        LAYER.format(V="V[n] = mean[k]((X[n, k] - M[n]) ** 2)"),
        LAYER.format(V="V[n] = mean[k](X[n, k] ** 2) - M[n] ** 2"),
        LAYER.format(V="V[n] = mean[k](X[n, k] * X[n, k]) - M[n] * M[n]"),
        LAYER.format(V="V[n] = sum[k](X[n, k] ** 2) / size[k] - M[n] ** 2"),
        LAYER.format(V="S[n] = mean[k](X[n, k] ** 2)\nV[n] = S[n] - M[n] ** 2"),
    ],
    "rms norm": [
        "eps: positive\nY[n, k] = X[n, k] / sqrt(mean[j](X[n, j] ** 2) + eps)",
        "eps: positive\nY[n, k] = X[n, k] * (mean[j](X[n, j] * X[n, j]) + eps) ** -0.5",
        "eps: positive\nY[n, k] = X[n, k] * (1 / sqrt(eps + sum[j](X[n, j] ** 2) / size[k]))",
    ],
    "softmax": [
        "P[n, k] = softmax[k](X[n, k])",
        "P[n, k] = exp(X[n, k]) / sum[j](exp(X[n, j]))",
        "P[n, k] = exp(X[n, k] - max[j](X[n, j])) / sum[j](exp(X[n, j] - max[i](X[n, i])))",
        "P[n, k] = exp(X[n, k] - logsumexp[j](X[n, j]))",
    ],
    "cross-entropy": [
        CLASSES.format(loss="logsumexp[k](X[n, k]) - X[n, T[n]]"),
        CLASSES.format(loss="-log(exp(X[n, T[n]]) / sum[k](exp(X[n, k])))"),
    ],
    "sigmoid": [
        "Y[n] = sigmoid(X[n])",
        "Y[n] = 1 / (1 + exp(-X[n]))",
        "Y[n] = exp(X[n]) / (exp(X[n]) + 1)",
    ],
    "softplus": ["Y[n] = softplus(X[n])", "Y[n] = log(1 + exp(X[n]))"],
    "silu": ["Y[n] = X[n] * sigmoid(X[n])", "Y[n] = X[n] / (1 + exp(-X[n]))"],
}
#: The same function with intermediates that have names: a form may be written in these.
NAMED = {
    "cross-entropy": [
        "T: index(k)[n]\nP[n, k] = softmax[k](X[n, k])\nL = -mean[n](log(P[n, T[n]]))",
        "T: index(k)[n]\nQ[n, k] = log_softmax[k](X[n, k])\nL = mean[n](-Q[n, T[n]])",
    ],
    "softmax": ["E[n, k] = exp(X[n, k])\nZ[n] = sum[k](E[n, k])\nP[n, k] = E[n, k] / Z[n]"],
}
PAIRS = [(name, k) for name, texts in GROUPS.items() for k in range(1, len(texts))]
#: Rows for which naive spellings fail: large, with a large offset, constant, zero, far apart.
ROWS = np.array([[1e4, -1e4, 3], [1e4 + 1, 1e4, 1e4 - 1], [5, 5, 5], [0, 0, 0], [88, -104, 0.5]])


@cache
def derivation(name: str, k: int) -> Derivation:
    return derive(parse(GROUPS[name][k], name="case"))


@pytest.mark.parametrize(("name", "k"), PAIRS)
def test_spellings_have_one_closed_form(name: str, k: int) -> None:
    first, other = derivation(name, 0), derivation(name, k)
    assert [str(e) for e in other.backward.equations] == [str(e) for e in first.backward.equations]
    assert other.saved == first.saved


@pytest.mark.parametrize(
    ("name", "k"), [(n, k) for n, row in NAMED.items() for k in range(len(row))]
)
def test_named_intermediates_change_what_is_saved_and_not_the_cost(name: str, k: int) -> None:
    first, other = derivation(name, 0), derive(parse(NAMED[name][k], name="case"))
    assert vjp_is_exact(first.system, other.backward, forward=other.forward)
    mine, theirs = cost_sheet(other.backward), cost_sheet(first.backward)
    assert mine.reductions == theirs.reductions
    assert mine.per_element("k", "n") <= theirs.per_element("k", "n")


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize(("name", "k"), PAIRS)
def test_spellings_have_one_backward_code(name: str, k: int, target: str) -> None:
    def backward(d: Derivation) -> str:
        return generate(d, target).split("def case_vjp")[1].split("\n\n\ndef ")[0]

    assert backward(derivation(name, k)) == backward(derivation(name, 0))


@pytest.mark.parametrize(
    ("name", "k"), [(n, k) for n, texts in GROUPS.items() for k in range(len(texts))]
)
def test_spellings_are_equally_stable(name: str, k: int) -> None:
    """Values of float32 code are those of 50 digits to a few ulps of the largest on the way."""
    d = derivation(name, k)
    made = build(d, "numpy")
    vector = d.system.tensor("X").axes == ("n",)
    X = (ROWS.ravel() if vector else ROWS).astype(np.float32)
    inputs: dict[str, Any] = {"X": X}
    inputs |= {"eps": np.float32(1e-5)} if d.system.has("eps") else {}
    inputs |= {"T": np.array([1, 0, 2, 1, 0])} if d.system.has("T") else {}
    exact = evaluate(d.system, {n: np.asarray(a, dtype=np.asarray(a).dtype.kind.replace("f", "f8"))
                                for n, a in inputs.items()}, numbers="mpmath")  # fmt: skip
    found = made.forward(*(inputs[n] for n in made.forward_arguments))
    found = found if isinstance(found, tuple) else (found,)
    results = dict(zip(made.forward_results, found, strict=True))
    for output in d.system.outputs:
        wanted = exact[output].astype(np.float64)
        np.testing.assert_allclose(results[output], wanted, rtol=4e-6, atol=1e-7, err_msg=output)
    bars = {f"{o}_bar": np.cos(np.arange(exact[o].size)).reshape(exact[o].shape).astype("f4")
            for o in d.system.outputs}  # fmt: skip
    known = {**inputs, **results, **bars}
    assert made.vjp is not None
    with np.errstate(all="ignore"):
        back = made.vjp(*(known[n] for n in made.vjp_arguments))
    back = back if isinstance(back, tuple) else (back,)
    assert all(np.isfinite(b).all() for b in back)
