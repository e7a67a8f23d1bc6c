"""The closed forms that textbooks print come out of the equations, to the letter.

Expected formulas stand here and nowhere in the package.
"""

from __future__ import annotations

import pytest

from symgrad.autodiff.derive import derive
from symgrad.ir.text import parse

NORM = """
M[n]    = mean[d](X[n, d])
S[n]    = mean[d]((X[n, d] - M[n]) ** 2)
R[n]    = 1 / sqrt(S[n] + eps)
H[n, d] = (X[n, d] - M[n]) * R[n]
Y[n, d] = g[d] * H[n, d] + b[d]
"""

CLOSED_FORMS = {
    "sigmoid from its definition": (
        "Y[i] = 1 / (1 + exp(-X[i]))",
        ["X_bar[i] = Y[i] * Y_bar[i] * (1 - Y[i])"],
    ),
    "sigmoid as a primitive": (
        "Y[i] = sigmoid(X[i])",
        ["X_bar[i] = Y[i] * Y_bar[i] * (1 - Y[i])"],
    ),
    "tanh": ("Y[i] = tanh(X[i])", ["X_bar[i] = Y_bar[i] * (1 - Y[i]**2)"]),
    "exp": ("Y[i] = exp(X[i])", ["X_bar[i] = Y[i] * Y_bar[i]"]),
    "relu": ("Y[i] = relu(X[i])", ["X_bar[i] = Y_bar[i] * (Y[i] > 0)"]),
    "softplus": ("Y[i] = log(1 + exp(X[i]))", ["X_bar[i] = Y_bar[i] * sigmoid(X[i])"]),
    "silu": (
        "Y[i] = X[i] * sigmoid(X[i])",
        ["X_bar[i] = Y_bar[i] * sigmoid(X[i]) * (X[i] * (1 - sigmoid(X[i])) + 1)"],
    ),
    "linear": (
        "Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]",
        [
            "X_bar[n, i] = sum[o](W[o, i] * Y_bar[n, o])",
            "W_bar[o, i] = sum[n](X[n, i] * Y_bar[n, o])",
            "b_bar[o] = sum[n](Y_bar[n, o])",
        ],
    ),
    "softmax in three equations": (
        "E[n, k] = exp(X[n, k])\nZ[n] = sum[k](E[n, k])\nP[n, k] = E[n, k] / Z[n]",
        ["X_bar[n, k] = P[n, k] * (P_bar[n, k] - sum[k2](P[n, k2] * P_bar[n, k2]))"],
    ),
    "softmax in one line": (
        "P[n, k] = exp(X[n, k]) / sum[j](exp(X[n, j]))",
        ["X_bar[n, k] = P[n, k] * (P_bar[n, k] - sum[k2](P[n, k2] * P_bar[n, k2]))"],
    ),
    "log-softmax": (
        "Y[n, k] = X[n, k] - logsumexp[j](X[n, j])",
        ["X_bar[n, k] = Y_bar[n, k] - exp(Y[n, k]) * sum[k2](Y_bar[n, k2])"],
    ),
    "logsumexp": (
        "Y[n] = logsumexp[k](X[n, k])",
        ["X_bar[n, k] = Y_bar[n] * exp(X[n, k] - Y[n])"],
    ),
    "logsumexp in three equations": (
        "E[n, k] = exp(X[n, k])\nZ[n] = sum[k](E[n, k])\nY[n] = log(Z[n])",
        ["X_bar[n, k] = Y_bar[n] * exp(X[n, k] - Y[n])"],
    ),
    "log-softmax through a sum": (
        "Z[n] = sum[k](exp(X[n, k]))\nY[n, k] = X[n, k] - log(Z[n])",
        ["X_bar[n, k] = Y_bar[n, k] - exp(Y[n, k]) * sum[k2](Y_bar[n, k2])"],
    ),
    "huber": (
        """delta: positive = 1
D[i] = X[i] - T[i]
L    = mean[i](where(abs(D[i]) < delta, D[i]**2 / 2, delta * (abs(D[i]) - delta / 2)))""",
        [
            "D_bar[i] = L_bar * where(abs(D[i]) < delta, D[i], delta * sign(D[i])) / size[i]",
            "X_bar[i] = D_bar[i]",
            "T_bar[i] = -D_bar[i]",
        ],
    ),
    "InfoNCE": (
        """tau: positive = 0.07
S[n, m] = sum[d](A[n, d] * B[m, d]) / tau
P[n, m] = exp(S[n, m]) / sum[j](exp(S[n, j]))
L       = -mean[n](log(P[n, n]))""",
        [
            "A_bar[n, d] = L_bar * (sum[n2](B[n2, d] * P[n, n2]) - B[n, d]) / (size[n] * tau)",
            "B_bar[n, d] = L_bar * (sum[n2](A[n2, d] * P[n2, n]) - A[n, d]) / (size[n] * tau)",
        ],
    ),
    "cross-entropy of index targets": (
        """T: index(c)[n]
E[n, c] = exp(X[n, c])
Z[n]    = sum[c](E[n, c])
P[n, c] = E[n, c] / Z[n]
L       = -mean[n](log(P[n, T[n]]))""",
        ["X_bar[n, c] = L_bar * (P[n, c] - (T[n] == c)) / size[n]"],
    ),
    "cross-entropy of probability targets": (
        """E[n, c] = exp(X[n, c])
Z[n]    = sum[c](E[n, c])
P[n, c] = E[n, c] / Z[n]
L       = -mean[n](sum[c](stop(Q[n, c]) * log(P[n, c])))""",
        [
            "X_bar[n, c] = L_bar * (P[n, c] * sum[c2](stop(Q[n, c2])) - stop(Q[n, c])) / size[n]",
            "Q_bar[n, c] = 0",
        ],
    ),
    "mean squared error": (
        "L = mean[n, k]((X[n, k] - T[n, k])**2)",
        [
            "X_bar[n, k] = 2 * L_bar * (X[n, k] - T[n, k]) / (size[k] * size[n])",
            "T_bar[n, k] = 2 * L_bar * (T[n, k] - X[n, k]) / (size[k] * size[n])",
        ],
    ),
    "layer norm": (
        "eps: positive = 1e-5\n" + NORM,
        [
            "H_bar[n, d] = Y_bar[n, d] * g[d]",
            (
                "X_bar[n, d] = R[n] * (H_bar[n, d] - H[n, d] * mean[d2](H[n, d2] * H_bar[n, d2])"
                " - mean[d2](H_bar[n, d2]))"
            ),
            "g_bar[d] = sum[n](H[n, d] * Y_bar[n, d])",
            "b_bar[d] = sum[n](Y_bar[n, d])",
        ],
    ),
    "L2 normalisation": (
        "N[n] = sqrt(sum[d](X[n, d]**2))\nU[n, d] = X[n, d] / N[n]",
        ["X_bar[n, d] = (U_bar[n, d] - U[n, d] * sum[d2](U[n, d2] * U_bar[n, d2])) / N[n]"],
    ),
    "attention": (
        """S[q, k] = sum[d](Q[q, d] * K[k, d])
P[q, k] = exp(S[q, k]) / sum[j](exp(S[q, j]))
O[q, e] = sum[k](P[q, k] * V[k, e])""",
        [
            (
                "S_bar[q, k] = P[q, k] * (sum[e](O_bar[q, e] * V[k, e])"
                " - sum[e](O[q, e] * O_bar[q, e]))"
            ),
            "Q_bar[q, d] = sum[k](K[k, d] * S_bar[q, k])",
            "K_bar[k, d] = sum[q](Q[q, d] * S_bar[q, k])",
            "V_bar[k, e] = sum[q](O_bar[q, e] * P[q, k])",
        ],
    ),
}

