"""The equations whose closed forms are held as golden files: one text for each form.

Composite axes (groups of channels, heads, pairs, halves) are written with letters of their own:
`X[n, g, c, h]` is `X[n, (g, c), h]`, the same mathematics.
"""

from __future__ import annotations

from functools import cache
from textwrap import dedent
from typing import TYPE_CHECKING

from symgrad.autodiff.derive import derive
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

_SOFTMAX = "P[n, c] = softmax[c](X[n, c])"

ACTIVATIONS = {
    "sigmoid": "Y[i] = 1 / (1 + exp(-X[i]))",
    "tanh": "Y[i] = tanh(X[i])",
    "softplus": "Y[i] = log(1 + exp(X[i]))",
    "silu": "Y[i] = X[i] * sigmoid(X[i])",
    "gelu_erf": "Y[i] = X[i] * (1 + erf(X[i] / sqrt(2))) / 2",
    "gelu_tanh": """
        U[i] = sqrt(2 / pi) * (X[i] + 0.044715 * X[i]**3)
        Y[i] = X[i] * (1 + tanh(U[i])) / 2
    """,
    "mish": "Y[i] = X[i] * tanh(log(1 + exp(X[i])))",
    "swiglu": """
        A[n, h] = sum[i](X[n, i] * W[h, i])
        B[n, h] = sum[i](X[n, i] * V[h, i])
        Y[n, h] = A[n, h] * sigmoid(A[n, h]) * B[n, h]
    """,
    "geglu": """
        A[n, h] = sum[i](X[n, i] * W[h, i])
        B[n, h] = sum[i](X[n, i] * V[h, i])
        Y[n, h] = A[n, h] * (1 + erf(A[n, h] / sqrt(2))) / 2 * B[n, h]
    """,
}

SOFTMAXES = {
    "softmax": """
        E[n, k] = exp(X[n, k])
        Z[n]    = sum[k](E[n, k])
        P[n, k] = E[n, k] / Z[n]
    """,
    "log_softmax": """
        P[n, k] = softmax[k](X[n, k])
        Y[n, k] = log(P[n, k])
    """,
    "logsumexp": "Y[n] = logsumexp[k](X[n, k])",
}

LOSSES = {
    "cross_entropy_index_mean": f"""
        T: index(c)[n]
        {_SOFTMAX}
        L = -mean[n](log(P[n, T[n]]))
    """,
    "cross_entropy_index_sum": f"""
        T: index(c)[n]
        {_SOFTMAX}
        L = -sum[n](log(P[n, T[n]]))
    """,
    "cross_entropy_index_none": f"""
        T: index(c)[n]
        {_SOFTMAX}
        L[n] = -log(P[n, T[n]])
    """,
    "cross_entropy_probabilities": f"""
        {_SOFTMAX}
        L = -mean[n](sum[c](Q[n, c] * log(P[n, c])))
    """,
    "cross_entropy_simplex": f"""
        Q: simplex[n, c]
        {_SOFTMAX}
        L = -mean[n](sum[c](Q[n, c] * log(P[n, c])))
    """,
    "cross_entropy_weights": f"""
        T: index(c)[n]
        {_SOFTMAX}
        W = sum[n](w[T[n]])
        L = -sum[n](w[T[n]] * log(P[n, T[n]])) / W
    """,
    "cross_entropy_smoothing": f"""
        T: index(c)[n]
        s: real = 0.1
        {_SOFTMAX}
        L = -mean[n]((1 - s) * log(P[n, T[n]]) + s * mean[c](log(P[n, c])))
    """,
    "cross_entropy_ignore_index": f"""
        T: index(c)[n]
        ignore: int = 0
        {_SOFTMAX}
        M[n] = where(T[n] == ignore, 0, 1)
        L = -sum[n](M[n] * log(P[n, T[n]])) / sum[n](M[n])
    """,
    "cross_entropy_everything": f"""
        T: index(c)[n]
        ignore: int = 0
        s: real = 0.1
        {_SOFTMAX}
        K[n] = where(T[n] == ignore, 0, 1)
        W = sum[n](K[n] * w[T[n]])
        L = -sum[n](K[n] * ((1 - s) * w[T[n]] * log(P[n, T[n]])
                            + s * mean[c](w[c] * log(P[n, c])))) / W
    """,
    "huber": """
        delta: positive = 1
        D[i] = X[i] - T[i]
        L    = mean[i](where(abs(D[i]) < delta, D[i]**2 / 2, delta * (abs(D[i]) - delta / 2)))
    """,
    "kl": """
        Y[n, c] = X[n, c] - logsumexp[j](X[n, j])
        L       = mean[n](sum[c](Q[n, c] * (log(Q[n, c]) - Y[n, c])))
    """,
    "focal": """
        T: index(c)[n]
        gamma: positive = 2
        P[n, c] = softmax[c](X[n, c])
        L = -mean[n](pow(1 - P[n, T[n]], gamma) * log(P[n, T[n]]))
    """,
    "infonce": """
        tau: positive = 0.07
        S[n, m] = sum[d](A[n, d] * B[m, d]) / tau
        P[n, m] = softmax[m](S[n, m])
        L       = -mean[n](log(P[n, n]))
    """,
    "dpo": """
        beta: positive = 0.1
        D[n] = beta * ((Wp[n] - Wr[n]) - (Lp[n] - Lr[n]))
        L    = -mean[n](log(sigmoid(D[n])))
    """,
}


