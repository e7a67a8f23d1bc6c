"""Every construct of the index calculus beside the torch function that has it.

Each row is a text, what its inputs are, and the same in torch. Value, gradient, tangent and second
derivative of the generated torch code are torch's; value and gradient of the NumPy code are too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.codegen.generate import build, build_function
from symgrad.interpreter.door import bind_sizes
from symgrad.ir.text import parse
from tests.codegen.loop_texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from symgrad.derivation import Derivation

    Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A construct.

    Attributes:
        text: Its equations.
        torch: The same in torch.
        shapes: The shape of each real input.
        data: The other inputs.
        change: Moves the values of an input to where they matter: ties, zeros.
    """

    text: str
    torch: Callable[[Arrays], Any]
    shapes: Mapping[str, tuple[int, ...]]
    data: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Any], Any] | None = None


def tied(x: Any) -> Any:
    return np.round(x)


def with_zeros(x: Any) -> Any:
    x = x.copy()
    x[0, 0], x[1, :2] = 0.0, 0.0
    return x


ROWS_OF = {"X": (3, 4)}
IDX = np.array([2, 0, 2, 1])
BAGS = np.array([[0, 2, 2], [1, 1, 0]])
LSTM = TEXTS["lstm"].replace("return H, HN, CN", "return H")
POOLED = "size[p] = 3\nsize[h] = (size[y] - 3) // 2 + 1\nX: real[n, c, y]\n"
CONV_T = """
X: real[n, c, h]
K: real[c, o, p]
size[y] = (size[h] - 1) * {s} - 2 * {pad} + {d} * (size[p] - 1) + {extra} + 1
Y[n, o, y] = sum[c, h, p, (y + {pad} - {d} * p) == {s} * h](X[n, c, h] * K[c, o, p])
"""
NEAREST = "size[m] = {f} * size[i]\nX: real[n, i]\nY[n, m] = X[n, m // {f}]"
LINEAR_1D = """
size[m] = 2 * size[i]
X: real[n, i]
Y[n, m] = (0.25 + 0.5 * (m % 2)) * X[n, clip((m + 1) // 2 - 1, 0, size[i] - 1)] \\
        + (0.75 - 0.5 * (m % 2)) * X[n, clip((m + 1) // 2, 0, size[i] - 1)]
"""
BILINEAR = """
size[m] = 2 * size[i]
size[q] = 2 * size[j]
X: real[n, i, j]
Z[n, m, j] = (0.25 + 0.5 * (m % 2)) * X[n, clip((m + 1) // 2 - 1, 0, size[i] - 1), j] \\
           + (0.75 - 0.5 * (m % 2)) * X[n, clip((m + 1) // 2, 0, size[i] - 1), j]
Y[n, m, q] = (0.25 + 0.5 * (q % 2)) * Z[n, m, clip((q + 1) // 2 - 1, 0, size[j] - 1)] \\
           + (0.75 - 0.5 * (q % 2)) * Z[n, m, clip((q + 1) // 2, 0, size[j] - 1)]
"""


def doubled(name: str, source: str, axes: str, old: str, new: str) -> str:
    """Return an equation that doubles one axis linearly."""
    low = axes.replace(old, f"clip(({new} + 1) // 2 - 1, 0, size[{old}] - 1)")
    high = axes.replace(old, f"clip(({new} + 1) // 2, 0, size[{old}] - 1)")
    return (
        f"size[{new}] = 2 * size[{old}]\n{name}[{axes.replace(old, new)}] = "
        f"(0.25 + 0.5 * ({new} % 2)) * {source}[{low}]"
        f" + (0.75 - 0.5 * ({new} % 2)) * {source}[{high}]\n"
    )


TRILINEAR = "X: real[n, i, j, k]\n" + "".join(
    (
        doubled("A", "X", "n, i, j, k", "i", "m"),
        doubled("B", "A", "n, m, j, k", "j", "q"),
        doubled("Y", "B", "n, m, q, k", "k", "r"),
    )
)