LSTM = """
I[n, h] = sigmoid(sum[j](X[n, j] * Wi[h, j]) + sum[k](H[n, k] * Ui[h, k]) + bi[h])
F[n, h] = sigmoid(sum[j](X[n, j] * Wf[h, j]) + sum[k](H[n, k] * Uf[h, k]) + bf[h])
G[n, h] = tanh(sum[j](X[n, j] * Wg[h, j]) + sum[k](H[n, k] * Ug[h, k]) + bg[h])
O[n, h] = sigmoid(sum[j](X[n, j] * Wo[h, j]) + sum[k](H[n, k] * Uo[h, k]) + bo[h])
D[n, h] = F[n, h] * C[n, h] + I[n, h] * G[n, h]
Y[n, h] = O[n, h] * tanh(D[n, h])
return Y, D
"""


def test_the_gate_deltas_of_an_lstm_are_in_gates_only() -> None:
    derivation = derive(parse(LSTM))
    assert [str(e) for e in derivation.backward.equations][:5] == [
        "D_total_bar[n, h] = D_bar[n, h] + O[n, h] * Y_bar[n, h] * (1 - tanh(D[n, h])**2)",
        "O_arg_bar[n, h] = O[n, h] * Y_bar[n, h] * tanh(D[n, h]) * (1 - O[n, h])",
        "G_arg_bar[n, h] = D_total_bar[n, h] * I[n, h] * (1 - G[n, h]**2)",
        "F_arg_bar[n, h] = C[n, h] * D_total_bar[n, h] * F[n, h] * (1 - F[n, h])",
        "I_arg_bar[n, h] = D_total_bar[n, h] * G[n, h] * I[n, h] * (1 - I[n, h])",
    ]


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_the_closed_form_is_the_textbook_s(name: str) -> None:
    text, expected = CLOSED_FORMS[name]
    derivation = derive(parse(text))
    assert [str(e) for e in derivation.backward.equations] == expected


def test_layer_norm_saves_the_normalised_value_and_the_scale_alone() -> None:
    derivation = derive(parse("eps: positive = 1e-5\n" + NORM))
    assert derivation.saved == ("g", "R", "H")
    assert derivation.saved_results == ("R", "H")


def test_softmax_cross_entropy_never_takes_the_logarithm_of_a_probability() -> None:
    text, _ = CLOSED_FORMS["cross-entropy of index targets"]
    forward = derive(parse(text)).forward
    assert [str(e) for e in forward.equations] == [
        "P[n, c] = exp(X[n, c] - logsumexp[c2](X[n, c2]))",
        "L = -mean[n](X[n, T[n]] - logsumexp[c](X[n, c]))",
    ]


def test_an_input_that_no_output_depends_on_gets_exact_zeros() -> None:
    derivation = derive(parse("Z[i] = X[i] * a[i]\nY[i] = 2 * b[i]\nreturn Y"), ["X", "b"])
    assert [str(e) for e in derivation.backward.equations] == [
        "b_bar[i] = 2 * Y_bar[i]",
        "X_bar[i] = 0",
    ]