def _norm(at: str, over: str, row: str, gain: str, skew: str) -> str:
    return f"""
        eps: positive = 1e-5
        M[{row}] = mean[{over}](X[{at}])
        S[{row}] = mean[{over}]((X[{at}] - M[{row}]) ** 2)
        R[{row}] = 1 / sqrt(S[{row}] + eps)
        H[{at}] = (X[{at}] - M[{row}]) * R[{row}]
        Y[{at}] = {gain}H[{at}]{skew}
    """


NORMS = {
    "layer_norm": _norm("n, d", "d", "n", "g[d] * ", " + b[d]"),
    "batch_norm_train": _norm("n, c, h", "n, h", "c", "g[c] * ", " + b[c]"),
    "batch_norm_eval": """
        eps: positive = 1e-5
        V: nonnegative[c]
        R[c] = 1 / sqrt(V[c] + eps)
        H[n, c, h] = (X[n, c, h] - M[c]) * R[c]
        Y[n, c, h] = g[c] * H[n, c, h] + b[c]
    """,
    "group_norm": _norm("n, j, c, h", "c, h", "n, j", "g[j, c] * ", " + b[j, c]"),
    "instance_norm": _norm("n, c, h", "h", "n, c", "", ""),
    "rms_norm": """
        eps: positive = 1e-5
        R[n]    = 1 / sqrt(mean[d](X[n, d]**2) + eps)
        H[n, d] = X[n, d] * R[n]
        Y[n, d] = g[d] * H[n, d]
    """,
    "l2_normalise": """
        N[n]    = sqrt(sum[d](X[n, d]**2))
        U[n, d] = X[n, d] / N[n]
    """,
}

