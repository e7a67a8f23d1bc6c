"""Systems of reads and sums at positions whose generated text is reviewed by eye."""

from __future__ import annotations

from functools import cache

from symgrad.codegen.generate import generate_function
from symgrad.ir.text import parse
from tests.ir.texts import ACCEPTANCE

_LENGTHS = "size[h] = (size[y] + 4 - 3 * (size[p] - 1) - 1) // 2 + 1"

TEXTS: dict[str, str] = {
    # stride 2, dilation 3, padding 2, two groups
    "conv1d": f"""
        X: real[n, (g, c), y]
        K: real[(g, o), c, p]
        size[g] = 2
        {_LENGTHS}
        Y[n, (g, o), h] = b[g, o] + sum[c, p](
            read(X[n, (g, c), 2 * h + 3 * p - 2], outside=0) * K[(g, o), c, p])
        """,
    "conv1d_backward": f"""
        X: real[n, (g, c), y]
        K: real[(g, o), c, p]
        Y_bar: real[n, (g, o), h]
        size[g] = 2
        {_LENGTHS}
        X_bar[n, (g, c), y] = sum[o, h, (y+2-2*h) % 3 == 0, 0 <= (y+2-2*h) // 3,
                                  (y+2-2*h) // 3 < size[p]](
            Y_bar[n, (g, o), h] * K[(g, o), c, (y+2-2*h) // 3])
        K_bar[(g, o), c, p] = sum[n, h](
            Y_bar[n, (g, o), h] * read(X[n, (g, c), 2 * h + 3 * p - 2], outside=0))
        b_bar[g, o] = sum[n, h](Y_bar[n, (g, o), h])
        return X_bar, K_bar, b_bar
        """,
    # stride 1: the output's length follows from that of the input
    "conv1d_backward_same": """
        X: real[n, c, y]
        K: real[o, c, p]
        Y_bar: real[n, o, h]
        size[h] = size[y] + 3 - size[p]
        X_bar[n, c, y] = sum[o, p, 0 <= y+1-p, y+1-p < size[h]](Y_bar[n, o, y+1-p] * K[o, c, p])
        K_bar[o, c, p] = sum[n, h](Y_bar[n, o, h] * read(X[n, c, h + p - 1], outside=0))
        return X_bar, K_bar
        """,
    "conv2d": ACCEPTANCE["conv2d"],
    "max_pool": ACCEPTANCE["max_pool"],
    "max_pool_backward": """
        X: real[n, c, y, x]
        A: int[n, c, h, w]
        size[p] = 2
        size[q] = 2
        size[h] = (size[y] - 2) // 2 + 1
        size[w] = (size[x] - 2) // 2 + 1
        X_bar[n, c, y, x] = sum[h, w, 0 <= y - 2*h, y - 2*h < size[p],
                                0 <= x - 2*w, x - 2*w < size[q]](
            Y_bar[n, c, h, w] * (A[n, c, h, w] == (y - 2*h) * size[q] + x - 2*w))
        return X_bar
        """,
    "gated_linear_unit": """
        size[h] = 2
        X: real[n, (h, d)]
        Y[n, d] = X[n, (0, d)] * sigmoid(X[n, (1, d)])
        """,
    "pixel_shuffle": """
        size[r] = 2
        size[s] = 2
        Y[n, c, (h, r), (w, s)] = X[n, (c, r, s), h, w]
        """,
    "cumulative": """
        size[i] = size[j]
        Y[n, i] = sum[j, j <= i](X[n, j])
        M[n, i] = max[j, j <= i](X[n, j])
        R[n, i] = sum[j, j > i](X[n, j])
        return Y, M, R
        """,
    "embedding_bag": """
        T: index(v)[n, b]
        Y[n, d] = sum[b](w[n, b] * E[T[n, b], d])
        """,
    "embedding_bag_backward": """
        T: index(v)[n, b]
        w: real[n, b]
        E: real[v, d]
        E_bar[v, d] = sum[n, b]((T[n, b] == v) * w[n, b] * Y_bar[n, d])
        w_bar[n, b] = sum[d](E[T[n, b], d] * Y_bar[n, d])
        return E_bar, w_bar
        """,
    "boundaries": """
        Y[i] = X[i] - X[(i + 1) % size[i]] + X[clip(i - 1, 0, size[i] - 1)]
        """,
    "causal": """
        S[n, i, d] = sum[j, j <= i](A[n, i, j] * V[n, j, d])
        """,
    "slices": """
        X: real[n, j]
        size[i] = size[j] - 1
        size[e] = size[j] // 2
        D[n, i] = X[n, i + 1] - X[n, i + 1 - 1]
        E[n, e] = X[n, 2 * e] - X[n, 2 * e + 1]
        F[n, j] = X[n, size[j] - 1 - j]
        return D, E, F
        """,
}


@cache
def window_text(name: str, target: str) -> str:
    """Return the module of a System."""
    options = {"stride": 2, "pad": 1} if name in ("conv2d", "max_pool") else {}
    return generate_function(parse(TEXTS[name], name=name, internal=True, options=options), target)
