"""A complex step gives the derivative of whatever the interpreter computes, away from kinks."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.autodiff.tangent import derive_jvp
from symgrad.interpreter import evaluate
from symgrad.interpreter.tilted import Tilted, slopes, tilted
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.text import parse

UNARY = sorted(n for n, row in FUNCTIONS.items() if row.arity == 1)
TEXTS = [
    *(f"Y[n] = {name}(X[n] / 8)" for name in UNARY if name not in ("floor", "stop")),
    "Y[n] = X[n]**3 + X[n]**-2 + pow(abs(X[n]), X[n])",
    "Y[n] = maximum(X[n], Z[n]) * minimum(2 * X[n], Z[n])",
    "Y[n] = max[k](X[k] * X[n]) + min[k](X[k] - 2 * X[n])",
    "Y[n] = logsumexp[k](X[k] * X[n]) * prod[k](X[k])",
    "Y[n] = where(X[n] > Z[n], X[n]**2, sin(X[n])) + sum[k, k < 2](X[k])",
    "Y[n] = straight_through(sign(X[n]), X[n]**2)",
    "Y[n] = stop(X[n]) * X[n] + floor(X[n])",
]
X, V = np.array([0.7, 1.9, 3.25]), np.array([1.0, -2.0, 0.5])
GIVEN = {"X": X, "Z": np.array([0.5, 2.5, 1.0])}


@pytest.mark.parametrize("text", TEXTS)
def test_the_slope_is_the_tangent(text: str) -> None:
    system = parse(text, name="case")
    given = {t.name: GIVEN[t.name] for t in system.inputs}
    found = evaluate(system, {**given, "X": tilted(X, V)}, numbers="tilted")["Y"]
    pushed = derive_jvp(system, ["X"])
    wanted = evaluate(pushed, {**given, "X_dot": V}, numbers="mpmath")["Y_dot"]
    for got, want in zip(slopes(found), wanted, strict=True):
        assert abs(got - want) <= 1e-40 * (1 + abs(want))


@pytest.mark.parametrize("at", [-2.0, 0.0, 2.0, 1e3, -1e3])
def test_a_function_in_two_pieces_has_one_slope(at: float) -> None:
    point = {"X": tilted(np.array([at]), np.ones(1))}
    value = evaluate(parse("Y[n] = softplus(X[n])"), point, numbers="tilted")["Y"]
    wanted = evaluate(parse("Y[n] = sigmoid(X[n])"), {"X": np.array([at])}, numbers="mpmath")["Y"]
    assert abs(slopes(value)[0] - wanted[0]) <= 1e-40 * wanted[0]


def test_what_does_not_move_has_no_slope() -> None:
    system = parse("Y[n] = 3 * Z[n]", name="case")
    found = evaluate(system, {"Z": GIVEN["Z"]}, numbers="tilted")["Y"]
    assert [float(s) for s in slopes(found)] == [0.0, 0.0, 0.0]
    assert [float(y) for y in found] == [1.5, 7.5, 3.0]


def test_comparisons_look_at_real_parts() -> None:
    text = "Y[n] = where(X[n] <= 1, 1, 0) + where(X[n] < 2, 10, 0) + where(X[n] >= 3, 100, 0)"
    system = parse(text, name="case")
    found = evaluate(system, {"X": tilted(X, 1e9 * V)}, numbers="tilted")["Y"]
    assert [float(y.real) for y in found] == [11, 10, 100]


def test_a_tilted_number_is_a_number() -> None:
    assert Tilted(1.5, 2.0) == 1.5
    assert Tilted(1.5, 2.0).slope == 2.0