ATTENTIONS = {
    "attention_scale": """
        S[q, k] = sum[d](Q[q, d] * K[k, d]) / sqrt(size[d])
        P[q, k] = softmax[k](S[q, k])
        O[q, e] = sum[k](P[q, k] * V[k, e])
    """,
    "attention_mask": """
        S[q, k] = sum[d](Q[q, d] * K[k, d]) / sqrt(size[d]) + B[q, k]
        P[q, k] = softmax[k](S[q, k])
        O[q, e] = sum[k](P[q, k] * V[k, e])
    """,
    "attention_causal": """
        S[q, k] = where(k <= q, sum[d](Q[q, d] * K[k, d]) / sqrt(size[d]), -inf)
        P[q, k] = softmax[k](S[q, k])
        O[q, e] = sum[k](P[q, k] * V[k, e])
    """,
    "attention_softcap": """
        cap: positive = 30
        A[q, k] = sum[d](Q[q, d] * K[k, d]) / sqrt(size[d])
        C[q, k] = tanh(A[q, k] / cap)
        P[q, k] = softmax[k](cap * C[q, k])
        O[q, e] = sum[k](P[q, k] * V[k, e])
    """,
    "attention_grouped": """
        S[n, h, r, q, k] = sum[d](Q[n, h, r, q, d] * K[n, h, k, d]) / sqrt(size[d])
        P[n, h, r, q, k] = softmax[k](S[n, h, r, q, k])
        O[n, h, r, q, e] = sum[k](P[n, h, r, q, k] * V[n, h, k, e])
    """,
}

OTHERS = {
    "rope": """
        Y1[t, p] = X1[t, p] * C[t, p] - X2[t, p] * S[t, p]
        Y2[t, p] = X1[t, p] * S[t, p] + X2[t, p] * C[t, p]
        return Y1, Y2
    """,
    "lora": """
        alpha: positive = 16
        H[n, r] = sum[i](X[n, i] * A[r, i])
        Y[n, o] = sum[i](X[n, i] * W[o, i]) + alpha / size[r] * sum[r](H[n, r] * B[o, r])
    """,
    "lstm": """
        I[n, h] = sigmoid(sum[j](X[n, j] * Wi[h, j]) + sum[k](H[n, k] * Ui[h, k]) + bi[h])
        F[n, h] = sigmoid(sum[j](X[n, j] * Wf[h, j]) + sum[k](H[n, k] * Uf[h, k]) + bf[h])
        G[n, h] = tanh(sum[j](X[n, j] * Wg[h, j]) + sum[k](H[n, k] * Ug[h, k]) + bg[h])
        O[n, h] = sigmoid(sum[j](X[n, j] * Wo[h, j]) + sum[k](H[n, k] * Uo[h, k]) + bo[h])
        D[n, h] = F[n, h] * C[n, h] + I[n, h] * G[n, h]
        Y[n, h] = O[n, h] * tanh(D[n, h])
        return Y, D
    """,
    "gru": """
        R[n, h] = sigmoid(sum[j](X[n, j] * Wr[h, j]) + sum[k](H[n, k] * Ur[h, k]) + br[h])
        Z[n, h] = sigmoid(sum[j](X[n, j] * Wz[h, j]) + sum[k](H[n, k] * Uz[h, k]) + bz[h])
        A[n, h] = sum[k](H[n, k] * Un[h, k]) + cn[h]
        N[n, h] = tanh(sum[j](X[n, j] * Wn[h, j]) + bn[h] + R[n, h] * A[n, h])
        Y[n, h] = (1 - Z[n, h]) * N[n, h] + Z[n, h] * H[n, h]
    """,
}

FORMS = {**ACTIVATIONS, **SOFTMAXES, **LOSSES, **NORMS, **ATTENTIONS, **OTHERS}


#: Inputs to differentiate, where data are real too.
WRT = {
    "cross_entropy_probabilities": ["X"],
    "cross_entropy_simplex": ["X"],
    "kl": ["X"],
    "batch_norm_eval": ["X", "g", "b"],
    "lora": ["X", "A", "B"],
    "rope": ["X1", "X2"],
}


@cache
def derivation_of(name: str) -> Derivation:
    """Return the derivation of a form; derived once for all tests."""
    return derive(parse(dedent(FORMS[name])), WRT.get(name))


def index_form(derivation: Derivation) -> str:
    """Return the forward equations, the closed form and what it saves, as a golden file has it."""
    lines = [str(e) for e in derivation.system.equations]
    lines += ["", *map(str, derivation.backward.equations)]
    return "\n".join([*lines, "", f"saved: {', '.join(derivation.saved)}"]) + "\n"
