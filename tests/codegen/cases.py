"""Systems that together use every operation, and arrays to run them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import Size
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from symgrad.ir.equation import System, Tensor


@dataclass(frozen=True)
class Case:
    """A System as text; `smallest` is the smallest length at which it has a value."""

    text: str
    smallest: int = 0

    @property
    def system(self) -> System:
        return parse(self.text, name="case")


CONTRACT = {
    "matrix product": "Y[n, o] = sum[i](X[n, i] * W[o, i])",
    "both transposed": "Y[o, i] = sum[n](X[n, i] * G[n, o])",
    "matrix times vector": "Y[n] = sum[k](X[n, k] * w[k])",
    "vector times matrix": "Y[k] = sum[n](w[n] * X[n, k])",
    "dot": "Y = sum[n](a[n] * b[n])",
    "leading axes": "Y[b, n, o] = sum[i](X[b, n, i] * W[o, i])",
    "two summed axes": "Y[o, i] = sum[b, n](G[b, n, o] * X[b, n, i])",
    "scores": "Y[b, q, k] = sum[d](Q[b, q, d] * K[b, k, d])",
    "scores, transposed": "Y[b, k, q] = sum[d](Q[b, q, d] * K[b, k, d])",
    "mixing": "Y[b, q, d] = sum[k](P[b, q, k] * V[b, k, d])",
    "batched vector": "Y[b, q] = sum[k](P[b, q, k] * v[b, k])",
    "batch in the middle": "Y[q, b, k] = sum[d](Q[q, b, d] * K[k, b, d])",
    "row dot": "Y[n] = sum[k](P[n, k] * G[n, k])",
    "row dot, transposed": "Y[n] = sum[k](P[n, k] * G[k, n])",
    "column dot": "Y[k] = sum[n](P[n, k] * G[n, k])",
    "middle dot": "Y[b, k] = sum[n](P[b, n, k] * G[b, n, k])",
    "rows of matrices": "Y[b] = sum[n, k](P[b, n, k] * G[b, n, k])",
    "all of two matrices": "Y = sum[n, k](P[n, k] * G[n, k])",
    "sum of squares": "Y[n] = sum[k](X[n, k]**2)",
    "three factors": "Y[i, l] = sum[j, k](A[i, j] * B[j, k] * C[k, l])",
    "bilinear form": "Y[n, o] = sum[i, j](A[n, i] * W[o, i, j] * B[n, j])",
    "quadratic form": "Y = sum[i, j](a[i] * A[i, j] * b[j])",
    "weighted squares": "Y[k] = sum[n](w[n] * X[n, k]**2)",
    "three of one shape": "Y[n] = sum[k](A[n, k] * B[n, k] * C[n, k])",
    "scaled columns": "Y[n, i] = sum[o](G[n, o] * s[o] * W[o, i])",
    "function inside": "Y[n, o] = sum[i](tanh(X[n, i]) * W[o, i])",
    "factor outside": "Y[n, o] = sum[i](c[o] * X[n, i] * W[o, i] * a[n])",
    "unused letter": "Y[n, o] = sum[i, j](X[n, i] * W[o, i] * w[j])",
    "einsum": "Y[b, h, w, o] = sum[i](X[b, h, i, w] * W[b, i, o])",
    "two kept and a batch": "Y[b, h, w, o] = sum[i](X[b, h, w, i] * W[b, o, i])",
    "product of sums": "Y[n] = sum[k](X[n, k]) * sum[k](W[n, k])",
    "sum in a sum": "Y = sum[n](a[n] * sum[k](X[n, k] * w[k]))",
}
MAP = {
    "outer product": "Y[i, j] = a[i] * b[j]",
    "transpose": "Y[d, n] = X[n, d]",
    "three axes turned": "Y[d, b, n] = X[b, n, d]",
    "copy": "Y[n] = X[n]",
    "repeat rows": "Y[n, d] = b[d] + 0 * X[n, d]",
    "repeat along the end": "Y[n, d] = a[n] + 0 * X[n, d]",
    "axes inserted": "Y[i, j, k] = A[i, k] * B[j, k] + c[i] * d[j] - e[k]",
    "powers": "Y[n] = X[n]**3 - X[n]**2 / 3 + 0.25 * X[n]",
    "power of a sum": "Y[n] = (X[n] + W[n])**3 + 1 / (1 + (X[n] + W[n])**2)",
    "roots": "Y[n] = sqrt(1 + X[n]**2) + 1 / sqrt(2 + X[n]**2) + (1 + X[n]**2)**(3/2)",
    "quotients": "Y[n, k] = X[n, k] / (1 + a[n]**2) / (2 + X[n, k]**2)",
    "signs": "Y[n] = -X[n] - W[n] * (-X[n] - 1)",
    "number first": "Y[n] = 1 - X[n]",
    "sizes": "Y[n, d] = X[n, d] * size[d] - size[n]",
    "root of a size": "Y[n, d] = X[n, d] * sqrt(size[d]) / 3",
    "mean": "Y[n] = mean[d](X[n, d])",
    "centred": "Y[n, d] = X[n, d] - mean[e](X[n, e])",
    "scalar": "eps: positive = 0.5\nY[n] = X[n] + eps * size[n]",
    "function of a scalar": "eps: positive = 0.5\nY[n] = X[n] * exp(eps) + sqrt(eps)",
    "comparison": "Y[n, k] = (X[n, k] > a[n]) * X[n, k] + (X[n, k] <= 0)",
    "comparison alone": "Y[n] = X[n] < 0",
    "ties": "Y[n] = (X[n] > W[n]) + (X[n] == W[n]) / 2",
    "where": "Y[n, k] = where(X[n, k] > 0, X[n, k], a[n] * X[n, k])",
    "where with numbers": "Y[n] = where(X[n] > 0, 1, 2) * X[n]",
    "logic": "Y[n] = where(X[n] > 0 and not W[n] > 0 or X[n] < -1, X[n], W[n])",
    "mask": "B: bool[n]\nY[n] = where(B[n], X[n], 0) + B[n]",
    "position": "Y[n, k] = X[n, k] * (k - n) + (k <= n)",
    "integers": "T: int[n]\nY[n] = X[n] * T[n] + T[n]",
    "branch not taken": "Y[n] = where(X[n] > 0, log(X[n]) + sqrt(X[n]), exp(1000 * X[n]))",
    "long line": "Y[first, second] = "
    + " + ".join(f"tanh({k} * Xs[first, second]) * Ws[first, second]" for k in range(1, 9)),
    "shared subterms": "Y[n] = tanh(X[n]) * (1 + tanh(X[n])**2)\nZ[n] = tanh(X[n]) + Y[n]",
    "named steps": "A[n] = X[n] * 2\nB[n] = A[n] + 1\nY[n] = A[n] * B[n]",
}
REDUCE = {
    "sum of one": "Y[n] = sum[k](X[n, k])",
    "sum of all": "Y = sum[n, k](X[n, k])",
    "sum of the first": "Y[k] = sum[n](X[n, k])",
    "sum of a sum": "Y[n] = sum[k](X[n, k] + W[k, n])",
    "sum of a function": "Y[n] = sum[k](exp(X[n, k]) / 2)",
    "sum of a comparison": "Y[n] = sum[k](X[n, k] > 0)",
    "sum of a constant": "Y[n] = X[n] + sum[k](W[k] * 0 + 2)",
    "restricted sum": "Y[i] = w[i] + sum[j, j <= i](X[j])",
    "product": "Y[n] = prod[k](X[n, k])",
    "product over two": "Y[n] = prod[k, j](X[n, k, j])",
    "all": "B: bool[n, k]\nY[n] = X[n] * all[k](B[n, k])",
    "any": "Y[n] = X[n] * any[k](W[n, k] > 0)",
    "logsumexp": "Y[n] = logsumexp[k](X[n, k])",
    "logsumexp of all": "Y = logsumexp[n, k](X[n, k])",
    "logsumexp of the first": "Y[k] = logsumexp[n](2 * X[n, k] + a[n])",
    "softmax": "Y[n, k] = exp(X[n, k] - logsumexp[j](X[n, j]))",
    "softmax, raw": "Y[n, k] = softmax[k](X[n, k])",
    "scaled softmax": "Y[n, k] = exp(2 * X[n, k] - logsumexp[j](2 * X[n, j]))",
    "softmax by columns": "Y[n, k] = exp(X[n, k] - logsumexp[m](X[m, k]))",
    "log-softmax": "Y[n, k] = X[n, k] - logsumexp[j](X[n, j])",
    "named logsumexp": "L[n] = logsumexp[k](X[n, k])\nY[n, k] = exp(X[n, k] - L[n]) * L[n]",
    "cross-entropy": "Y = -sum[n, k](Q[n, k] * (X[n, k] - logsumexp[j](X[n, j])))",
    "doubled": "Y[n, k] = 2 * X[n, k] - 2 * logsumexp[j](X[n, j]) + X[n, k]",
}
SMALLEST_1 = {
    "max": "Y[n] = max[k](X[n, k])",
    "min of all": "Y = min[n, k](X[n, k])",
    "max by columns": "Y[k] = max[n](X[n, k] * a[n])",
    "argmax": "I[n] = argmax[k](X[n, k])\nY[n] = X[n, I[n]]",
    "argmin": "I[k] = argmin[n](X[n, k])\nY[k] = X[I[k], k]",
}
GATHER = {
    "one of each row": "T: index(k)[n]\nY[n] = X[n, T[n]]",
    "rows": "T: index(v)[n]\nY[n, d] = E[T[n], d]",
    "rows, turned": "T: index(v)[n]\nY[d, n] = E[T[n], d]",
    "rows by two axes": "T: index(v)[n, m]\nY[n, m, d] = E[T[n, m], d]",
    "columns": "T: index(v)[n]\nY[d, n] = E[d, T[n]]",
    "first axis of three": "T: index(v)[n]\nY[n, d, e] = E[d, T[n], e]",
    "row and own column": "T: index(k)[n, d]\nY[n, d] = X[n, T[n, d], d]",
    "diagonal": "Y[i] = X[i, i]",
    "trace": "Y = sum[i](X[i, i])",
    "shifted": "T: index(k)[n]\nY[n] = X[n, T[n]] - logsumexp[k](X[n, k])",
    "of a probability": "T: index(k)[n]\nY[n] = exp(X[n, T[n]] - logsumexp[k](X[n, k]))",
    "twice": "T: index(k)[n]\nY[n] = X[n, T[n]] * W[T[n]]",
    "summed": "T: index(k)[n]\nY = mean[n](X[n, T[n]])",
    "one-hot": "T: index(k)[n]\nY[n, k] = X[n, k] - (T[n] == k)",
    "one-hot alone": "T: index(k)[n]\nY[n, k] = (T[n] == k) * X[n, k]",
    "solved": "T: index(k)[n]\nY[n] = sum[k](X[n, k] * (T[n] == k))",
    "delta of indices": "Y[i] = sum[j](X[i, j] * (i == j))",
}
SCATTER = {
    "rows": "T: index(v)[n]\nw: real[v]\nY[v, d] = w[v] + sum[n]((T[n] == v) * G[n, d])",
    "rows, turned": "T: index(v)[n]\nw: real[v]\nY[d, v] = w[v] * sum[n](G[n, d] * (v == T[n]))",
    "counts": "T: index(v)[n]\nY[v] = w[v] * sum[n](T[n] == v)",
    "by two axes": "T: index(v)[n, m]\nY[v] = w[v] + sum[n, m]((T[n, m] == v) * G[n, m])",
    "in each row": "T: index(v)[n, m]\nY[n, v] = w[v] + sum[m]((T[n, m] == v) * G[m, n])",
    "of a product": "T: index(v)[n]\nY[v, i] = w[v] + sum[n, o]((T[n] == v) * G[n, o] * W[o, i])",
    "also a factor": "T: index(v)[n]\nY[v] = w[v] + sum[n]((T[n] == v) * G[n, v])",
    "one bound of two": "T: index(v)[n]\nY[v] = w[v] + sum[n, k]((T[n] == v) * G[n, k])",
}
STACK = {
    "two": "size[q] = 2\nY[n, q] = (q == 0) * A[n] + (q == 1) * B[n]",
    "in front": "size[q] = 2\nY[q, n] = (q == 1) * A[n] - (0 == q) * B[n]",
    "with holes": "size[q] = 4\nY[n, q] = (q == 0) * A[n] + (q == 2) * B[n]",
    "beyond the end": "size[q] = 2\nY[n, q] = (q == 0) * A[n] + (q == 1) * B[n] + (q == 5) * A[n]",
    "one of two": "size[q] = 1\nY[n, q] = (q == 0) * A[n] + (q == 1) * B[n]",
    "of other axes": "size[q] = 2\nY[n, q, k] = (q == 0) * w[k] + (q == 1) * A[n] * X[k, n]",
    "of numbers": "size[q] = 3\nY[q, n] = 2 * (q == 0) + (q == 1) * A[n] + 7 * (q == 2)",
    "of integers": "size[q] = 2\nT: int[n]\nY[n, q] = (q == 0) * T[n] + (q == 1) * A[n]",
    "read where it stands": "size[q] = 2\nY[n, q] = (q == 0) * W[q, n] + 3 * (q == 1) * W[q, n]",
    "several terms": "size[q] = 2\nY[n, q] = (q == 0) * A[n] + (q == 1) * B[n] - (q == 0) * B[n]",
    "summed": "size[q] = 2\nY[n] = sum[q](W[q, n] * ((q == 0) * A[n] + (q == 1) * B[n]))",
}
#: Sums of pieces that are no stack: too few of them, or an axis of unknown length.
MAP |= {
    "few pieces": "size[q] = 5\nY[n, q] = (q == 0) * A[n] + (q == 1) * B[n]",
    "pieces of an open axis": "Y[n, q] = w[q] + (q == 0) * A[n] + (q == 1) * B[n]",
    "pieces alone of an open axis": "Y[n, q] = (q == 0) * A[n] * w[q] + (q == 1) * B[n] * w[q]",
    "pieces along two axes": "size[q] = 2\nY[n, q] = (q == 0) * A[n] + (n == 1) * B[n]",
}
#: Every scalar function on arguments in its domain, and bounds that are numbers.
MAP |= {
    f"function {f}": f"Y[n] = {f}(1 + X[n]**2)" for f, row in FUNCTIONS.items() if row.arity == 1
}
MAP |= {
    f"function {f}": f"Y[n, k] = {f}(1 + X[n, k]**2, w[n])"
    for f, row in FUNCTIONS.items()
    if row.arity == 2
}
MAP |= {
    "negative arguments": "Y[n] = abs(X[n]) + sign(X[n]) + relu(X[n]) + sigmoid(X[n]) + erf(X[n])",
    "bounds": "Y[n] = maximum(X[n], 0.5) + minimum(1, X[n]) + maximum(X[n], W[n])",
    "bounded positions": "Y[n, k] = X[n, k] * maximum(n, k)",
    "constants": "Y[n] = X[n] * pi + where(X[n] < inf, X[n]**(1/3 + 2/3), 0)",
    "two roots": "Y[n] = (1 + X[n]**2)**(1/3) + (1 + X[n]**2)**(3/4) - X[n]**9",
    "whole numbers": "T: int[n]\nY[n] = X[n] * (2 * T[n] + 1) - where(T[n] > 0, T[n], 2)",
    "scalars alone": "a: positive = 2\nY = log(a) * b - a**2 + b**2",
    "condition that is a number": "T: int[n]\nY[n] = where(T[n], X[n], 1) + where(c > 0, X[n], c)",
}
TABLES = {
    "contract": CONTRACT,
    "map": MAP,
    "reduce": REDUCE,
    "gather": GATHER,
    "scatter": SCATTER,
    "stack": STACK,
}
CASES = {
    f"{table}: {name}": Case(text) for table, rows in TABLES.items() for name, text in rows.items()
}
CASES |= {f"reduce: {name}": Case(text, 1) for name, text in SMALLEST_1.items()}


def arrays_for(
    system: System, sizes: Mapping[str, int], seed: int, *, scale: float = 1.0
) -> dict[str, Any]:
    """Return random arrays for the inputs of a System; numbers take their default."""
    rng = np.random.default_rng(seed)
    return {t.name: _array(t, sizes, rng, scale) for t in system.inputs if t.default is None}


def _array(tensor: Tensor, sizes: Mapping[str, int], rng: np.random.Generator, scale: float) -> Any:
    shape = tuple(sizes[s.axis] for s in tensor.shape if isinstance(s, Size))
    if tensor.kind == "index":
        return rng.integers(0, max(sizes[str(tensor.limit)], 1), shape)
    if tensor.kind == "int":
        return rng.integers(-3, 4, shape)
    if tensor.kind == "bool":
        return rng.random(shape) < 0.5
    return rng.normal(0, scale, shape)
