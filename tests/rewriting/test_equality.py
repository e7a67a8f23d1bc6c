"""The judge of equality: true identities, near misses, planted errors, conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from symgrad.errors import InputError, RankError
from symgrad.ir.text import parse
from symgrad.rewriting.equality import equivalent, vjp_is_exact

if TYPE_CHECKING:
    from symgrad.ir.equation import System

NORMALISED = """
M[n]    = mean[d](X[n, d])
S[n]    = mean[d]((X[n, d] - M[n]) ** 2)
R[n]    = 1 / sqrt(S[n] + eps)
H[n, d] = (X[n, d] - M[n]) * R[n]
"""

BATCH = """
M[d]    = mean[n](X[n, d])
S[d]    = mean[n]((X[n, d] - M[d]) ** 2)
R[d]    = 1 / sqrt(S[d] + eps)
H[n, d] = (X[n, d] - M[d]) * R[d]
"""

# Ioffe & Szegedy 2015, arXiv:1502.03167, section 3: the chain rule, step by step.
BATCH_NORM_PUBLISHED = (
    BATCH
    + """
H_g[n, d] = G[n, d] * g[d]
S_g[d]    = sum[n](H_g[n, d] * (X[n, d] - M[d])) * (-1/2) * (S[d] + eps) ** (-3/2)
M_g[d]    = (sum[n](-H_g[n, d] / sqrt(S[d] + eps))
             + S_g[d] * sum[n](-2 * (X[n, d] - M[d])) / size[n])
D[n, d]   = (H_g[n, d] / sqrt(S[d] + eps)
             + S_g[d] * 2 * (X[n, d] - M[d]) / size[n] + M_g[d] / size[n])
"""
)

# The closed form of the same, as in most implementations.
BATCH_NORM_CLOSED = (
    BATCH
    + """
D[n, d] = g[d] * R[d] / size[n] * (
    size[n] * G[n, d] - sum[m](G[m, d]) - H[n, d] * sum[m](G[m, d] * H[m, d]))
