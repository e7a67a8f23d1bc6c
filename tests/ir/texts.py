"""Texts that the language must understand: the acceptance texts, and one for each of its forms."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from symgrad.ir.text import options_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPTANCE: dict[str, str] = {
    "linear": """
        b: real[o] | None = None
        if b:
            Y[..., o] = sum[i](X[..., i] * W[o, i]) + b[o]
        else:
            Y[..., o] = sum[i](X[..., i] * W[o, i])
        """,
    "conv2d": """
        X: real[n, (g, c), y, x]
        K: real[(g, o), c, p, q]
        stride: int(1, 3) = 1
        pad: int(0, 2) = 0
        groups: int(1, 2) = 1
        size[g] = groups
        size[h] = (size[y] + 2 * pad - size[p]) // stride + 1
        size[w] = (size[x] + 2 * pad - size[q]) // stride + 1
        Y[n, (g, o), h, w] = sum[c, p, q](
            read(X[n, (g, c), stride * h + p - pad, stride * w + q - pad], outside=0)
            * K[(g, o), c, p, q]
        )
        """,
    "max_pool": """
        X: real[n, c, y, x]
        kernel: int(1, 3) = 2
        stride: int(1, 3) = 2
        pad: int(0, 1) = 0
        size[p] = kernel
        size[q] = kernel
        size[h] = (size[y] + 2 * pad - kernel) // stride + 1
        size[w] = (size[x] + 2 * pad - kernel) // stride + 1
        Y[n, c, h, w] = max[p, q](
            read(X[n, c, stride * h + p - pad, stride * w + q - pad], outside=-inf), ties="first"
        )
        """,
    "attention": """
        causal: flag = False
        M: bool[q, k] | None = None
        S[n, q, k] = sum[d](Q[n, q, d] * K[n, k, d]) / sqrt(size[d])
        if causal and M:
            B[n, q, k] = where(k <= q and M[q, k], S[n, q, k], -inf)
        elif causal:
            B[n, q, k] = where(k <= q, S[n, q, k], -inf)
        elif M:
            B[n, q, k] = where(M[q, k], S[n, q, k], -inf)
        else:
            B[n, q, k] = S[n, q, k]
        E[n, q, k] = exp(B[n, q, k])
        Z[n, q] = sum[k](E[n, q, k])
        P[n, q, k] = where(Z[n, q] > 0, E[n, q, k] / Z[n, q], 0)
        O[n, q, e] = sum[k](P[n, q, k] * V[n, k, e])
        """,
    "cross_entropy": """
        X: real[n, c]
        T: index(c)[n]
        reduction: "mean" | "sum" | "none" = "mean"
        P[n, c] = log_softmax[c](X[n, c])
        if reduction == "mean":
            L = -mean[n](P[n, T[n]])
        elif reduction == "sum":
            L = -sum[n](P[n, T[n]])
        else:
            L[n] = -P[n, T[n]]
        """,
    "lstm": """
        reverse: flag = False
        U: real[(s, k), i]
        W: real[(s, k), j]
        b: real[(s, k)]
        size[s] = 4
        if reverse:
            A[t, n, s, k] = (sum[i](X[t, n, i] * U[(s, k), i])
                             + sum[j](H[t+1, n, j] * W[(s, k), j]) + b[(s, k)])
        else:
            A[t, n, s, k] = (sum[i](X[t, n, i] * U[(s, k), i])
                             + sum[j](H[t-1, n, j] * W[(s, k), j]) + b[(s, k)])
        I[t, n, k] = sigmoid(A[t, n, 0, k])
        F[t, n, k] = sigmoid(A[t, n, 1, k])
        G[t, n, k] = tanh(A[t, n, 2, k])
        O[t, n, k] = sigmoid(A[t, n, 3, k])
        if reverse:
            C[t, n, k] = F[t, n, k] * C[t+1, n, k] + I[t, n, k] * G[t, n, k]
            C[size[t], n, k] = C0[n, k]
        else:
            C[t, n, k] = F[t, n, k] * C[t-1, n, k] + I[t, n, k] * G[t, n, k]
            C[-1, n, k] = C0[n, k]
        H[t, n, k] = O[t, n, k] * tanh(C[t, n, k])
        if reverse:
            H[size[t], n, k] = H0[n, k]
            HN[n, k] = H[0, n, k]
            CN[n, k] = C[0, n, k]
        else:
            H[-1, n, k] = H0[n, k]
            HN[n, k] = H[size[t] - 1, n, k]
            CN[n, k] = C[size[t] - 1, n, k]
        return H, HN, CN
        """,
    "batch_norm": """
        momentum: unit = 0.1
        eps: positive = 1e-5
        M[c] = mean[n](X[n, c])
        S[c] = mean[n]((X[n, c] - M[c]) ** 2)
        R[c] = 1 / sqrt(S[c] + eps)
        H[n, c] = (X[n, c] - M[c]) * R[c]
        Y[n, c] = g[c] * H[n, c] + b[c]
        M_new[c] = (1 - momentum) * M_old[c] + momentum * M[c]
        S_new[c] = (1 - momentum) * S_old[c] + momentum * S[c] * size[n] / (size[n] - 1)
        return Y, M_new, S_new
        """,
    "dropout": """
        U: uniform[n, d]
        p: unit = 0.5
        Y[n, d] = where(U[n, d] < p, 0, X[n, d] / (1 - p))
        """,
}

FORMS: dict[str, str] = {
    "scalars": "eps: positive = 1e-20\nL = sum[n](X[n] ** 2) + eps\nR = sqrt(L) * beta",
    "self_attention": "S[n, q, k] = sum[i](X[n, q, i] * X[n, k, i])",
    "diagonal": "Y[i] = X[i, i] + sum[j](X[j, j] * A[i, j])",
    "cumulative": "size[i] = size[j]\nY[n, i] = sum[j, j <= i](X[n, j])",
    "two_conditions": "size[i] = size[j]\nY[i] = max[j, j <= i, i < j + 3](X[j])",
    "circular": "Y[i] = X[(i + 1) % size[i]] - X[(i + 2 * size[i] - 1) % size[i]] + 0 * X[i]",
    "replicate": "Y[i] = X[clip(i - 1, 0, size[i] - 1)] + 0 * X[i]",
    "gather": "T: index(v)[n]\nY[n, d] = E[T[n], d] + 0 * sum[v](E[v, d])",
    "nested_gather": "T: index(v)[m]\nS: index(m)[n]\nY[n] = E[T[S[n]]] * sum[v](E[v])",
    "norms": "Y[n, i] = X[n, i] / norm[i2](X[n, i2])",
    "variance": "V[n] = var[d](X[n, d], correction=1)\nW[n] = var[d](X[n, d]) + V[n]",
    "softmax": "O[n, d] = sum[k](softmax[k](X[n, k]) * V[k, d])",
    "cumsum": "Y[n, i] = cumsum[i](X[n, i]) / 2",
    "truth": "Y[n] = any[k](X[n, k] > 0) and not all[k](X[n, k] < 1 or X[n, k] == 2)",
    "arg": "A[n] = argmax[k](X[n, k])\nY[n] = X[n, A[n]]",
    "arg_of_two": """
        A[n] = argmax[p, q](X[n, p, q])
        Y[n] = X[n, A[n] // size[q], A[n] % size[q]]
        """,
    "pixel_shuffle": "Y[n, c, (h, r), (w, s)] = X[n, (c, r, s), h, w]\nsize[r] = 2\nsize[s] = 3",
    "halves": "size[h] = 2\nX: real[n, (h, d)]\nY[n, d] = X[n, (0, d)] * sigmoid(X[n, (1, d)])",
    "powers": "Y[n] = X[n]**-2 + X[n]**(1/3) + X[n]**0.5 + X[n]**p - 2**-1 / X[n]",
    "where": "Y[n] = where(0 < X[n] <= 1, log(X[n]), where(X[n] > 1, -X[n], 0))",
    "batch": "L = mean[...](abs(X[...] - T[...])) + sum[...](X[...]) / size[...]",
    "straight_through": "Y[n] = straight_through(floor(X[n]), X[n]) + stop(X[n])",
    "tied": "A[t] = B[t-1] + X[t]\nB[t] = A[t] * A[t-1]\nA[-1] = 1\nB[-1] = a",
    "two_lags": "F[t] = F[t-1] + F[t-2] + 0 * X[t]\nF[-1] = 1\nF[-2] = 0",
    "table": """
        D[t, s] = where(t == 0, X[t, s], D[t-1, s] + read(D[t-1, s-1], outside=0)) * X[t, s]
        """,
    "guarded": "C[t] = X[t] + where(t > 0, C[t-1], 0)",
    "composed": "Y[n, m] = (X[n, m] // 2) * (n % 3) - -X[n, m] // -2\nX: int[n, m]",
    "constants": "Y[n] = 2 / 3 * X[n] - X[n] / 7 * pi - 1e-9 + where(X[n] > 1, inf, -inf)",
}

TEXTS = {**ACCEPTANCE, **FORMS}


def every_choice(text: str) -> Iterator[dict[str, Any]]:
    """Yield every combination of the legal values of the options of a text."""
    legal = options_of(text)
    for values in product(*legal.values()):
        yield dict(zip(legal, values, strict=True))