def lstm_in_torch(t: Arrays) -> Any:
    h, c, found = t["H0"], t["C0"], []
    for x in t["X"]:
        i, f, g, o = (x @ t[f"U{k}"].T + h @ t[f"W{k}"].T + t[f"b{k}"] for k in "ifgo")
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        found.append(h)
    return torch.stack(found)


ROWS: dict[str, Row] = {
    # reductions
    "max, ties shared": Row(
        "Y[n] = max[k](X[n, k])", lambda t: t["X"].amax(1), ROWS_OF, change=tied
    ),
    "max, first of ties": Row(
        'Y[n] = max[k](X[n, k], ties="first")', lambda t: t["X"].max(1).values, ROWS_OF, change=tied
    ),
    "min": Row("Y[n] = min[k](X[n, k])", lambda t: t["X"].amin(1), ROWS_OF, change=tied),
    "prod": Row("Y[n] = prod[k](X[n, k])", lambda t: t["X"].prod(1), ROWS_OF),
    "prod with zeros": Row(
        "Y[n] = prod[k](X[n, k])", lambda t: t["X"].prod(1), ROWS_OF, change=with_zeros
    ),
    "logsumexp": Row("Y[n] = logsumexp[k](X[n, k])", lambda t: t["X"].logsumexp(1), ROWS_OF),
    "norm 0": Row(
        "Y[n] = sum[k](X[n, k] != 0) + 0 * sum[k](X[n, k])",
        lambda t: (t["X"] != 0).sum(1) + 0 * t["X"].sum(1),
        ROWS_OF,
        change=with_zeros,
    ),
    "norm 1": Row("Y[n] = sum[k](abs(X[n, k]))", lambda t: t["X"].abs().sum(1), ROWS_OF),
    "norm 2": Row("Y[n] = norm[k](X[n, k])", lambda t: t["X"].norm(dim=1), ROWS_OF),
    "norm 3": Row(
        "Y[n] = sum[k](abs(X[n, k]) ** 3) ** (1 / 3)",
        lambda t: torch.linalg.vector_norm(t["X"], 3, dim=1),
        ROWS_OF,
    ),
    "norm inf": Row(
        "Y[n] = max[k](abs(X[n, k]))", lambda t: t["X"].abs().amax(1), ROWS_OF, change=tied
    ),
    "variance": Row("Y[n] = var[k](X[n, k], correction=1)", lambda t: t["X"].var(1), ROWS_OF),
    "cumsum": Row("Y[n, i] = cumsum[i](X[n, i])", lambda t: t["X"].cumsum(1), ROWS_OF),
    "cumprod": Row(
        "size[i] = size[j]\nX: real[n, j]\nY[n, i] = prod[j, j <= i](X[n, j])",
        lambda t: t["X"].cumprod(1),
        ROWS_OF,
    ),
    "cummax": Row(
        "size[i] = size[j]\nX: real[n, j]\nY[n, i] = max[j, j <= i](X[n, j])",
        lambda t: t["X"].cummax(1).values,
        ROWS_OF,
    ),
    "logcumsumexp": Row(
        "size[i] = size[j]\nX: real[n, j]\nY[n, i] = logsumexp[j, j <= i](X[n, j])",
        lambda t: t["X"].logcumsumexp(1),
        ROWS_OF,
    ),
    # gathers and scatters
    "embedding": Row(
        "T: index(v)[n]\nY[n, d] = E[T[n], d]",
        lambda t: functional.embedding(t["T"], t["E"]),
        {"E": (3, 2)},
        {"T": IDX},
    ),
    "embedding, padding row": Row(
        "T: index(v)[n]\nE: real[v, d]\nY[n, d] = where(T[n] == 2, stop(E[T[n], d]), E[T[n], d])",
        lambda t: functional.embedding(t["T"], t["E"], padding_idx=2),
        {"E": (3, 2)},
        {"T": IDX},
    ),
    "embedding bag, sum": Row(
        "T: index(v)[n, b]\nY[n, d] = sum[b](E[T[n, b], d])",
        lambda t: functional.embedding_bag(t["T"], t["E"], mode="sum"),
        {"E": (3, 2)},
        {"T": BAGS},
    ),
    "embedding bag, mean": Row(
        "T: index(v)[n, b]\nY[n, d] = mean[b](E[T[n, b], d])",
        lambda t: functional.embedding_bag(t["T"], t["E"], mode="mean"),
        {"E": (3, 2)},
        {"T": BAGS},
    ),
    "embedding bag, weighted": Row(
        "T: index(v)[n, b]\nY[n, d] = sum[b](w[n, b] * E[T[n, b], d])",
        lambda t: (t["w"][..., None] * functional.embedding(t["T"], t["E"])).sum(1),
        {"E": (3, 2), "w": (2, 3)},
        {"T": BAGS},
    ),
    "embedding bag, max": Row(
        'T: index(v)[n, b]\nE: real[v, d]\nY[n, d] = max[b](E[T[n, b], d], ties="first")',
        lambda t: functional.embedding(t["T"], t["E"]).max(1).values,
        {"E": (3, 2)},
        {"T": BAGS},
    ),
    "index targets": Row(
        "T: index(k)[n]\nY[n] = X[n, T[n]]",
        lambda t: t["X"].gather(1, t["T"][:, None])[:, 0],
        {"X": (4, 3)},
        {"T": IDX},
    ),
    "take along": Row(
        "T: index(k)[n, m]\nY[n, m] = X[n, T[n, m]]",
        lambda t: t["X"].gather(1, t["T"]),
        {"X": (2, 3)},
        {"T": BAGS},
    ),
    "segment sum": Row(
        "T: index(v)[n]\nw: real[v]\nX: real[n, d]\nY[v, d] = w[v] * sum[n]((T[n] == v) * X[n, d])",
        lambda t: t["w"][:, None] * torch.zeros(3, 2).double().index_add(0, t["T"], t["X"]),
        {"X": (4, 2), "w": (3,)},
        {"T": IDX},
    ),
    # windows
    "transposed convolution": Row(
        CONV_T.format(s=2, pad=1, d=1, extra=0),
        lambda t: functional.conv_transpose1d(t["X"], t["K"], stride=2, padding=1),
        {"X": (2, 3, 4), "K": (3, 2, 3)},
    ),
    "transposed convolution, more output": Row(
        CONV_T.format(s=3, pad=0, d=2, extra=1),
        lambda t: functional.conv_transpose1d(
            t["X"], t["K"], stride=3, dilation=2, output_padding=1
        ),
        {"X": (2, 3, 4), "K": (3, 2, 2)},
    ),
    "average pool": Row(
        POOLED + "Y[n, c, h] = mean[p](X[n, c, 2 * h + p])",
        lambda t: functional.avg_pool1d(t["X"], 3, 2),
        {"X": (2, 2, 8)},
    ),
    "average pool with padding": Row(
        "size[p] = 3\nsize[h] = size[y]\nX: real[n, c, y]\n"
        "Y[n, c, h] = mean[p](read(X[n, c, h + p - 1], outside=0))",
        lambda t: functional.avg_pool1d(t["X"], 3, 1, 1),
        {"X": (2, 2, 5)},
    ),
    "power pool": Row(
        POOLED + "Y[n, c, h] = sqrt(sum[p](X[n, c, 2 * h + p] ** 2))",
        lambda t: functional.lp_pool1d(t["X"], 2.0, 3, 2),
        {"X": (2, 2, 8)},
    ),
    "adaptive average pool": Row(
        "size[m] = 3\nX: real[n, y]\nY[n, m] = mean[y, (m * size[y]) // size[m] <= y, "
        "y < ((m + 1) * size[y] + size[m] - 1) // size[m]](X[n, y])",
        lambda t: functional.adaptive_avg_pool1d(t["X"][None], 3)[0],
        {"X": (2, 7)},
    ),
    "local response norm": Row(
        "size[p] = 3\nX: real[n, c, y]\n"
        "S[n, c, y] = sum[p](read(X[n, c + p - 1, y], outside=0) ** 2)\n"
        "Y[n, c, y] = X[n, c, y] / (1 + 0.5 * S[n, c, y] / 3) ** 0.75",
        lambda t: functional.local_response_norm(t["X"], 3, alpha=0.5),
        {"X": (2, 4, 3)},
    ),
    "unfold": Row(
        "size[p] = 2\nsize[q] = 2\nsize[h] = size[y] - 1\nsize[w] = size[x] - 1\n"
        "X: real[n, c, y, x]\nU[n, (c, p, q), (h, w)] = X[n, c, h + p, w + q]",
        lambda t: functional.unfold(t["X"], 2),
        {"X": (2, 2, 3, 4)},
    ),
    "fold": Row(
        "size[p] = 2\nsize[y] = size[h] + 1\nU: real[n, p, h]\n"
        "X[n, y] = sum[p, h, h + p == y](U[n, p, h])",
        lambda t: functional.fold(t["U"], (1, 5), (1, 2))[:, 0, 0],
        {"U": (2, 2, 4)},
    ),
    "pixel shuffle": Row(
        "size[r] = 2\nsize[s] = 2\nX: real[n, (c, r, s), h, w]\n"
        "Y[n, c, (h, r), (w, s)] = X[n, (c, r, s), h, w]",
        lambda t: functional.pixel_shuffle(t["X"], 2),
        {"X": (2, 4, 2, 3)},
    ),
    "pixel unshuffle": Row(
        "size[r] = 2\nsize[s] = 2\nX: real[n, c, (h, r), (w, s)]\n"
        "Y[n, (c, r, s), h, w] = X[n, c, (h, r), (w, s)]",
        lambda t: functional.pixel_unshuffle(t["X"], 2),
        {"X": (2, 1, 4, 6)},
    ),
    "roll": Row(
        "X: real[n, i]\nY[n, i] = X[n, (i + size[i] - 2) % size[i]]",
        lambda t: t["X"].roll(2, 1),
        {"X": (2, 5)},
    ),
    "flip": Row(
        "X: real[n, i]\nY[n, i] = X[n, size[i] - 1 - i]", lambda t: t["X"].flip(1), {"X": (2, 5)}
    ),
    "circular padding": Row(
        "size[m] = size[i] + 4\nX: real[n, i]\nY[n, m] = X[n, (m + size[i] - 2) % size[i]]",
        lambda t: functional.pad(t["X"], (2, 2), mode="circular"),
        {"X": (2, 5)},
    ),
    "replicate padding": Row(
        "size[m] = size[i] + 4\nX: real[n, i]\nY[n, m] = X[n, clip(m - 2, 0, size[i] - 1)]",
        lambda t: functional.pad(t["X"], (2, 2), mode="replicate"),
        {"X": (2, 5)},
    ),
    "diagonal": Row("Y[i] = X[i, i]", lambda t: t["X"].diagonal(), {"X": (4, 4)}),
    "diagonal matrix": Row(
        "size[j] = size[i]\nx: real[i]\nY[i, j] = where(i == j, x[i], 0)",
        lambda t: t["x"].diag(),
        {"x": (4,)},
    ),
    "triangle": Row(
        "X: real[i, j]\nY[i, j] = where(j <= i, X[i, j], 0)", lambda t: t["X"].tril(), {"X": (4, 4)}
    ),
    "band": Row(
        "X: real[i, j]\nY[i, j] = where(j <= i + 1 and i < j + 2, X[i, j], 0)",
        lambda t: t["X"].tril(1).triu(-1),
        {"X": (4, 4)},
    ),
    "causal mask": Row(
        "S: real[q, k]\nP[q, k] = softmax[k](where(k <= q, S[q, k], -inf))",
        lambda t: torch.softmax(t["S"].masked_fill(torch.ones(4, 4).triu(1) > 0, -torch.inf), 1),
        {"S": (4, 4)},
    ),
    "concatenation": Row(
        "size[m] = size[i] + size[j]\nA: real[n, i]\nB: real[n, j]\n"
        "Y[n, m] = where(m < size[i], A[n, clip(m, 0, size[i] - 1)], B[n, m - size[i]])",
        lambda t: torch.cat((t["A"], t["B"]), 1),
        {"A": (2, 3), "B": (2, 4)},
    ),
    "slice with a step": Row(
        "size[m] = (size[i] - 1) // 2\nX: real[n, i]\nY[n, m] = X[n, 2 * m + 1]",
        lambda t: t["X"][:, 1:7:2],
        {"X": (2, 7)},
    ),
    "repeat": Row(
        "size[m] = 3 * size[i]\nX: real[n, i]\nY[n, m] = X[n, m % size[i]]",
        lambda t: t["X"].repeat(1, 3),
        {"X": (2, 3)},
    ),
    "repeat each": Row(
        "size[m] = 3 * size[i]\nX: real[n, i]\nY[n, m] = X[n, m // 3]",
        lambda t: t["X"].repeat_interleave(3, 1),
        {"X": (2, 3)},
    ),
    # interpolation
    "nearest": Row(
        NEAREST.format(f=2),
        lambda t: functional.interpolate(t["X"][None], scale_factor=2)[0],
        {"X": (2, 3)},
    ),
    "nearest to another length": Row(
        "size[m] = 5\nX: real[n, i]\nY[n, m] = X[n, (m * size[i]) // size[m]]",
        lambda t: functional.interpolate(t["X"][None], size=5)[0],
        {"X": (2, 3)},
    ),
    "nearest in three dimensions": Row(
        "size[m] = 2 * size[i]\nsize[q] = 2 * size[j]\nsize[r] = 2 * size[k]\nX: real[n, i, j, k]\n"
        "Y[n, m, q, r] = X[n, m // 2, q // 2, r // 2]",
        lambda t: functional.interpolate(t["X"][None], scale_factor=2)[0],
        {"X": (2, 2, 3, 2)},
    ),
    "linear": Row(
        LINEAR_1D,
        lambda t: functional.interpolate(t["X"][None], scale_factor=2, mode="linear")[0],
        {"X": (2, 4)},
    ),
    "linear, aligned corners": Row(
        "size[m] = 7\nX: real[n, i]\n"
        "Y[n, m] = sum[i](maximum(0, 1 - abs(m * (size[i] - 1) / (size[m] - 1) - i)) * X[n, i])",
        lambda t: functional.interpolate(t["X"][None], size=7, mode="linear", align_corners=True)[
            0
        ],
        {"X": (2, 4)},
    ),
    "bilinear": Row(
        BILINEAR,
        lambda t: functional.interpolate(t["X"][None], scale_factor=2, mode="bilinear")[0],
        {"X": (2, 3, 4)},
    ),
    "cummax, ties shared": Row(
        "size[i] = size[j]\nX: real[n, j]\nY[n, i] = max[j, j <= i](X[n, j])",
        lambda t: torch.stack([t["X"][:, : i + 1].amax(1) for i in range(4)], 1),
        ROWS_OF,
        change=tied,
    ),
    # layers of several
    "convolution": Row(
        "X: real[n, c, y, x]\nK: real[o, c, p, q]\nsize[h] = (size[y] + 2 - size[p]) // 2 + 1\n"
        "size[w] = (size[x] + 2 - size[q]) // 2 + 1\nY[n, o, h, w] = sum[c, p, q]("
        "read(X[n, c, 2 * h + p - 1, 2 * w + q - 1], outside=0) * K[o, c, p, q])",
        lambda t: functional.conv2d(t["X"], t["K"], stride=2, padding=1),
        {"X": (2, 2, 5, 4), "K": (3, 2, 3, 2)},
    ),
    "max pool": Row(
        "X: real[n, c, y]\nsize[p] = 3\nsize[h] = (size[y] - 1) // 2 + 1\n"
        'Y[n, c, h] = max[p](read(X[n, c, 2 * h + p - 1], outside=-inf), ties="first") ** 2',
        lambda t: functional.max_pool1d(t["X"], 3, 2, 1) ** 2,
        {"X": (2, 2, 7)},
        change=tied,
    ),
    "layer norm": Row(
        "M[n] = mean[k](X[n, k])\nR[n] = (mean[k]((X[n, k] - M[n]) ** 2) + 0.1) ** -0.5\n"
        "Y[n, k] = (X[n, k] - M[n]) * R[n] * g[k]",
        lambda t: functional.layer_norm(t["X"], (4,), eps=0.1) * t["g"],
        {"X": (3, 4), "g": (4,)},
    ),
    "attention": Row(
        "S[q, k] = sum[d](Q[q, d] * K[k, d]) / sqrt(size[d])\n"
        "P[q, k] = softmax[k](where(k <= q, S[q, k], -inf))\nO[q, e] = sum[k](P[q, k] * V[k, e])",
        lambda t: functional.scaled_dot_product_attention(
            t["Q"][None], t["K"][None], t["V"][None], is_causal=True
        )[0],
        {"Q": (4, 2), "K": (4, 2), "V": (4, 3)},
    ),
    "lstm": Row(
        LSTM,
        lstm_in_torch,
        {
            "X": (3, 2, 2),
            "H0": (2, 3),
            "C0": (2, 3),
            **{f"U{g}": (3, 2) for g in "ifgo"},
            **{f"W{g}": (3, 3) for g in "ifgo"},
            **{f"b{g}": (3,) for g in "ifgo"},
        },
    ),
    "trilinear": Row(
        TRILINEAR,
        lambda t: functional.interpolate(t["X"][None], scale_factor=2, mode="trilinear")[0],
        {"X": (2, 2, 3, 2)},
    ),
    # data and noise
    "dropout": Row(
        "U: uniform[n, k]\nX: real[n, k]\nY[n, k] = where(U[n, k] < 0.5, 0, X[n, k] / 0.5)",
        lambda t: torch.where(t["U"] < 0.5, 0.0, t["X"] / 0.5),
        ROWS_OF,
        {"U": np.random.default_rng(2).random((3, 4))},
    ),
    "gumbel": Row(
        "U: uniform[n, k]\nX: real[n, k]\n"
        "Y[n, k] = softmax[k]((X[n, k] - log(-log(U[n, k]))) / 0.5)",
        lambda t: torch.softmax((t["X"] - torch.log(-torch.log(t["U"]))) / 0.5, 1),
        ROWS_OF,
        {"U": np.random.default_rng(2).random((3, 4))},
    ),
    "gaussian reparametrised": Row(
        "Z: normal[n, k]\nY[n, k] = m[n, k] + exp(s[n, k] / 2) * Z[n, k]",
        lambda t: t["m"] + torch.exp(t["s"] / 2) * t["Z"],
        {"m": (3, 4), "s": (3, 4)},
        {"Z": np.random.default_rng(2).normal(size=(3, 4))},
    ),
    "where": Row(
        "Y[n, k] = where(X[n, k] > 0, sqrt(X[n, k]), 0)",
        lambda t: torch.where(t["X"] > 0, t["X"].clamp(min=1e-300).sqrt(), 0.0),
        ROWS_OF,
        change=with_zeros,
    ),
    "stop": Row("Y[n, k] = X[n, k] * stop(X[n, k])", lambda t: t["X"] * t["X"].detach(), ROWS_OF),
}


