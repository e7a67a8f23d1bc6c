"""Exact directional derivatives: dual numbers on the equations of a primal System.

In: a Valuation and the inputs that move. Out: residues of tangents at each level of the tower. The
derivative rows of the functions are used as they are written; nothing is shared with
`symgrad.autodiff.adjoint` or `symgrad.autodiff.tangent`, whose results are judged by this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from symgrad.ir.terms import Add, Call, Const, Element, Expr, Mul, Power, Reduce, Where
from symgrad.rewriting.field_array import (
    Array,
    Labelled,
    add,
    both,
    fold,
    multiply,
    scalar,
    select,
    spread,
)
from symgrad.rewriting.field_real import bound_last
from symgrad.rewriting.field_terms import expanded, partials, whole_power
from symgrad.rewriting.field_tower import PRIMES, inverse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.rewriting.field import Valuation


class Tangents:
    """Pushes a random direction forward through a System.

    Args:
        primal: The Valuation of the System.
        wrt: The inputs that move, each in a random direction.
    """

    def __init__(self, primal: Valuation, wrt: Sequence[str]) -> None:
        self.primal, self.wrt = primal, frozenset(wrt)
        self._memo: dict[tuple[Expr, int], Labelled | None] = {}
        self._tensors: dict[tuple[str, int], Labelled | None] = {}

    def tensor(self, name: str, level: int) -> Labelled | None:
        """Return the tangent of a tensor, its axes unlabelled and in order; None if it is zero."""
        key = (name, level)
        if key not in self._tensors:
            self._tensors[key] = self._tensor(name, level)
        return self._tensors[key]

    def _tensor(self, name: str, level: int) -> Labelled | None:
        equation = self.primal.equations.get(name)
        if equation is None:
            return self.primal.point.tangent(name, level) if name in self.wrt else None
        tangent = self.tangent(equation.value, level)
        return None if tangent is None else self.primal.whole(tangent, equation)

    def tangent(self, node: Expr, level: int) -> Labelled | None:
        """Return the tangent of a term over its letters; None if it is zero."""
        key = (node, level)
        if key not in self._memo:
            self._memo[key] = self._tangent(node, level)
        return self._memo[key]

    def _tangent(self, node: Expr, level: int) -> Labelled | None:
        match node:
            case Element():
                tensor = self.tensor(node.tensor, level)
                return None if tensor is None else self.primal.read(node, tensor, scalar(0))
            case Add():
                return self._total([self.tangent(t, level) for t in node.terms], level)
            case Mul():
                return self._product(node, level)
            case Power():
                below = whole_power(node.base, node.exponent - 1)
                return self._chain([Mul((Const(node.exponent), below))], (node.base,), level)
            case Call():
                return self._chain(partials(node), node.args, level)
            case Where():
                return self._where(node, level)
            case Reduce():
                return self._reduce(node, level)
            case _:
                return None

    def _total(self, tangents: Sequence[Labelled | None], level: int) -> Labelled | None:
        moving = [t for t in tangents if t is not None]
        return add(moving, PRIMES[level]) if moving else None

    def _chain(self, slopes: Sequence[Expr], args: Sequence[Expr], level: int) -> Labelled | None:
        terms: list[Labelled | None] = []
        for slope, argument in zip(slopes, args, strict=True):
            tangent = self.tangent(argument, level)
            if tangent is not None:
                terms.append(multiply([self.primal.value(slope, level), tangent], PRIMES[level]))
        return self._total(terms, level)

    def _product(self, node: Mul, level: int) -> Labelled | None:
        values = [self.primal.value(f, level) for f in node.factors]
        terms: list[Labelled | None] = []
        for k, factor in enumerate(node.factors):
            tangent = self.tangent(factor, level)
            if tangent is not None:
                terms.append(multiply([*values[:k], tangent, *values[k + 1 :]], PRIMES[level]))
        return self._total(terms, level)

    def _where(self, node: Where, level: int) -> Labelled | None:
        then, otherwise = self.tangent(node.then, level), self.tangent(node.otherwise, level)
        if then is None and otherwise is None:
            return None
        zero = scalar(0)
        return select(self.primal.value(node.condition, level), then or zero, otherwise or zero)

    def _reduce(self, node: Reduce, level: int) -> Labelled | None:
        simpler = expanded(node)
        if simpler is not None:
            return self.tangent(simpler, level)
        inner = self.tangent(node.body, level)
        if inner is None or node.op not in ("sum", "prod", "max", "min"):
            return None
        if node.condition is not None:
            inner = select(self.primal.value(node.condition, level), inner, scalar(0))
        if node.op == "sum":
            data, ok = bound_last(node, inner, self.primal.point.sizes)
            rest = tuple(a for a in inner.axes if a not in node.bound)
            good = None if ok is None else np.asarray(ok.all(axis=-1))
            return Labelled(fold(data, "sum", PRIMES[level]), rest, good)
        return self._weighted(node, inner, level)

    def _weighted(self, node: Reduce, inner: Labelled, level: int) -> Labelled:
        """Return the sum of tangents of the body times the slopes of a product or extremum."""
        p, sizes = PRIMES[level], self.primal.point.sizes
        if node.op == "prod":
            body, rest, good = self.primal.joined(node, level, 1)
            slopes = _others(body, p)
        else:
            value, _, attained, place = self.primal.chosen(node, level)
            rest, good = value.axes, value.ok
            slopes = _shares(attained, place, node.ties, p)
        axes = (*rest, *(a for a in inner.axes if a not in rest and a not in node.bound))
        tangents, ok = bound_last(node, inner, sizes)
        kept = tuple(a for a in inner.axes if a not in node.bound)
        total = _last_kept(slopes, rest, axes) * _last_kept(tangents, kept, axes) % p
        good = None if good is None else spread(good, rest, axes)
        if ok is not None:
            good = both(good, spread(np.asarray(ok.all(axis=-1)), kept, axes))
        if good is not None:
            good = np.broadcast_to(good, total.shape[:-1])
        return Labelled(fold(total, "sum", p), axes, good)


def _last_kept(array: Array, labels: tuple[object, ...], axes: tuple[object, ...]) -> Array:
    """Return an array with its labelled axes spread and its last, joined axis left in place."""
    columns = [spread(array[..., k], labels, axes) for k in range(array.shape[-1])]  # type: ignore[arg-type]
    return np.stack(columns, axis=-1)


def _others(body: Array, p: int) -> Array:
    """Return for each entry the product of all others along the last axis."""
    result = np.ones_like(body)
    for k in range(body.shape[-1]):
        for j in range(body.shape[-1]):
            if j != k:
                result[..., k] = result[..., k] * body[..., j] % p
    return result


def _shares(attained: Array, place: Array, ties: str, p: int) -> Array:
    """Return the weight of each entry of a maximum: its tie shared, or given to the first."""
    if ties == "first":
        weights = np.zeros(attained.shape, dtype=np.int64)
        np.put_along_axis(weights, place, 1, axis=-1)
        return weights
    count, _ = inverse(attained.sum(axis=-1, keepdims=True), p)
    return attained * count % p
