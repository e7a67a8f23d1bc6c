"""Reads and sums at positions: code on both targets does what the interpreter does."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from symgrad.codegen.generate import build_function
from symgrad.interpreter import evaluate
from symgrad.ir.build import compare
from symgrad.ir.terms import Reduce
from symgrad.ir.text import parse
from symgrad.ir.visit import close_reduce, open_reduce
from tests.codegen.running import (
    TARGETS,
    agree,
    arrays_of,
    code_of,
    lengths_of,
    run,
    system_of,
)
from tests.ir.texts import TEXTS, every_choice

if TYPE_CHECKING:
    from symgrad.ir.equation import System

F = torch.nn.functional

READS = {
    "next": "X: real[j]\nsize[i] = size[j] - 1\nY[i] = X[i + 1] - X[i + 2 - 1]",
    "checked": "X: real[j]\nw: real[i]\nY[i] = X[i + 1] + w[i]",
    "backwards": "Y[i] = X[size[i] - 1 - i]\nX: real[i]",
    "part of it backwards": "X: real[j]\nY[i] = read(X[3 - i], outside=0) + w[i]",
    "every other": "X: real[j]\nsize[i] = size[j] // 2\nY[i] = X[2 * i + 1] - X[2 * i]",
    "every third backwards": "X: real[j]\nw: real[i]\nY[i] = w[i] * read(X[7 - 3 * i], outside=2)",
    "one row": "X: real[n, i]\nsize[n] = 3\nY[i] = X[0, i] + X[2, i] * X[size[n] - 2, i]",
    "last row": "X: real[n, i]\nw: real[m]\nsize[n] = size[m] + 1\n"
    "Y[i] = X[size[n] - 1, i] * sum[m](w[m])",
    "row before the first": "X: real[n, i]\nY[i] = X[size[n] - 2, i]",
    "row out of range": "X: real[n, i]\nY[i] = read(X[2, i], outside=-1)",
    "diagonal of three": "X: real[i, i, i]\nY[i] = X[i, i, i]",
    "diagonal and more": "Y[n, i] = X[i, n, i] + sum[j](X[j, n, j])",
    "beside the diagonal": "X: real[i, j]\nY[i] = read(X[i, i + 1], outside=0)\nsize[i] = size[j]",
    "windows": "X: real[n, y]\nK: real[p]\nY[n, h, p] = read(X[n, 2 * h + p - 1], outside=0) * K[p]"
    "\nsize[h] = (size[y] + 2 - size[p]) // 2 + 1",
    "windows backwards": "X: real[y]\nK: real[h, p]\n"
    "Y[h, p] = read(X[h - 2 * p + 1], outside=0.5) * K[h, p]",
    "three letters": "X: real[y]\nK: real[a, b, c]\n"
    "Y[a, b, c] = read(X[a - b + 2 * c], outside=0) * K[a, b, c]",
    "windows of truth": "B: bool[y]\nw: real[h, p]\n"
    "Y[h, p] = where(read(B[h + p - 1], outside=0), w[h, p], 0)",
    "windows of integers": "T: int[y]\nw: real[h, p]\n"
    "Y[h, p] = read(T[h + p - 1], outside=7) * w[h, p]",
    "largest of a window": "X: real[y]\nsize[p] = 2\nsize[h] = (size[y] + 2 - 2) // 2 + 1\n"
    "Y[h] = max[p](read(X[2 * h + p - 1], outside=-inf))",
    "a term outside": "X: real[j]\nY[i] = read(X[i - 1], outside=w[i] * 2)",
    "wider than the array": "X: real[y]\nsize[p] = 3\nsize[h] = size[y] - size[p] + 1\n"
    "Y[h] = sum[p](X[h + p])",
    "named and read again": "A[n] = X[n] ** 2\nY[i] = read(A[i - 1], outside=0) + w[i]",
    "sizes as steps": "X: real[m]\nw: real[g, c]\nsize[m] = size[g] * size[c]\n"
    "Y[g, c] = X[size[c] * g + c] * w[g, c]",
}
COMPOSITE = {
    "split": "X: real[n, (g, c)]\nsize[g] = 2\nY[n, g, c] = X[n, (g, c)]",
    "joined alone": "Y[n, (g, c)] = X[n, g, c]",
    "joined": "Y[n, (g, c)] = X[n, g, c] * 2",
    "joined and read": "A[n, (g, c)] = X[n, g, c]\nY[n, c, g] = A[n, (g, c)] + X[n, g, c]",
    "joined and read whole": "A[(g, c)] = X[g, c] * 1\nY[m] = A[m] + w[m]",
    "two shapes": "X: real[(g, c)]\nK: real[(g, o), c]\nY[g, o] = sum[c](X[(g, c)] * K[(g, o), c])",
    "halves": "size[h] = 2\nX: real[n, (h, d)]\nY[n, d] = X[n, (0, d)] * sigmoid(X[n, (1, d)])",
    "split apart": "X: real[n, g, c]\nsize[m] = size[g] * size[c]\n"
    "Y[n, m] = X[n, m // size[c], m % size[c]]",
    "split and shifted": "X: real[(g, c)]\nsize[c] = 2\n"
    "Y[g, c] = read(X[size[c] * (g + 1) + c], outside=0) * w[g, c]",
}
FOLDS = {
    "stride": "K: real[o, c, p]\nw: real[y]\nX_bar[n, c, y] = sum[o, h, 0 <= y+1-2*h, "
    "y+1-2*h < size[p]](Y_bar[n, o, h] * K[o, c, y+1-2*h])\nreturn X_bar",
    "stride and dilation": "K: real[o, c, p]\nw: real[y]\nX_bar[n, c, y] = sum[o, h, "
    "(y+1-2*h) % 3 == 0, 0 <= (y+1-2*h) // 3, (y+1-2*h) // 3 < size[p]]"
    "(Y_bar[n, o, h] * K[o, c, (y+1-2*h) // 3])\nreturn X_bar",
    "equal stride and dilation": "K: real[p]\nw: real[y]\nX_bar[y] = sum[h, "
    "(y+1-3*h) % 3 == 0, 0 <= (y+1-3*h) // 3, (y+1-3*h) // 3 < size[p]]"
    "(Y_bar[h] * K[(y+1-3*h) // 3])\nreturn X_bar",
    "two axes": "K: real[o, p, q]\nu: real[y, x]\nX_bar[n, y, x] = sum[o, h, w, 0 <= y+1-2*h, "
    "y+1-2*h < size[p], 0 <= x-2*w, x-2*w < size[q]]"
    "(Y_bar[n, o, h, w] * K[o, y+1-2*h, x-2*w])\nreturn X_bar",
    "backwards": "K: real[p]\nw: real[y]\nX_bar[y] = sum[h, 0 <= 2*h-y, 2*h-y < size[p]]"
    "(Y_bar[h] * K[2*h-y])\nreturn X_bar",
    "largest of a window": "A: int[n, h]\nw: real[y]\nsize[p] = 3\nX_bar[n, y] = sum[h, "
    "0 <= y+1-2*h, y+1-2*h < size[p]](Y_bar[n, h] * (A[n, h] == y+1-2*h))\nreturn X_bar",
    "largest of a square": "A: int[h, w]\nu: real[y, x]\nsize[p] = 2\nsize[q] = 3\n"
    "X_bar[y, x] = sum[h, w, 0 <= y-2*h, y-2*h < size[p], 0 <= x-w, x-w < size[q]]"
    "(Y_bar[h, w] * (A[h, w] == (y-2*h) * size[q] + x-w))\nreturn X_bar",
    "three axes": "K: real[p, q, r]\nu: real[y, x, z]\nX_bar[y, x, z] = u[y, x, z] * sum[h, w, d, "
    "0 <= y+1-2*h, y+1-2*h < size[p], 0 <= x-w, x-w < size[q], "
    "0 <= z-2*d, z-2*d < size[r]](Y_bar[h, w, d] * K[y+1-2*h, x-w, z-2*d])\nreturn X_bar",
    "shared among ties": "X: real[y]\nsize[p] = 2\nX_bar[y] = sum[h, 0 <= y+1-2*h, "
    "y+1-2*h < size[p]](Y_bar[h] * (X[y] == M[h]) / N[h])\nreturn X_bar",
    "groups": "K: real[(g, o), c, p]\nw: real[y]\nsize[g] = 2\nX_bar[n, (g, c), y] = "
    "sum[o, h, 0 <= y+1-2*h, y+1-2*h < size[p]](Y_bar[n, (g, o), h] * K[(g, o), c, y+1-2*h])\n"
    "return X_bar",
    "transposed convolution": "X: real[n, c, h]\nK: real[c, o, p]\n"
    "size[y] = 2 * size[h] + size[p] - 4\nY[n, o, y] = b[o] + sum[c, h, 0 <= y+1-2*h, "
    "y+1-2*h < size[p]](X[n, c, h] * K[c, o, y+1-2*h])",
    "with more conditions": "K: real[p]\nw: real[y]\nX_bar[y] = sum[h, 0 <= y-2*h, "
    "y-2*h < size[p], h < y](Y_bar[h] * K[y-2*h])\nreturn X_bar",
    "delta": "w: real[m]\nX_bar[m] = sum[h, p]((2*h+p-1 == m) * Y_bar[h, p])\nreturn X_bar",
    "a rest that no guard forbids": "K: real[p]\nw: real[y]\nX_bar[y] = w[y] + sum[h, "
    "0 <= (y-h) // 2, (y-h) // 2 < size[p]](Y_bar[h] * K[(y-h) // 2])\nreturn X_bar",
    "delta of one": "Y[i] = sum[j]((2 * j == i) * X[j]) + 0 * w[i]",
    "window of the other": "K: real[o, c, p]\nX: real[n, c, y]\nY_bar: real[n, o, h]\n"
    "size[h] = size[y] + 3 - size[p]\n"
    "X_bar[n, c, y] = sum[o, p, 0 <= y+1-p, y+1-p < size[h]]"
    "(Y_bar[n, o, y+1-p] * K[o, c, p]) + 0 * X[n, c, y]\nreturn X_bar",
    "shift": "X: real[m]\nY_bar: real[j]\nsize[j] = size[m] - 1\n"
    "X_bar[m] = where(1 <= m, Y_bar[m-1], 0) + X[m]\nreturn X_bar",
}
RANGES = {
    "up to": "size[i] = size[j]\nY[n, i] = sum[j, j <= i](X[n, j])",
    "below": "size[i] = size[j]\nY[i] = sum[j, j < i](X[j]) + prod[j, j < i](X[j])",
    "from": "size[i] = size[j]\nY[i] = sum[j, i <= j](X[j]) * prod[j, j >= i](X[j])",
    "above": "size[i] = size[j]\nY[i] = sum[j, j > i](X[j]) + logsumexp[j, i < j](X[j])",
    "largest up to": "size[i] = size[j]\nY[i] = max[j, j <= i](X[j]) - min[j, j >= i](X[j])",
    "largest below": "size[i] = size[j]\nY[i] = max[j, j < i](X[j])",
    "logsumexp up to": "size[i] = size[j]\nY[n, i] = logsumexp[j, j <= i](X[n, j])",
    "any up to": "size[i] = size[j]\nB: bool[j]\nY[i] = X[i] * (any[j, j <= i](B[j]) and "
    "all[j, j >= i](B[j]))",
    "any and all of a range": "Y[i] = w[i] * any[j, j <= i + 1](X[j] > 0) "
    "+ all[j, j < i](X[j] > 0)",
    "sum of two up to": "size[i] = size[j]\nY[i] = sum[j, k, j <= i](X[j, k])",
    "a factor outside": "size[i] = size[j]\nY[i] = sum[j, j <= i](X[j] * w[i])",
    "a function of both": "size[i] = size[j]\nY[i] = sum[j, j <= i](tanh(X[j] * w[i]))",
    "a value outside beyond": "X: real[m]\n"
    "Y[i] = w[i] * sum[j, j <= i](read(X[i - j], outside=2) * K[j])",
    "other lengths": "Y[i] = sum[j, j <= i](X[j]) + w[i]",
    "triangle of a product": "Y[i, d] = sum[j, j <= i](A[i, j] * X[j, d])",
    "band": "Y[i] = w[i] * sum[j, j <= i, i < j + 3](X[j])",
    "largest of a band": "size[i] = size[j]\nY[i] = max[j, j <= i, i < j + 3](X[j])",
    "place of the smallest": "size[i] = size[j]\nY[i] = X[i] * argmin[j, j <= i](2 * X[j])",
    "largest of integers": "size[i] = size[j]\nT: int[j]\nY[i] = X[i] * max[j, j <= i](T[j])",
    "product of a range": "Y[i] = w[i] * prod[j, j <= i + 1](X[j])",
    "logsumexp of a range": "Y[i] = 1 / (1 + exp(-logsumexp[j, j <= i + 1](X[j] * w[i])))",
    "one index": "Y[i] = sum[j, j == i](X[j]) + w[i]",
    "but one": "Y[i] = w[i] * sum[j, j != i](X[j])",
    "either": "Y[i] = w[i] * sum[j, j < i or j > i + 1](X[j])",
    "a read in range": "Y[i] = w[i] * sum[j, j <= i](X[i - j] * K[j])\nX: real[m]\n"
    "size[m] = size[i]",
}
POSITIONS = {
    "circular": TEXTS["circular"],
    "replicate": TEXTS["replicate"],
    "replicate, back": "w: real[m]\nX_bar[m] = sum[h, p]((clip(h+p-1, 0, size[m]-1) == m) * "
    "Y_bar[h, p])\nreturn X_bar",
    "circular, back": "w: real[m]\nX_bar[m] = sum[i](((i + 1) % size[m] == m) * Y_bar[i])\n"
    "return X_bar",
    "take along": "T: index(k)[n, m]\nX: real[n, k]\nY[n, m] = X[n, T[n, m]]",
    "take along, back": "T: index(k)[n, m]\nw: real[k]\n"
    "X_bar[n, k] = sum[m]((T[n, m] == k) * Y_bar[n, m])\nreturn X_bar",
    "any integer": "T: int[n]\nX: real[k]\nY[n] = X[T[n] + 1]",
    "any integer or outside": "T: int[n]\nX: real[k, d]\n"
    "Y[n, d] = read(X[T[n] + 1, d], outside=-1)",
    "shifted by data": "T: index(k)[n]\nX: real[y]\nw: real[k]\n"
    "Y[n, i] = w[T[n]] * read(X[T[n] + i - 1], outside=0) * v[i]",
    "two at once": "T: index(m)[n]\nS: index(k)[n]\nw: real[m, k]\n"
    "X_bar[m, k] = sum[n]((T[n] == m) * (S[n] == k) * G[n])\nreturn X_bar",
    "segments": "T: index(s)[n]\nw: real[s]\nY[s, d] = sum[n]((T[n] == s) * X[n, d]) * w[s]",
    "any integer, back": "T: int[n]\nw: real[m]\n"
    "X_bar[m, d] = sum[n]((T[n] + 1 == m) * Y_bar[n, d])\nreturn X_bar",
    "embedding bag": "T: index(v)[n, b]\nY[n, d] = sum[b](E[T[n, b], d]) / size[b]",
    "nearest": "X: real[y]\nsize[i] = 2 * size[y]\nY[i] = X[i // 2] + 0 * X[(i + 1) // 2 - i % 2]",
    "repeat": "X: real[y]\nY[i] = w[i] * read(X[i // 2], outside=0)",
    "delta of indices": "Y[i] = sum[j]((i + 1 == j) * X[j]) + 0 * w[i]",
    "delta of a sum": "Y[i] = sum[j]((i + 1 == j) * (X[j] + 2)) + 0 * w[i]",
    "delta of a quotient": "Y[i] = sum[j]((i // 2 == j) * X[j] * v[j]) + 0 * w[i]",
    "delta of free letters": "size[i] = size[j]\nY[i, j] = (i == j) * a[i] * b[j]",
}
BRANCHES = {
    "logarithm of nothing": "X: real[r]\nsize[t] = size[r] + 1\n"
    "Y[t] = where(t > 0, log(X[t-1]**2), 7)",
    "asked first": "X: real[r]\nsize[t] = size[r] + 1\n"
    "Y[t] = where(t > 0 and X[t-1] > 0, 1 / X[t-1], 7)",
    "both out of range": "A: real[a]\nB: real[b]\nsize[m] = size[a] + size[b]\n"
    "Y[m] = where(m < size[a], A[m + 1 - 1 + 0 * size[b]], B[m - size[a]])",
    "sum in a branch": "X: real[r, j]\nsize[t] = size[r] + 1\n"
    "Y[t] = where(t > 0, sum[j](X[t-1, j]), 1)",
    "data in a branch": "T: int[n]\nX: real[k]\nY[n] = where(0 <= T[n] < size[k], X[T[n]], 5)",
}
TABLES = {
    "read": READS,
    "composite": COMPOSITE,
    "fold": FOLDS,
    "range": RANGES,
    "position": POSITIONS,
    "branch": BRANCHES,
}
CASES = {f"{t}: {name}": text for t, rows in TABLES.items() for name, text in rows.items()}


@pytest.mark.parametrize("name", CASES)
def test_code_does_what_the_interpreter_does(name: str) -> None:
    assert agree(CASES[name]) > 1


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name: str) -> None:
    system = system_of(CASES[name])
    rng = np.random.default_rng(5)
    sizes = next((s for s in lengths_of(system, 4, 200) if _fits(s)), None)
    arrays = None if sizes is None else arrays_of(system, sizes, rng)
    if sizes is None or arrays is None:
        pytest.fail("no lengths fit the text")
    single = {k: a.astype("f4") if a.dtype.kind == "f" else a for k, a in arrays.items()}
    for target in TARGETS:
        try:
            found = run(code_of(CASES[name], target), target, single, sizes)
        except (IndexError, ValueError):
            assert name in READING_TOO_FAR
        else:
            assert {a.dtype for a in found.values()} == {np.dtype("float32")}, target


def _fits(sizes: dict[str, int]) -> bool:
    return min(sizes.values()) > 0


#: Texts whose reads leave the array at some lengths, and a maximum of nothing.
READING_TOO_FAR = {"read: checked", "position: any integer", "range: largest below"}
#: What a real power, a maximum or a division needs is above 0.
SMALLEST = {
    "powers": 1,
    "arg": 1,
    "arg_of_two": 1,
    "batch_norm": 2,
    "softmax": 1,
    "two_conditions": 1,
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_texts_of_the_language(name: str) -> None:
    for choice in every_choice(TEXTS[name]):
        smallest = SMALLEST.get(name, 0)
        low = 0.1 if name == "powers" else -1.0
        assert agree(TEXTS[name], options=choice, most=10, smallest=smallest, low=low)


FORWARD = """
X: real[n, c, y]
K: real[o, c, p]
size[h] = (size[y] + {twice} - {dilation} * (size[p] - 1) - 1) // {stride} + 1
Y[n, o, h] = sum[c, p](
    read(X[n, c, {stride} * h + {dilation} * p - {pad}], outside=0) * K[o, c, p])