@cache
def derivation(name: str) -> Derivation:
    return derive(parse(ROWS[name].text, name="case"))


def drawn(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the real inputs and the others."""
    row = ROWS[name]
    rng = np.random.default_rng(3)
    real = {n: rng.normal(size=shape) for n, shape in row.shapes.items()}
    if row.change is not None:
        real = {n: row.change(x) for n, x in real.items()}
    sizes = bind_sizes(derivation(name).system, {**real, **row.data})
    return real, {**sizes, **row.data}


def results(
    function: Callable[..., Any], names: tuple[str, ...], found: tuple[str, ...], known: Arrays
) -> dict[str, Any]:
    """Return what a generated function returns, by name."""
    with np.errstate(all="ignore"):
        values = function(*(known[n] for n in names))
    return dict(zip(found, values if isinstance(values, tuple) else (values,), strict=True))


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("name", ROWS)
def test_value_and_gradient_are_torch_s(name: str, target: str) -> None:
    real, data = drawn(name)
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in real.items()}
    others = {n: torch.tensor(a) if isinstance(a, np.ndarray) else a for n, a in data.items()}
    value = ROWS[name].torch({**leaves, **others})
    weight = np.random.default_rng(4).normal(size=tuple(value.shape))
    wanted = torch.autograd.grad(value, list(leaves.values()), torch.tensor(weight))

    d = derivation(name)
    made = build(d, target)
    convert = torch.tensor if target == "torch" else np.asarray
    known = {n: convert(a) if isinstance(a, np.ndarray) else a for n, a in {**real, **data}.items()}
    known |= results(made.forward, made.forward_arguments, made.forward_results, known)
    output = d.system.outputs[0]
    np.testing.assert_allclose(known[output], value.detach(), rtol=1e-11, atol=1e-12)
    known[f"{output}_bar"] = convert(weight)
    assert made.vjp is not None
    bars = results(made.vjp, made.vjp_arguments, made.vjp_results, known)
    for tensor, gradient in zip(leaves, wanted, strict=True):
        np.testing.assert_allclose(bars[f"{tensor}_bar"], gradient, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("name", ROWS)
def test_tangents_are_the_transpose(name: str, target: str) -> None:
    """Law: `<J v, w> = <v, J^T w>`, the two sides by code of their own."""
    real, data = drawn(name)
    d, rng = derivation(name), np.random.default_rng(5)
    forward, backward = build_function(derive_jvp(d.system, d.wrt), target), build(d, target)
    convert = torch.tensor if target == "torch" else np.asarray
    along = {f"{n}_dot": rng.normal(size=a.shape) for n, a in real.items()}
    known = {n: convert(a) if isinstance(a, np.ndarray) else a
             for n, a in {**real, **data, **along}.items()}  # fmt: skip
    pushed = results(forward.forward, forward.forward_arguments, forward.forward_results, known)
    known |= results(backward.forward, backward.forward_arguments, backward.forward_results, known)
    output = d.system.outputs[0]
    weight = rng.normal(size=tuple(known[output].shape))
    known[f"{output}_bar"] = convert(weight)
    assert backward.vjp is not None
    pulled = results(backward.vjp, backward.vjp_arguments, backward.vjp_results, known)
    left = np.sum(np.asarray(pushed[f"{output}_dot"]) * weight)
    right = sum(np.sum(np.asarray(pulled[f"{n}_bar"]) * along[f"{n}_dot"]) for n in real)
    assert left == pytest.approx(right, rel=1e-11, abs=1e-11)


#: Where torch differentiates once only, or finds nan where a branch is not taken.
ONCE = {"embedding bag, sum", "embedding bag, mean", "power pool", "where", "norm 0"}


@pytest.mark.parametrize("name", [n for n in ROWS if n not in ONCE])
def test_second_derivatives_are_torch_s(name: str) -> None:
    real, data = drawn(name)
    others = {n: torch.tensor(a) if isinstance(a, np.ndarray) else a for n, a in data.items()}
    made = build(derivation(name), "torch")
    found: list[list[Any]] = []
    for ours in (True, False):
        rng = np.random.default_rng(6)
        leaves = {n: torch.tensor(a, requires_grad=True) for n, a in real.items()}
        known = {**leaves, **others}
        if ours:
            wrapped = made.namespace["case"]
            value = wrapped(*(known[n] for n in made.forward_arguments))
        else:
            value = ROWS[name].torch(known)
        weight = torch.tensor(rng.normal(size=tuple(value.shape)), requires_grad=True)
        first = torch.autograd.grad(value, list(leaves.values()), weight, create_graph=True)
        total = torch.stack(
            [(g * torch.tensor(rng.normal(size=tuple(g.shape)))).sum() for g in first]
        ).sum()
        second = torch.autograd.grad(
            total, [*leaves.values(), weight], allow_unused=True, materialize_grads=True
        )
        found.append([s.detach().numpy(force=True) for s in second])
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-10)