"""
)

SOFTMAX = "exp(X[n, k]) / sum[j](exp(X[n, j]))"

TRUE = [
    ("tanh(x)", "2 * sigmoid(2 * x) - 1"),
    ("tanh(x)", "sinh(x) / cosh(x)"),
    ("1 - tanh(x) ** 2", "1 / cosh(x) ** 2"),
    ("sigmoid(-x)", "1 - sigmoid(x)"),
    ("sigmoid(x)", "exp(x) / (1 + exp(x))"),
    ("softplus(x) - x", "softplus(-x)"),
    ("log(sigmoid(x))", "-softplus(-x)"),
    ("exp(x + y)", "exp(x) * exp(y)"),
    ("exp(x - y) ** 3", "exp(3 * x) / exp(3 * y)"),
    ("log(x * y ** 2)", "log(x) + 2 * log(y)"),
    ("exp(log(x) / 2)", "sqrt(x)"),
    ("pow(x, y) * pow(x, z)", "pow(x, y + z)"),
    ("z * pow(x, z - 1)", "z * pow(x, z) / x"),
    ("sqrt(x) ** 2", "x"),
    ("sqrt(x ** 2)", "abs(x)"),
    ("sqrt(x * y)", "sqrt(x) * sqrt(y)"),
    ("x / sqrt(y)", "x * sqrt(y) / y"),
    ("expm1(x)", "exp(x) - 1"),
    ("log1p(x)", "log(1 + x)"),
    ("sin(x) ** 2 + cos(x) ** 2", "1"),
    ("sin(-x) * cos(-x)", "-sin(x) * cos(x)"),
    ("erf(-x)", "-erf(x)"),
    ("maximum(x, y)", "(x + y + abs(x - y)) / 2"),
    ("maximum(x, y) + minimum(x, y)", "x + y"),
    ("relu(x) - relu(-x)", "x"),
    ("where(x > 0, x, 0)", "relu(x)"),
    ("sign(x) * abs(x)", "x"),
    ("sqrt(0.5 * 2)", "1"),
    ("log(6)", "log(2) + log(3)"),
    (SOFTMAX, "exp(X[n, k] - logsumexp[j](X[n, j]))"),
    (SOFTMAX, "exp(X[n, k] - max[j](X[n, j])) / sum[j](exp(X[n, j] - max[i](X[n, i])))"),
    (SOFTMAX, "1 / sum[j](exp(X[n, j] - X[n, k]))"),
    (f"log({SOFTMAX})", "X[n, k] - logsumexp[j](X[n, j])"),
    ("logsumexp[k](X[n, k])", "log(sum[k](exp(X[n, k] - 3))) + 3"),
    ("max[k](X[n, k])", "-min[k](-X[n, k])"),
    ("mean[k]((X[n, k] - mean[j](X[n, j])) ** 2)", "mean[k](X[n, k] ** 2) - mean[k](X[n, k]) ** 2"),
    ("sum[k](X[n, k] * size[k])", "size[k] * sum[k](X[n, k])"),
    ("sum[j](A[i, j] * sum[k](B[j, k] * x[k]))", "sum[k](sum[j](A[i, j] * B[j, k]) * x[k])"),
    (BATCH_NORM_PUBLISHED, BATCH_NORM_CLOSED),
    (NORMALISED + "Y[n] = mean[d](H[n, d] ** 2)", NORMALISED + "Y[n] = 1 - eps * R[n] ** 2"),
]

FALSE = [
    ("tanh(x)", "2 * sigmoid(x) - 1"),
    ("1 - tanh(x) ** 2", "1 / cosh(x)"),
    ("sigmoid(x)", "exp(-x) / (1 + exp(x))"),
    ("exp(x + y)", "exp(x) + exp(y)"),
    ("log(x + y)", "log(x) + log(y)"),
    ("sqrt(x ** 2)", "x"),
    ("sqrt(x + y)", "sqrt(x) + sqrt(y)"),
    ("exp(x) ** 2", "exp(x ** 2)"),
    ("maximum(x, y)", "(x + y - abs(x - y)) / 2"),
    ("relu(x)", "abs(x)"),
    ("where(x > 0, x, 0)", "where(x > 1, x, 0)"),
    ("sin(x) ** 2 - cos(x) ** 2", "1"),
    ("erf(x)", "tanh(x)"),
    ("x ** 3", "x ** 3 * (1 + 1 / 10**12)"),
    ("x", "x + 1 / 10**12"),
    ("exp(x)", "exp(x * (1 + 1 / 10**12))"),
    (SOFTMAX, "exp(X[n, k]) / sum[m](exp(X[m, k]))"),
    (SOFTMAX, "exp(X[n, k]) / sum[m, j](exp(X[m, j]))"),
    (SOFTMAX, "exp(2 * X[n, k]) / sum[j](exp(2 * X[n, j]))"),
    ("max[k](X[n, k])", "min[k](X[n, k])"),
    ("mean[k](X[n, k])", "sum[k](X[n, k])"),
    (NORMALISED + "Y[n] = mean[d](H[n, d] ** 2)", NORMALISED + "Y[n] = 1 + eps * R[n] ** 2"),
    (BATCH_NORM_CLOSED, BATCH_NORM_CLOSED.replace("- H[n", "+ H[n")),
    (BATCH_NORM_CLOSED, BATCH_NORM_CLOSED.replace("size[n] * G", "(size[n] - 1) * G")),
    (BATCH_NORM_CLOSED, BATCH_NORM_CLOSED.replace("- sum[m](G[m, d]) ", "")),
    (BATCH_NORM_CLOSED, BATCH_NORM_CLOSED.replace("sum[m](G[m, d])", "sum[c](G[n, c])")),
    (BATCH_NORM_PUBLISHED, BATCH_NORM_PUBLISHED.replace("(-3/2)", "(-1/2)")),
]


@pytest.mark.parametrize(("first", "second"), TRUE)
def test_true_identities_are_equal(first: str, second: str) -> None:
    verdict = equivalent(first, second)
    assert verdict.answer == "equal", str(verdict)
    assert verdict.odds is not None
    assert verdict.odds < 1e-20


@pytest.mark.parametrize(("first", "second"), FALSE)
def test_near_misses_are_not_equal_and_come_with_a_point(first: str, second: str) -> None:
    verdict = equivalent(first, second)
    assert verdict.answer == "not equal", str(verdict)
    assert not verdict
    assert verdict.witness is not None
    assert verdict.witness.left != verdict.witness.right


@pytest.mark.parametrize("seed", range(5))
def test_an_error_of_relative_size_1e_12_is_seen_every_time(seed: int) -> None:
    wrong = BATCH_NORM_CLOSED.replace("sum[m](G[m, d])", "(1 + 1 / 10**12) * sum[m](G[m, d])")
    assert equivalent(BATCH_NORM_CLOSED, wrong, seed=seed).answer == "not equal"


@pytest.mark.parametrize(
    ("first", "second", "condition"),
    [
        (
            "P[n, c] * sum[d](Y[n, d]) - Y[n, c]",
            "P[n, c] - Y[n, c]",
            "the entries of Y along its last axis sum to 1",
        ),
        (
            "X[n, k] / sqrt(mean[j](X[n, j] ** 2) + eps)",
            "X[n, k] / sqrt(mean[j](X[n, j] ** 2))",
            "eps = 0",
        ),
        ("sum[j](A[i, j] * x[j])", "sum[j](A[j, i] * x[j])", "A is symmetric"),
        (
            "mask: bool[k]\nY[n] = sum[k](where(mask[k], 0, X[n, k]))",
            "mask: bool[k]\nY[n] = sum[k](X[n, k])",
            "mask is false everywhere",
        ),
    ],
)
def test_a_condition_is_named(first: str, second: str, condition: str) -> None:
    verdict = equivalent(first, second)
    assert (verdict.answer, verdict.condition) == ("equal if", condition)
    assert not verdict
    assert verdict.witness is not None


def test_a_learning_rate_of_zero_is_no_condition() -> None:
    assert equivalent("P[n] - lr * G[n]", "P[n] - 2 * lr * G[n]").answer == "not equal"


def test_what_the_field_does_not_know_is_left_open() -> None:
    verdict = equivalent("sin(x + y)", "sin(x) * cos(y) + cos(x) * sin(y)")
    assert verdict.answer == "cannot tell"


def test_axes_may_have_other_letters() -> None:
    assert equivalent("Y[n, k] = 2 * X[n, k]", "Y[k, n] = X[k, n] + X[k, n]")
    assert equivalent("Y[..., k] = 2 * X[..., k]", "Y[n, i] = X[n, i] + X[n, i]")


def test_inputs_may_be_renamed() -> None:
    assert equivalent("sum[i](X[i] * W[i])", "sum[i](A[i] * B[i])", renaming={"A": "W", "B": "X"})


def test_declared_facts_are_used() -> None:
    positive = "X: positive[n]\nY[n] = sqrt(X[n] ** 2)"
    assert equivalent(positive, "X: positive[n]\nY[n] = X[n]")
    simplex = "T: simplex[n, c]\nL[n] = sum[c](T[n, c])"
    assert equivalent(simplex, "T: simplex[n, c]\nL[n] = 1 + 0 * T[n, 0]")


def test_ranks_and_outputs_must_match() -> None:
    with pytest.raises(RankError):
        equivalent("sum[i](X[i])", "sum[i, j](X[i, j])")
    with pytest.raises(InputError):
        equivalent("A = x\nB = x\nreturn A, B", "x")


# --- backward Systems ----------------------------------------------------------------------------


def backward(text: str) -> System:
    return parse(text, internal=True)


LINEAR = parse("Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]")
LINEAR_BACK = """
X_bar[n, i] = sum[o](Y_bar[n, o] * W[o, i])
W_bar[o, i] = sum[n](Y_bar[n, o] * X[n, i])
b_bar[o] = sum[n](Y_bar[n, o])
return X_bar, W_bar, b_bar
"""

LAYER_NORM = parse("eps: positive = 1e-5\n" + NORMALISED + "Y[n, d] = g[d] * H[n, d] + b[d]")
LAYER_NORM_BACK = """
K[n, d] = Y_bar[n, d] * g[d]
X_bar[n, d] = R[n] * (K[n, d] - mean[c](K[n, c]) - H[n, d] * mean[c](K[n, c] * H[n, c]))
g_bar[d] = sum[n](Y_bar[n, d] * H[n, d])
b_bar[d] = sum[n](Y_bar[n, d])
return X_bar, g_bar, b_bar
"""

CROSS_ENTROPY = parse(
    """
    T: index(c)[n]
    P[n, c] = softmax[c](X[n, c])
    L = -mean[n](log(P[n, T[n]]))
    """
)
CROSS_ENTROPY_BACK = """
T: index(c)[n]
X_bar[n, c] = L_bar * (P[n, c] - (T[n] == c)) / size[n]
"""

EXACT = [
    (LINEAR, LINEAR_BACK),
    (LAYER_NORM, LAYER_NORM_BACK),
    (CROSS_ENTROPY, CROSS_ENTROPY_BACK),
    (parse("Y[n] = tanh(X[n])"), "X_bar[n] = Y_bar[n] * (1 - Y[n] ** 2)"),
    (parse("Y[n] = relu(X[n])"), "X_bar[n] = Y_bar[n] * (Y[n] > 0)"),
    (parse("Y[n] = max[k](X[n, k])"), "X_bar[n, k] = Y_bar[n] * (X[n, k] == Y[n])"),
    (parse("Y[n] = prod[k](X[n, k])"), "X_bar[n, k] = Y_bar[n] * Y[n] / X[n, k]"),
    (parse("Y[n] = logsumexp[k](X[n, k])"), "X_bar[n, k] = Y_bar[n] * exp(X[n, k] - Y[n])"),
    (parse("Y[n] = stop(X[n]) * X[n]"), "X_bar[n] = Y_bar[n] * X[n]"),
    (
        parse("T: index(v)[n]\nE: real[v]\nY[n] = E[T[n]]"),
        "T: index(v)[n]\nE: real[v]\nE_bar[v] = sum[n](Y_bar[n] * (T[n] == v)) + 0 * E[v]",
    ),
    (parse("Y[n] = pow(X[n], a[n])"), "X_bar[n] = Y_bar[n] * a[n] * Y[n] / X[n]"),
]


@pytest.mark.parametrize(("primal", "text"), EXACT)
def test_hand_derived_backwards_are_exact(primal: System, text: str) -> None:
    verdict = vjp_is_exact(primal, backward(text))
    assert verdict.answer == "equal", str(verdict)


PLANTED = [
    (LINEAR, LINEAR_BACK, "b_bar[o] = sum", "b_bar[o] = -sum"),
    (LINEAR, LINEAR_BACK, "W[o, i])", "W[o, i]) * 2"),
    (LINEAR, LINEAR_BACK, "W[o, i])", "W[o, i]) * (1 + 1 / 10**12)"),
    (LAYER_NORM, LAYER_NORM_BACK, "- mean[c](K[n, c]) ", ""),
    (LAYER_NORM, LAYER_NORM_BACK, "- H[n, d]", "+ H[n, d]"),
    (LAYER_NORM, LAYER_NORM_BACK, "mean[c](K[n, c])", "mean[m](K[m, d])"),
    (LAYER_NORM, LAYER_NORM_BACK, "mean[c](K[n, c])", "mean[m, c](K[m, c])"),
    (LAYER_NORM, LAYER_NORM_BACK, "mean[c](K[n, c])", "sum[c](K[n, c])"),
    (LAYER_NORM, LAYER_NORM_BACK, "Y_bar[n, d] * g[d]", "Y_bar[n, d]"),
    (CROSS_ENTROPY, CROSS_ENTROPY_BACK, "/ size[n]", ""),
    (CROSS_ENTROPY, CROSS_ENTROPY_BACK, "T[n] == c", "T[n] < c"),
]


@pytest.mark.parametrize(("primal", "text", "right", "wrong"), PLANTED)
def test_planted_bugs_are_caught(primal: System, text: str, right: str, wrong: str) -> None:
    assert right in text
    verdict = vjp_is_exact(primal, backward(text.replace(right, wrong)))
    assert verdict.answer == "not equal", str(verdict)
    assert verdict.witness is not None


def test_the_verdict_names_the_wrong_cotangent() -> None:
    wrong = LINEAR_BACK.replace("b_bar[o] = sum", "b_bar[o] = -sum")
    verdict = vjp_is_exact(LINEAR, backward(wrong))
    assert verdict.reason == "b_bar is wrong"
    assert verdict.witness is not None
    assert verdict.witness.output == "<v, b_bar>"


def test_a_backward_system_reads_only_what_is_there() -> None:
    with pytest.raises(InputError):
        vjp_is_exact(LINEAR, backward("X_bar[n, i] = sum[o](Y_bar[n, o] * V[o, i])"))
