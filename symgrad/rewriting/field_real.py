"""The real half of a point: ordinary floating point, for comparisons, integers and infinities.

In: terms. Out: float64 arrays over draws and labelled axes. Only decisions are taken from them
(which branch, which maximum, which element is read), never a value.
"""

from __future__ import annotations

from math import erf, pi
from typing import TYPE_CHECKING

import numpy as np

from symgrad.ir.terms import (
    Add,
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Named,
    Power,
    Reduce,
    Size,
    Where,
)  # fmt: skip
from symgrad.rewriting.field_array import Array, Labelled, align, scalar, select, spread
from symgrad.rewriting.field_point import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Values closer than this, relatively, are equal or undecided, never ordered.
CLOSE = 1e-9

FUNCTIONS: dict[str, Callable[..., Array]] = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "sigmoid": lambda x: (1 + np.tanh(x / 2)) / 2,
    "softplus": lambda x: np.logaddexp(x, 0),
    "erf": np.vectorize(erf, otypes=[float]),
    "abs": np.abs,
    "sign": np.sign,
    "relu": lambda x: np.maximum(x, 0),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "floor": np.floor,
    "floordiv": np.floor_divide,
    "mod": np.mod,
    "clip": np.clip,
    "pow": np.power,
    "stop": lambda x: x,
    "straight_through": lambda x, _: x,
}

_REDUCE: dict[str, Callable[..., Array]] = {
    "sum": np.sum,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "logsumexp": np.logaddexp.reduce,
    "any": np.max,
    "all": np.min,
}
_NEUTRAL = {
    "sum": 0.0,
    "prod": 1.0,
    "max": -np.inf,
    "min": np.inf,
    "argmax": -np.inf,
    "argmin": np.inf,
    "logsumexp": -np.inf,
    "any": 0.0,
    "all": 1.0,
}


def is_close(a: Array, b: Array) -> Array:
    """Return where two reals are equal up to rounding; infinities are equal to themselves."""
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= CLOSE * (1 + np.abs(a) + np.abs(b))
    return np.asarray(near & np.isfinite(a) & np.isfinite(b) | (a == b))


_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "<": lambda a, b: (a < b) & ~is_close(a, b),
    "<=": lambda a, b: (a < b) | is_close(a, b),
    "==": is_close,
    "!=": lambda a, b: ~is_close(a, b),
}


class RealEvaluator:
    """Evaluates terms in floating point.

    Args:
        sizes: Length of each axis.
        element: Returns the real values of an element.
    """

    def __init__(self, sizes: Mapping[str, int], element: Callable[[Element], Labelled]) -> None:
        self.sizes = sizes
        self.element = element
        self._memo: dict[Expr, Labelled] = {}

    def __call__(self, node: Expr) -> Labelled:
        """Return the values of a term over its own letters, the bound ones around it included."""
        found = self._memo.get(node)
        if found is None:
            with np.errstate(all="ignore"):
                found = self._memo[node] = self._evaluate(node)
        return found

    def integers(self, node: Expr) -> Labelled:
        """Return the values of an integer-valued term."""
        value = self(node)
        return Labelled(np.rint(np.nan_to_num(value.data)).astype(np.int64), value.axes, value.ok)

    def _evaluate(self, node: Expr) -> Labelled:  # noqa: C901 (one case per node type)
        match node:
            case Const():
                return scalar(float(node.value))
            case Named():
                return scalar(np.inf if node.name == "inf" else pi)
            case Size():
                return scalar(float(self.sizes[node.axis]))
            case Index():
                return Labelled(np.arange(self.sizes[node.axis], dtype=float)[None], (node,))
            case Element():
                return self.element(node)
            case Add():
                return self._map(lambda *a: sum(a[1:], a[0]), node.terms)
            case Mul():
                return self._map(_product, node.factors)
            case Power():
                return self._map(lambda a: np.power(a, float(node.exponent)), (node.base,))
            case Call():
                return self._map(FUNCTIONS[node.function], node.args)
            case Compare():
                return self._map(_COMPARE[node.op], node.children)
            case Logic():
                return self._map(_logic(node.op), node.args)
            case Where():
                return select(self(node.condition), self(node.then), self(node.otherwise))
            case Reduce():
                return self._reduce(node)
            case _:
                raise UndecidedError(f"no real value is known for a {type(node).__name__}")

    def _map(self, function: Callable[..., Array], terms: Sequence[Expr]) -> Labelled:
        axes, arrays, ok = align(*map(self, terms))
        return Labelled(np.asarray(function(*arrays), dtype=float), axes, ok)

    def _reduce(self, node: Reduce) -> Labelled:
        body = masked(node, self(node.body), self, _NEUTRAL[node.op])
        rest = tuple(a for a in body.axes if a not in node.bound)
        data, ok = bound_last(node, body, self.sizes)
        ok = None if ok is None else np.asarray(ok.all(axis=-1))
        if node.op in ("argmax", "argmin"):
            pick = np.argmax if node.op == "argmax" else np.argmin
            return Labelled(pick(data, axis=-1).astype(float), rest, ok)
        if not data.shape[-1] and node.op in ("max", "min"):
            return Labelled(np.full(data.shape[:-1], np.nan), rest, np.zeros(data.shape[:-1], bool))
        return Labelled(_REDUCE[node.op](data, axis=-1), rest, ok)


def masked(
    node: Reduce, body: Labelled, real: Callable[[Expr], Labelled], neutral: float
) -> Labelled:
    """Return the body of a reduction with its neutral element where the condition fails."""
    if node.condition is None:
        return body
    return select(real(node.condition), body, scalar(neutral))


def bound_last(
    node: Reduce, body: Labelled, sizes: Mapping[str, int]
) -> tuple[Array, Array | None]:
    """Return a body with the bound axes joined into a last one, whether it mentions them or not."""
    rest = tuple(a for a in body.axes if a not in node.bound)
    axes = (*rest, *node.bound)
    lengths = tuple(sizes[i.axis] for i in node.bound)

    def join(array: Array) -> Array:
        whole = spread(array, body.axes, axes)
        kept = whole.shape[: 1 + len(rest)]
        whole = np.broadcast_to(whole, (*kept, *lengths))
        return whole.reshape((*kept, int(np.prod(lengths, dtype=int))))

    return join(body.data), None if body.ok is None else join(body.ok)


def _product(*factors: Array) -> Array:
    result = factors[0]
    for factor in factors[1:]:
        result = result * factor
    return result


def _logic(op: str) -> Callable[..., Array]:
    if op == "not":
        return lambda a: a == 0
    combine = np.logical_and if op == "and" else np.logical_or
    return lambda *args: np.asarray(combine.reduce(np.broadcast_arrays(*args)))
