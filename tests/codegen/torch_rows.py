"""Texts that torch has a function for: affine positions, reductions, gathers and scatters.

A row is a text, what torch does, and the inputs. The arrays have unequal lengths; where ties and
zeros matter they hold many of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

F = torch.nn.functional


@dataclass(frozen=True)
class Row:
    """A text beside a function of torch.

    Attributes:
        text: The equations.
        function: The same in torch, over the inputs in the order of `inputs`.
        inputs: Shape of each real input, by name; `tied` ones hold few values.
        data: Integer inputs, by name, in the order of `function` after the real ones.
        tied: Whether the real inputs are drawn from -1, 0 and 1.
        positive: Whether they are above 0.
    """

    text: str
    function: Callable[..., torch.Tensor]
    inputs: dict[str, tuple[int, ...]]
    data: dict[str, Any] | None = None
    tied: bool = False
    positive: bool = False


WINDOWS = {
    "stride, dilation, padding, groups": Row(
        """
        X: real[n, (g, c), y]
        K: real[(g, o), c, p]
        size[g] = 2
        size[h] = (size[y] + 4 - 3 * (size[p] - 1) - 1) // 2 + 1
        Y[n, (g, o), h] = b[(g, o)] + sum[c, p](
            read(X[n, (g, c), 2 * h + 3 * p - 2], outside=0) * K[(g, o), c, p])
        """,
        lambda X, K, b: F.conv1d(X, K, b, stride=2, dilation=3, padding=2, groups=2),
        {"X": (2, 4, 9), "K": (6, 2, 3), "b": (6,)},
    ),
    "depthwise": Row(
        """
        X: real[n, c, y, x]
        size[h] = (size[y] + 2 - size[p]) // 2 + 1
        size[w] = size[x] + 2 - 2 * (size[q] - 1)
        Y[n, c, h, w] = sum[p, q](
            read(X[n, c, 2 * h + p - 1, w + 2 * q - 1], outside=0) * K[c, p, q])
        """,
        lambda X, K: F.conv2d(
            X, K[:, None], stride=(2, 1), padding=1, dilation=(1, 2), groups=X.shape[1]
        ),
        {"X": (2, 3, 6, 7), "K": (3, 2, 3)},
    ),
    "three dimensions": Row(
        """
        X: real[n, c, z, y, x]
        size[d] = size[z] + 1 - size[r]
        size[h] = (size[y] + 2 - size[p]) // 2 + 1
        size[w] = (size[x] - size[q]) // 3 + 1
        Y[n, o, d, h, w] = sum[c, r, p, q](
            read(X[n, c, d + r, 2 * h + p - 1, 3 * w + q], outside=0) * K[o, c, r, p, q])
        """,
        lambda X, K: F.conv3d(X, K, stride=(1, 2, 3), padding=(0, 1, 0)),
        {"X": (2, 2, 4, 5, 6), "K": (3, 2, 2, 3, 1)},
    ),
    "transposed convolution": Row(
        """
        X: real[n, c, h]
        K: real[c, o, p]
        size[y] = 3 * (size[h] - 1) - 2 + 2 * (size[p] - 1) + 1 + 1
        Y[n, o, y] = b[o] + sum[c, h, (y + 1 - 3 * h) % 2 == 0, 0 <= (y + 1 - 3 * h) // 2,
                                (y + 1 - 3 * h) // 2 < size[p]](
            X[n, c, h] * K[c, o, (y + 1 - 3 * h) // 2])
        """,
        lambda X, K, b: F.conv_transpose1d(
            X, K, b, stride=3, padding=1, output_padding=1, dilation=2
        ),
        {"X": (2, 3, 4), "K": (3, 2, 3), "b": (2,)},
    ),
    "transposed convolution, as a sum of deltas": Row(
        """
        X: real[n, c, h]
        K: real[c, o, p]
        size[y] = 2 * (size[h] - 1) - 2 + size[p] + 1
        Y[n, o, y] = sum[c, h, p]((2 * h + p - 1 == y) * X[n, c, h] * K[c, o, p])
        """,
        lambda X, K: F.conv_transpose1d(X, K, stride=2, padding=1, output_padding=1),
        {"X": (2, 3, 4), "K": (3, 2, 3)},
    ),
    "transposed convolution in two dimensions, with groups": Row(
        """
        X: real[n, (g, c), h, w]
        K: real[(g, c), o, p, q]
        size[g] = 2
        size[y] = 2 * (size[h] - 1) + size[p]
        size[x] = size[w] + size[q] - 3
        Y[n, (g, o), y, x] = sum[c, h, w, 0 <= y - 2 * h, y - 2 * h < size[p], 0 <= x + 1 - w,
                                 x + 1 - w < size[q]](
            X[n, (g, c), h, w] * K[(g, c), o, y - 2 * h, x + 1 - w])
        """,
        lambda X, K: F.conv_transpose2d(X, K, stride=(2, 1), padding=(0, 1), groups=2),
        {"X": (2, 4, 3, 4), "K": (4, 2, 3, 2)},
    ),
    "unfold": Row(
        """
        X: real[n, c, y, x]
        size[p] = 2
        size[q] = 3
        size[h] = (size[y] + 2 - 2) // 2 + 1
        size[w] = (size[x] + 2 - 3) // 1 + 1
        Y[n, (c, p, q), (h, w)] = read(X[n, c, 2 * h + p - 1, w + q - 1], outside=0)
        """,
        lambda X: F.unfold(X, (2, 3), stride=(2, 1), padding=1),
        {"X": (2, 3, 5, 4)},
    ),
    "fold": Row(
        """
        X: real[n, c, p, q, h, w]
        size[p] = 2
        size[q] = 3
        size[y] = 2 * size[h]
        size[x] = size[w] + 2
        Y[n, c, y, x] = sum[h, w, 0 <= y - 2 * h, y - 2 * h < 2, 0 <= x - w, x - w < 3](
            X[n, c, y - 2 * h, x - w, h, w])
        """,
        lambda X: F.fold(
            X.flatten(4).flatten(1, 3), (2 * X.shape[4], X.shape[5] + 2), (2, 3), stride=(2, 1)
        ),
        {"X": (2, 2, 2, 3, 3, 4)},
    ),
    "average pool": Row(
        """
        X: real[n, c, y]
        size[p] = 3
        size[h] = (size[y] + 2 - 3) // 2 + 1
        Y[n, c, h] = mean[p](read(X[n, c, 2 * h + p - 1], outside=0))
        """,
        lambda X: F.avg_pool1d(X, 3, 2, 1),
        {"X": (2, 3, 7)},
    ),
    "average pool without the padding": Row(
        """
        X: real[n, c, y]
        size[p] = 3
        size[h] = (size[y] + 2 - 3) // 2 + 1
        Y[n, c, h] = sum[p, 0 <= 2 * h + p - 1, 2 * h + p - 1 < size[y]](X[n, c, 2 * h + p - 1]) / (
            sum[p, 0 <= 2 * h + p - 1, 2 * h + p - 1 < size[y]](1))
        """,
        lambda X: F.avg_pool1d(X, 3, 2, 1, count_include_pad=False),
        {"X": (2, 3, 7)},
    ),
    "adaptive average pool": Row(
        """
        X: real[n, c, y]
        size[h] = 3
        Y[n, c, h] = mean[y, h * size[y] // size[h] <= y,
                          y < ((h + 1) * size[y] + size[h] - 1) // size[h]](X[n, c, y])
        """,
        lambda X: F.adaptive_avg_pool1d(X, 3),
        {"X": (2, 3, 7)},
    ),
    "adaptive average pool in two dimensions": Row(
        """
        X: real[n, c, y, x]
        size[h] = 3
        size[w] = 2
        Y[n, c, h, w] = mean[y, x, h * size[y] // 3 <= y, y < ((h + 1) * size[y] + 2) // 3,
                             w * size[x] // 2 <= x, x < ((w + 1) * size[x] + 1) // 2](X[n, c, y, x])
        """,
        lambda X: F.adaptive_avg_pool2d(X, (3, 2)),
        {"X": (2, 3, 5, 7)},
    ),
    "max pool": Row(
        """
        X: real[n, c, y, x]
        size[p] = 3
        size[q] = 2
        size[h] = (size[y] + 2 - 2 * 2 - 1) // 2 + 1
        size[w] = (size[x] + 2 - 2 * 1 - 1) // 2 + 1
        Y[n, c, h, w] = max[p, q](
            read(X[n, c, 2 * h + 2 * p - 1, 2 * w + 2 * q - 1], outside=-inf), ties="first")
        """,
        lambda X: F.max_pool2d(X, (3, 2), 2, 1, 2),
        {"X": (2, 2, 7, 6)},
        tied=True,
    ),
    "power average pool": Row(
        """
        X: real[n, c, y]
        size[p] = 3
        size[h] = (size[y] - 3) // 2 + 1
        Y[n, c, h] = sum[p](X[n, c, 2 * h + p] ** 3) ** (1/3)
        """,
        lambda X: F.lp_pool1d(X, 3.0, 3, 2),
        {"X": (2, 3, 7)},
        positive=True,
    ),
    "local response norm": Row(
        """
        X: real[n, c, y]
        size[p] = 4
        Y[n, c, y] = X[n, c, y] / (
            1 + 0.5 / size[p] * sum[p](read(X[n, c + p - 2, y], outside=0) ** 2)) ** 0.75
        """,
        lambda X: F.local_response_norm(X, 4, alpha=0.5, beta=0.75, k=1.0),
        {"X": (2, 6, 3)},
    ),
}

PLACES = {
    "pixel shuffle": Row(
        """
        X: real[n, (c, r, s), h, w]
        size[r] = 2
        size[s] = 2
        Y[n, c, (h, r), (w, s)] = X[n, (c, r, s), h, w]
        """,
        lambda X: F.pixel_shuffle(X, 2),
        {"X": (2, 8, 3, 2)},
    ),
    "pixel unshuffle": Row(
        """
        X: real[n, c, (h, r), (w, s)]
        size[r] = 2
        size[s] = 2
        Y[n, (c, r, s), h, w] = X[n, c, (h, r), (w, s)]
        """,
        lambda X: F.pixel_unshuffle(X, 2),
        {"X": (2, 2, 6, 4)},
    ),
    "channel shuffle": Row(
        "X: real[n, (g, c), y]\nsize[g] = 3\nY[n, (c, g), y] = X[n, (g, c), y]",
        lambda X: F.channel_shuffle(X, 3),
        {"X": (2, 6, 3)},
    ),
    "roll": Row(
        "Y[n, i] = X[n, (i - 2) % size[i]] + 0 * X[n, i]",
        lambda X: torch.roll(X, 2, 1),
        {"X": (2, 5)},
    ),
    "roll of two": Row(
        "Y[n, i] = X[(n + 1) % size[n], (i - 2) % size[i]] + 0 * X[n, i]",
        lambda X: torch.roll(X, (-1, 2), (0, 1)),
        {"X": (3, 5)},
    ),
    "flip": Row(
        "X: real[n, i]\nY[n, i] = X[size[n] - 1 - n, size[i] - 1 - i]",
        lambda X: X.flip(0, 1),
        {"X": (3, 4)},
    ),
    "circular boundary": Row(
        """
        X: real[n, c, y]
        size[h] = size[y] + 3 - size[p]
        Y[n, o, h] = sum[c, p](X[n, c, (h + p - 1) % size[y]] * K[o, c, p])
        """,
        lambda X, K: F.conv1d(F.pad(X, (1, 1), "circular"), K),
        {"X": (2, 3, 5), "K": (2, 3, 3)},
    ),
    "replicate boundary": Row(
        """
        X: real[n, c, y]
        size[h] = size[y] + 3 - size[p]
        Y[n, o, h] = sum[c, p](X[n, c, clip(h + p - 1, 0, size[y] - 1)] * K[o, c, p])
        """,
        lambda X, K: F.conv1d(F.pad(X, (1, 1), "replicate"), K),
        {"X": (2, 3, 5), "K": (2, 3, 3)},
    ),
    "diagonal": Row("X: real[i, i]\nY[i] = X[i, i]", torch.diagonal, {"X": (4, 4)}),
    "diagonal above": Row(
        "X: real[i, j]\nsize[k] = size[j] - 1\nsize[i] = size[k]\nY[k] = X[k, k + 1]",
        lambda X: torch.diagonal(X, 1),
        {"X": (3, 4)},
    ),
    "diagonal matrix": Row(
        "size[j] = size[i]\nY[i, j] = where(i == j, X[i], 0)", torch.diag, {"X": (4,)}
    ),
    "trace": Row("Y = sum[i](X[i, i])", torch.trace, {"X": (4, 4)}),
    "lower triangle": Row(
        "Y[i, j] = where(j <= i + 1, X[i, j], 0)", lambda X: torch.tril(X, 1), {"X": (4, 3)}
    ),
    "upper triangle": Row("Y[i, j] = where(j >= i, X[i, j], 0)", torch.triu, {"X": (3, 4)}),
    "causal mask": Row(
        """
        S[n, q, k] = where(k <= q, sum[d](Q[n, q, d] * K[n, k, d]) / sqrt(size[d]), -inf)
        O[n, q, e] = sum[k](softmax[k](S[n, q, k]) * V[n, k, e])
        """,
        lambda Q, K, V: F.scaled_dot_product_attention(Q, K, V, is_causal=True),
        {"Q": (2, 4, 3), "K": (2, 4, 3), "V": (2, 4, 2)},
    ),
    "concatenation": Row(
        """
        A: real[n, a]
        B: real[n, b]
        size[m] = size[a] + size[b]
        Y[n, m] = where(m < size[a], A[n, m], B[n, m - size[a]])
        """,
        lambda A, B: torch.cat((A, B), 1),
        {"A": (2, 3), "B": (2, 4)},
    ),
    "concatenation of three": Row(
        """
        A: real[a, d]
        B: real[b, d]
        C: real[c, d]
        size[m] = size[a] + size[b] + size[c]
        Y[m, d] = where(m < size[a], A[m, d], where(m < size[a] + size[b], B[m - size[a], d],
                        C[m - size[a] - size[b], d]))
        """,
        lambda A, B, C: torch.cat((A, B, C)),
        {"A": (2, 3), "B": (1, 3), "C": (4, 3)},
    ),
    "stack": Row(
        "size[s] = 2\nY[n, s, d] = where(s == 0, A[n, d], B[n, d])",
        lambda A, B: torch.stack((A, B), 1),
        {"A": (2, 3), "B": (2, 3)},
    ),
    "slices": Row(
        """
        X: real[n, y]
        size[h] = (size[y] - 1 + 2) // 3
        Y[n, h] = X[n, 3 * h + 1] * 2
        """,
        lambda X: X[:, 1::3] * 2,
        {"X": (2, 8)},
    ),
    "repeat": Row(
        "size[m] = 3 * size[i]\nY[n, m] = X[n, m % size[i]]\nX: real[n, i]",
        lambda X: X.repeat(1, 3),
        {"X": (2, 4)},
    ),
    "repeat, composite": Row(
        "size[r] = 3\nY[n, (r, i)] = X[n, i] + 0 * r", lambda X: X.repeat(1, 3), {"X": (2, 4)}
    ),
    "repeat each": Row(
        "size[r] = 3\nY[n, (i, r)] = X[n, i] + 0 * r",
        lambda X: X.repeat_interleave(3, 1),
        {"X": (2, 4)},
    ),
    "nearest": Row(
        "X: real[n, y]\nsize[i] = 5\nY[n, i] = X[n, i * size[y] // 5]",
        lambda X: F.interpolate(X[:, None], 5)[:, 0],
        {"X": (2, 3)},
    ),
    "nearest in two dimensions": Row(
        "X: real[n, y, x]\nsize[i] = 3\nsize[j] = 7\n"
        "Y[n, i, j] = X[n, i * size[y] // 3, j * size[x] // 7]",
        lambda X: F.interpolate(X[:, None], (3, 7))[:, 0],
        {"X": (2, 5, 3)},
    ),
    "nearest in three dimensions": Row(
        "X: real[n, z, y, x]\nY[n, a, b, c] = X[n, a // 2, b // 2, c // 2]\n"
        "size[a] = 2 * size[z]\nsize[b] = 2 * size[y]\nsize[c] = 2 * size[x]",
        lambda X: F.interpolate(X[:, None], scale_factor=2)[:, 0],
        {"X": (2, 2, 3, 2)},
    ),
}

REDUCTIONS = {
    "maximum, ties shared": Row(
        "Y[n] = max[k](X[n, k])", lambda X: X.amax(1), {"X": (5, 4)}, tied=True
    ),
    "minimum, ties shared": Row(
        "Y[n] = min[k](X[n, k])", lambda X: X.amin(1), {"X": (5, 4)}, tied=True
    ),
    "maximum of all": Row("Y = max[n, k](X[n, k])", torch.max, {"X": (5, 4)}, tied=True),
    "maximum, the first": Row(
        'Y[n] = max[k](X[n, k], ties="first")', lambda X: X.max(1)[0], {"X": (5, 4)}, tied=True
    ),
    "minimum, the first": Row(
        'Y[n] = min[k](X[n, k], ties="first")', lambda X: X.min(1)[0], {"X": (5, 4)}, tied=True
    ),
    "read at the place of the largest": Row(
        "W: real[k]\nA[n] = argmax[k](X[n, k])\nY[n] = X[n, A[n]] * W[A[n]]",
        lambda X, W: X.gather(1, X.argmax(1)[:, None])[:, 0] * W[X.argmax(1)],
        {"X": (5, 4), "W": (4,)},
    ),
    "product with zeros": Row(
        "Y[n] = prod[k](X[n, k])", lambda X: X.prod(1), {"X": (9, 3)}, tied=True
    ),
    "product of all": Row("Y = prod[n, k](X[n, k])", torch.prod, {"X": (3, 2)}),
    "logsumexp": Row(
        "Y[n] = logsumexp[k](X[n, k])", lambda X: torch.logsumexp(X, 1), {"X": (3, 4)}
    ),
    "norm 0": Row(
        "Y[n] = sum[k](X[n, k] != 0) + 0 * X[n, 0]",
        lambda X: torch.linalg.vector_norm(X, 0, 1) + 0 * X[:, 0],
        {"X": (5, 4)},
        tied=True,
    ),
    "norm 1": Row(
        "Y[n] = sum[k](abs(X[n, k]))",
        lambda X: torch.linalg.vector_norm(X, 1, 1),
        {"X": (5, 4)},
        tied=True,
    ),
    "norm 2": Row("Y[n] = norm[k](X[n, k])", lambda X: X.norm(dim=1), {"X": (5, 4)}),
    "norm 3": Row(
        "Y[n] = sum[k](abs(X[n, k]) ** 3) ** (1/3)",
        lambda X: torch.linalg.vector_norm(X, 3, 1),
        {"X": (5, 4)},
    ),
    "norm inf": Row(
        "Y[n] = max[k](abs(X[n, k]))",
        lambda X: torch.linalg.vector_norm(X, float("inf"), 1),
        {"X": (5, 4)},
    ),
    "variance": Row("Y[n] = var[k](X[n, k])", lambda X: X.var(1, correction=0), {"X": (3, 4)}),
    "variance with correction": Row(
        "Y[n] = var[k](X[n, k], correction=1)", lambda X: X.var(1), {"X": (3, 4)}
    ),
    "cumulative sum": Row("Y[n, k] = cumsum[k](X[n, k])", lambda X: X.cumsum(1), {"X": (3, 4)}),
    "cumulative product": Row(
        "size[k] = size[j]\nY[n, k] = prod[j, j <= k](X[n, j])",
        lambda X: X.cumprod(1),
        {"X": (9, 4)},
        tied=True,
    ),
    "cumulative maximum, ties shared": Row(
        "size[k] = size[j]\nY[n, k] = max[j, j <= k](X[n, j])",
        lambda X: torch.stack([X[:, : k + 1].amax(1) for k in range(X.shape[1])], 1),
        {"X": (9, 4)},
        tied=True,
    ),
    "cumulative maximum": Row(
        'size[k] = size[j]\nY[n, k] = max[j, j <= k](X[n, j], ties="first")',
        lambda X: X.cummax(1)[0],
        {"X": (5, 4)},
    ),
    "cumulative minimum": Row(
        "size[k] = size[j]\nY[n, k] = min[j, j <= k](X[n, j])",
        lambda X: X.cummin(1)[0],
        {"X": (5, 4)},
    ),
    "cumulative logsumexp": Row(
        "size[k] = size[j]\nY[n, k] = logsumexp[j, j <= k](X[n, j])",
        lambda X: torch.logcumsumexp(X, 1),
        {"X": (3, 4)},
    ),
    "softmax": Row("Y[n, k] = softmax[k](X[n, k])", lambda X: F.softmax(X, 1), {"X": (3, 4)}),
}

DATA = {
    "embedding with a padding row": Row(
        """
        T: index(v)[n]
        E: real[v, d]
        Y[n, d] = where(T[n] == 1, stop(E[T[n], d]), E[T[n], d])
        """,
        lambda E, T: F.embedding(T, E, padding_idx=1),
        {"E": (4, 3)},
        {"T": [0, 1, 3, 3, 1, 0]},
    ),
    "embedding bag, sum": Row(
        """
        T: index(v)[n, b]
        E: real[v, d]
        Y[n, d] = sum[b](E[T[n, b], d])
        """,
        lambda E, T: F.embedding_bag(T, E, mode="sum"),
        {"E": (4, 3)},
        {"T": [[0, 1, 1], [3, 3, 3]]},
    ),
    "embedding bag, weighted": Row(
        """
        T: index(v)[n, b]
        E: real[v, d]
        w: real[n, b]
        Y[n, d] = sum[b](w[n, b] * E[T[n, b], d])
        """,
        lambda E, w, T: F.embedding_bag(T, E, mode="sum", per_sample_weights=w),
        {"E": (4, 3), "w": (2, 3)},
        {"T": [[0, 1, 1], [3, 3, 3]]},
    ),
    "embedding bag, mean": Row(
        """
        T: index(v)[n, b]
        E: real[v, d]
        Y[n, d] = mean[b](E[T[n, b], d])
        """,
        lambda E, T: F.embedding_bag(T, E, mode="mean"),
        {"E": (4, 3)},
        {"T": [[0, 1, 1], [3, 3, 3]]},
    ),
    "embedding bag, mean without the padding": Row(
        """
        T: index(v)[n, b]
        E: real[v, d]
        Y[n, d] = sum[b](where(T[n, b] == 1, 0, E[T[n, b], d])) / sum[b](T[n, b] != 1)
        """,
        lambda E, T: F.embedding_bag(T, E, mode="mean", padding_idx=1),
        {"E": (4, 3)},
        {"T": [[0, 1, 1], [3, 3, 2]]},
    ),
    "embedding bag, maximum": Row(
        """
        T: index(v)[n, b]
        E: real[v, d]
        Y[n, d] = max[b](E[T[n, b], d], ties="first")
        """,
        lambda E, T: F.embedding_bag(T, E, mode="max"),
        {"E": (4, 3)},
        {"T": [[0, 1, 1], [3, 2, 3]]},
    ),
    "cross-entropy with index targets": Row(
        """
        T: index(c)[n]
        X: real[n, c]
        P[n, c] = log_softmax[c](X[n, c])
        Y = -mean[n](P[n, T[n]])
        """,
        F.cross_entropy,
        {"X": (5, 3)},
        {"T": [0, 2, 2, 1, 0]},
    ),
    "cross-entropy with weights and an ignored index": Row(
        """
        T: index(c)[n]
        w: real[c]
        X: real[n, c]
        P[n, c] = log_softmax[c](X[n, c])
        V[n] = where(T[n] == 2, 0, w[T[n]])
        Y = -sum[n](V[n] * P[n, T[n]]) / sum[n](V[n])
        """,
        lambda X, w, T: (
            -(
                (w[T] * (T != 2) * torch.log_softmax(X, 1).gather(1, T[:, None])[:, 0]).sum()
                / (w[T] * (T != 2)).sum()
            )
        ),
        {"X": (5, 3), "w": (3,)},
        {"T": [0, 2, 2, 1, 0]},
        positive=True,
    ),
    "take along": Row(
        "T: index(k)[n, m]\nX: real[n, k]\nY[n, m] = X[n, T[n, m]]",
        lambda X, T: X.take_along_dim(T, 1),
        {"X": (2, 3)},
        {"T": [[0, 0, 2, 1], [2, 2, 2, 0]]},
    ),
    "take along the first axis": Row(
        "T: index(k)[m, n]\nX: real[k, n]\nY[m, n] = X[T[m, n], n]",
        lambda X, T: X.take_along_dim(T, 0),
        {"X": (3, 2)},
        {"T": [[0, 0], [2, 1], [2, 2], [2, 0]]},
    ),
    "segment sum": Row(
        "T: index(s)[n]\nsize[s] = 3\nY[s, d] = sum[n, T[n] == s](X[n, d])",
        lambda X, T: torch.zeros(3, 2, dtype=X.dtype).index_add(0, T, X),
        {"X": (5, 2)},
        {"T": [0, 2, 2, 0, 0]},
    ),
    "segment mean": Row(
        "T: index(s)[n]\nsize[s] = 3\n"
        "Y[s, d] = sum[n]((T[n] == s) * X[n, d]) / (1 + sum[n](T[n] == s))",
        lambda X, T: (
            torch.zeros(3, 2, dtype=X.dtype).index_add(0, T, X)
            / (1 + torch.bincount(T, minlength=3))[:, None]
        ),
        {"X": (5, 2)},
        {"T": [0, 2, 2, 0, 0]},
    ),
    "scatter": Row(
        "T: index(k)[n, m]\nsize[k] = 5\nY[n, k] = sum[m]((T[n, m] == k) * X[n, m])",
        lambda X, T: torch.zeros(2, 5, dtype=X.dtype).scatter_add(1, T, X),
        {"X": (2, 3)},
        {"T": [[0, 4, 0], [2, 2, 2]]},
    ),
    "in two steps": Row(
        "T: index(k)[n]\nS: index(n)[m]\nX: real[k]\nY[m] = X[T[S[m]]]",
        lambda X, T, S: X[T[S]],
        {"X": (3,)},
        {"T": [2, 0, 0, 1], "S": [3, 3, 0, 1, 2]},
    ),
    "rows and columns": Row(
        "T: index(k)[n]\nS: index(l)[n]\nX: real[k, l]\nY[n] = X[T[n], S[n]]",
        lambda X, T, S: X[T, S],
        {"X": (3, 2)},
        {"T": [2, 0, 0, 1, 2], "S": [1, 1, 0, 1, 1]},
    ),
}

KINKS = {
    "relu": Row("Y[n] = relu(X[n])", torch.relu, {"X": (6,)}, tied=True),
    "absolute value": Row("Y[n] = abs(X[n])", torch.abs, {"X": (6,)}, tied=True),
    "larger of two": Row(
        "Y[n] = maximum(X[n], W[n])", torch.maximum, {"X": (9,), "W": (9,)}, tied=True
    ),
    "smaller of two": Row(
        "Y[n] = minimum(X[n], W[n])", torch.minimum, {"X": (9,), "W": (9,)}, tied=True
    ),
    "hard bounds": Row(
        "Y[n] = where(X[n] < 0, 0, where(X[n] > 1, 1, X[n]))",
        lambda X: X.clamp(0, 1),
        {"X": (9,)},
        tied=True,
    ),
    "rounded, straight through": Row(
        "Y[n] = W[n] * straight_through(floor(3 * X[n]), 3 * X[n])",
        lambda X, W: W * (3 * X + ((3 * X).floor() - 3 * X).detach()),
        {"X": (9,), "W": (9,)},
    ),
    "stopped": Row(
        "Y[n] = X[n] * stop(X[n]) + stop(W[n] ** 2)",
        lambda X, W: X * X.detach() + W.detach() ** 2 + 0 * W,
        {"X": (9,), "W": (9,)},
    ),
    "branch not taken": Row(
        "Y[n] = where(X[n] > 0, sqrt(X[n]) * log(X[n]), 0)",
        lambda X: torch.where(
            X > 0, torch.where(X > 0, X, 1).sqrt() * torch.where(X > 0, X, 1).log(), 0
        ),
        {"X": (9,)},
        tied=True,
    ),
    "branch not taken, in a sum": Row(
        "Y[n] = sum[k](where(X[n, k] > 0, log(X[n, k]) * W[k], 0))",
        lambda X, W: torch.where(X > 0, torch.where(X > 0, X, 1).log() * W, 0).sum(1),
        {"X": (5, 3), "W": (3,)},
        tied=True,
    ),
    "dropout": Row(
        "U: uniform[n]\nY[n] = where(U[n] < 0.5, 0, X[n] / (1 - 0.5))",
        lambda X, U: X * (U >= 0.5) / 0.5,
        {"X": (5,)},
        {"U": [0.1, 0.9, 0.5, 0.3, 0.7]},
    ),
    "Gumbel softmax": Row(
        "U: uniform[n, k]\nY[n, k] = softmax[k]((X[n, k] - log(-log(U[n, k]))) / 0.5)",
        lambda X, U: torch.softmax((X - torch.log(-torch.log(U))) / 0.5, 1),
        {"X": (2, 3)},
        {"U": [[0.1, 0.9, 0.5], [0.3, 0.7, 0.2]]},
    ),
    "Gumbel softmax, straight through": Row(
        """
        U: uniform[n, k]
        P[n, k] = softmax[k]((X[n, k] - log(-log(U[n, k]))) / 0.5)
        A[n] = argmax[k](P[n, k])
        Y[n, k] = W[n, k] * straight_through(A[n] == k, P[n, k])
        """,
        lambda X, W, U: W * hard(torch.softmax((X - torch.log(-torch.log(U))) / 0.5, 1)),
        {"X": (2, 3), "W": (2, 3)},
        {"U": [[0.1, 0.9, 0.5], [0.3, 0.7, 0.2]]},
    ),
    "Gaussian reparametrisation": Row(
        "E: normal[n]\nY[n] = m[n] + exp(s[n] / 2) * E[n]",
        lambda m, s, E: m + torch.exp(s / 2) * E,
        {"m": (4,), "s": (4,)},
        {"E": [0.1, -0.9, 0.5, 1.3]},
    ),
}


def hard(P: torch.Tensor) -> torch.Tensor:
    """Return the one-hot of the largest, with the derivative of P."""
    return F.one_hot(P.argmax(1), P.shape[1]) - P.detach() + P


ROWS = {**WINDOWS, **PLACES, **REDUCTIONS, **DATA, **KINKS}
