"""However it is spelled, what would overflow comes out in the stable spelling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from symgrad.interpreter import evaluate
from symgrad.ir.text import parse
from symgrad.rewriting.stability import stabilise
from tests.rewriting.random_systems import random_inputs, texts

SPELLINGS = {
    "softmax in three equations": (
        "E[n, k] = exp(X[n, k])\nZ[n] = sum[k](E[n, k])\nP[n, k] = E[n, k] / Z[n]",
        "P[n, k] = exp(X[n, k] - logsumexp[k2](X[n, k2]))",
    ),
    "softmax in one": (
        "P[n, k] = exp(X[n, k]) / sum[j](exp(X[n, j]))",
        "P[n, k] = exp(X[n, k] - logsumexp[k2](X[n, k2]))",
    ),
    "softmax from log-softmax": (
        "Y[n, k] = X[n, k] - log(sum[j](exp(X[n, j])))\nP[n, k] = exp(Y[n, k])\nreturn P",
        None,
    ),
    "softplus": ("Y[n] = log(1 + exp(X[n]))", "Y[n] = softplus(X[n])"),
    "sigmoid": ("Y[n] = 1 / (1 + exp(-X[n]))", "Y[n] = sigmoid(X[n])"),
    "sigmoid, the other way": ("Y[n] = exp(X[n]) / (1 + exp(X[n]))", "Y[n] = sigmoid(X[n])"),
    "logsumexp": ("Y[n] = log(sum[k](exp(X[n, k])))", "Y[n] = logsumexp[k](X[n, k])"),
    "log of softmax": (
        "P[n, k] = exp(X[n, k]) / sum[j](exp(X[n, j]))\nY[n, k] = log(P[n, k])",
        "Y[n, k] = X[n, k] - logsumexp[k2](X[n, k2])",
    ),
    "weighted by a softmax": (
        "O[n, d] = sum[k](exp(S[n, k]) * V[k, d]) / sum[k](exp(S[n, k]))",
        "O[n, d] = sum[k](V[k, d] * exp(S[n, k] - logsumexp[k2](S[n, k2])))",
    ),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_hazard_comes_out_in_its_stable_spelling(name: str) -> None:
    text, expected = SPELLINGS[name]
    stable = stabilise(parse(text))
    if expected is not None:
        assert str(stable.equations[-1]) == expected


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("offset", [-700.0, 0.0, 700.0])
def test_values_stay_finite_and_right_under_large_offsets(name: str, offset: float) -> None:
    system = parse(SPELLINGS[name][0])
    rng = np.random.default_rng(0)
    lengths = {"n": 2, "k": 3, "j": 3, "d": 2}
    arrays = {t.name: rng.normal(size=tuple(lengths[a] for a in t.axes)) for t in system.inputs}
    first = system.inputs[0].name
    arrays[first] = arrays[first] + offset
    exact = evaluate(system, arrays, numbers="mpmath")[system.outputs[0]].astype(float)
    ours = evaluate(stabilise(system), arrays)[system.outputs[0]]
    assert np.all(np.isfinite(ours))
    np.testing.assert_allclose(ours, exact, rtol=1e-12 * max(1.0, abs(offset)), atol=1e-300)


def test_an_equation_without_a_hazard_stays_as_it_was_written() -> None:
    system = parse("Y[n] = (X[n] + 1) * (X[n] - 1) / (2 + sqrt(1 + X[n]**2))")
    assert stabilise(system) == system


@given(text=texts())
def test_stable_spelling_does_not_change_the_value(text: str) -> None:
    system = parse(text)
    arrays = random_inputs(system, 0)
    sizes = {"n": 2, "k": 3, "d": 2}
    want = evaluate(system, arrays, sizes=sizes)
    stable = stabilise(system)
    read = {t.name for t in stable.inputs}
    got = evaluate(stable, {k: v for k, v in arrays.items() if k in read}, sizes=sizes)
    for name in system.outputs:
        np.testing.assert_allclose(got[name], want[name], rtol=1e-9, atol=1e-9)