"""
KERNEL = """
X: real[n, c, y]
size[h] = (size[y] + {twice} - {dilation} * (size[p] - 1) - 1) // {stride} + 1
K_bar[o, c, p] = sum[n, h](
    Y_bar[n, o, h] * read(X[n, c, {stride} * h + {dilation} * p - {pad}], outside=0))
"""
SOLVED_H = """
K: real[o, c, p]
Y_bar: real[n, o, h]
w: real[y]
size[h] = size[y] + {twice} - {dilation} * (size[p] - 1)
X_bar[n, c, y] = sum[o, p, 0 <= y + {pad} - {dilation} * p, y + {pad} - {dilation} * p < size[h]](
    Y_bar[n, o, y + {pad} - {dilation} * p] * K[o, c, p])
return X_bar
"""
SOLVED_P = """
K: real[o, c, p]
w: real[y]
X_bar[n, c, y] = sum[o, h, (y + {pad} - {stride} * h) % {dilation} == 0,
                     0 <= (y + {pad} - {stride} * h) // {dilation},
                     (y + {pad} - {stride} * h) // {dilation} < size[p]](
    Y_bar[n, o, h] * K[o, c, (y + {pad} - {stride} * h) // {dilation}])
return X_bar
"""


GEOMETRIES = list(product((1, 2, 3, 4), (1, 2, 3, 4), (0, 1, 3)))


@pytest.mark.parametrize(("stride", "dilation", "pad"), GEOMETRIES)
def test_a_convolution_and_its_adjoints_are_those_of_torch(
    stride: int, dilation: int, pad: int
) -> None:
    rng = np.random.default_rng(stride + 4 * dilation + 16 * pad)
    given = {"stride": stride, "dilation": dilation, "pad": pad, "twice": 2 * pad}
    back = SOLVED_H if stride == 1 else SOLVED_P
    for y, p in product((1, 2, 5, 8), (1, 2, 4)):
        h = (y + 2 * pad - dilation * (p - 1) - 1) // stride + 1
        if h < 1:
            continue
        X, K, Y_bar = (rng.normal(size=s) for s in ((2, 3, y), (2, 3, p), (2, 2, h)))
        x, k = (torch.tensor(a, requires_grad=True) for a in (X, K))
        theirs = F.conv1d(x, k, stride=stride, dilation=dilation, padding=pad)
        x_bar, k_bar = torch.autograd.grad(theirs, (x, k), torch.tensor(Y_bar))
        arrays = {"X": X, "K": K, "Y_bar": Y_bar}
        wanted = {"Y": theirs.detach(), "X_bar": x_bar, "K_bar": k_bar}
        for text, target in product((FORWARD, back, KERNEL), TARGETS):
            code = code_of(text.format(**given), target)
            sizes = {"y": y, "p": p, "h": h}
            chosen = {n: arrays[n] for n in code.forward_arguments if n in arrays}
            for name, value in run(code, target, chosen, sizes).items():
                np.testing.assert_allclose(value, wanted[name], 1e-12, 1e-12)


def test_a_position_out_of_range_is_an_error_and_never_wraps() -> None:
    for text, arrays in (
        ("X: real[k]\nT: int[n]\nY[n] = X[T[n]]", {"X": np.ones(3), "T": np.array([-1])}),
        ("X: real[j]\nw: real[i]\nY[i] = X[i - 1] * w[i]", {"X": np.ones(3), "w": np.ones(2)}),
    ):
        for target in TARGETS:
            code = code_of(text, target)
            with pytest.raises(IndexError, match="position"):
                run(code, target, {n: arrays[n] for n in code.forward_arguments}, {})


@pytest.mark.parametrize("target", TARGETS)
def test_lengths_that_do_not_fit_are_refused_at_the_door(target: str) -> None:
    code = code_of(COMPOSITE["split"], target)
    make: Any = torch.ones if target == "torch" else np.ones
    with pytest.raises(ValueError, match="length 5 along axis 2\\*c, no multiple of 2"):
        code.forward(make((3, 5)))
    pool = code_of(READS["wider than the array"], target)
    with pytest.raises(ValueError, match="the length of axis h must be 0"):
        pool.forward(make(1))
    back = code_of(FOLDS["shift"], target)
    with pytest.raises(ValueError, match="the length of axis j must be 2, not 4"):
        back.forward(make(3), make(4))


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_not_read_never_leaks(target: str) -> None:
    """A branch that is not taken and a value outside are finite whatever stands beside them."""
    code = code_of(BRANCHES["logarithm of nothing"], target)
    X = np.array([1.0, 0.5])
    assert np.isfinite(run(code, target, {"X": X}, {})["Y"]).all()
    text = "X: real[j]\nsize[j] = size[m] - 1\nY[m] = where(1 <= m, X[m - 1] * w[m], 0)"
    w = np.array([np.inf, 1.0, 2.0])
    with np.errstate(invalid="ignore"):  # of 0 * inf, which is not taken
        found = run(code_of(text, target), target, {"X": X, "w": w}, {})["Y"]
    np.testing.assert_array_equal(found, [0, 1, 1])


@pytest.mark.parametrize("name", ["read: backwards", "composite: split", "composite: joined alone"])
@pytest.mark.parametrize("target", TARGETS)
def test_a_result_is_no_view_of_an_argument(name: str, target: str) -> None:
    system = system_of(CASES[name])
    sizes = {"i": 3, "j": 4, "n": 2, "g": 2, "c": 2}
    arrays = arrays_of(system, sizes, np.random.default_rng(0))
    assert arrays is not None
    made: Any = {k: torch.tensor(a) if target == "torch" else a for k, a in arrays.items()}
    result = code_of(CASES[name], target).forward(*made.values())
    before = np.asarray(result).copy()
    for array in made.values():
        array[...] = 7
    assert (np.asarray(result) == before).all()


@pytest.mark.parametrize("name", [n for n in CASES if n.startswith(("fold", "read: windows b"))])
def test_torch_differentiates_the_code_twice(name: str) -> None:
    """Autograd goes through windows and folds: `gradgradcheck` at one set of lengths."""
    system = system_of(CASES[name])
    sizes = dict.fromkeys("nochpqrdwxyabijzg", 2) | {"y": 5, "m": 5, "x": 4, "i": 4}
    sizes |= {"j": 4} if name == "fold: shift" else {}
    sizes |= {"h": 6} if name == "fold: window of the other" else {}
    arrays = arrays_of(system, sizes, np.random.default_rng(1))
    assert arrays is not None
    code = code_of(CASES[name], "torch")
    tensors = {k: torch.tensor(a) for k, a in arrays.items()}
    real = [k for k, t in tensors.items() if t.is_floating_point()]

    def call(*values: torch.Tensor) -> torch.Tensor:
        known = tensors | dict(zip(real, values, strict=True))
        names = code.forward_arguments
        result = code.forward(*(known[n] if n in known else sizes[n] for n in names))
        assert isinstance(result, torch.Tensor)
        return result

    inputs = tuple(tensors[k].requires_grad_() for k in real)
    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs)


@pytest.mark.parametrize("op", ["argmax", "argmin"])
@pytest.mark.parametrize("restricted", [False, True])
def test_the_place_of_the_best_counts_through_all_indices(op: str, *, restricted: bool) -> None:
    system = parse("Y[n] = max[p, q](X[n, p, q])", name="case")
    bound, body, _ = open_reduce(reduction(system))
    condition = compare("<=", bound[0], bound[1]) if restricted else None
    value = close_reduce(op, bound, body, condition)
    (equation,) = system.equations
    system = system.with_equations([replace(equation, value=value)])
    rng = np.random.default_rng(3)
    for n, p, q in product((0, 1, 3), (1, 2, 3), (1, 3)):
        X = rng.integers(0, 3, (n, p, q)).astype(float)  # with ties: the first one counts
        wanted = evaluate(system, {"X": X})["Y"]
        for target in TARGETS:
            found = run(build_function(system, target), target, {"X": X}, {})["Y"]
            np.testing.assert_array_equal(found, wanted)


def reduction(system: System) -> Reduce:
    value = system.equations[0].value
    assert isinstance(value, Reduce)
    return value
