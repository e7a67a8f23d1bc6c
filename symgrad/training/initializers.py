"""Start values of parameters, read off the equations: no layer is known by name.

In: a System and the lengths of its axes. Out: arrays, the same for the same seed.

What an equation does with a parameter says how it starts, and agrees with torch's defaults:

* contracted, `sum[i](X[n, i] * W[o, i])`: uniform within 1 / sqrt(fan-in), the fan-in being the
  product of the lengths of its own axes that are summed over (kaiming_uniform with a = sqrt(5));
* added in an equation that contracts another parameter, the bias of a layer: the same bound;
* looked up by data, `E[T[n], d]`: standard normal;
* otherwise a gain or a shift: 1 where it multiplies, 0 where it is added.

Other schemes draw what is contracted otherwise, and start its biases at 0:

* "xavier": uniform within sqrt(6 / (fan-in + fan-out)), Glorot & Bengio 2010. The fan-out is the
  product of its other axes and of those that only slide over the data, `X[n, i, h + p]`;
* "he": normal with variance 2 / fan-in, He et al. 2015, arXiv:1502.01852.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.ir.terms import Const, Element, Expr, Index, Mul, Reduce
from symgrad.ir.visit import elements, open_reduce

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from symgrad.ir.equation import Equation, System

#: How start values may be drawn.
SCHEMES = ("torch", "xavier", "he")

Array = np.ndarray[Any, np.dtype[np.floating[Any]]]


@dataclass(frozen=True)
class Start:
    """How a parameter starts.

    Attributes:
        kind: "uniform", "normal", "one" or "zero".
        fan_in: For "uniform", the axes whose lengths multiply to the fan-in.
        fan_out: The axes whose lengths multiply to the fan-out; None for a bias.
    """

    kind: str
    fan_in: tuple[str, ...] = ()
    fan_out: tuple[str, ...] | None = field(default=None, compare=False, repr=False)

    def draw(
        self,
        shape: tuple[int, ...],
        sizes: Mapping[str, int],
        rng: np.random.Generator,
        dtype: str,
        scheme: str = "torch",
    ) -> Array:
        """Return start values of a shape."""
        if self.kind == "uniform" and scheme != "torch":
            return self._scaled(shape, sizes, rng, scheme).astype(dtype)
        if self.kind == "one":
            return np.ones(shape, dtype)
        if self.kind == "zero":
            return np.zeros(shape, dtype)
        if self.kind == "normal":
            return rng.standard_normal(shape).astype(dtype)
        bound = 1 / sqrt(max(1, prod(sizes[axis] for axis in self.fan_in)))
        return rng.uniform(-bound, bound, shape).astype(dtype)

    def _scaled(
        self,
        shape: tuple[int, ...],
        sizes: Mapping[str, int],
        rng: np.random.Generator,
        scheme: str,
    ) -> Array:
        """Return start values of another scheme than torch's."""
        if self.fan_out is None:
            return np.zeros(shape)
        fan_in, fan_out = (prod(sizes[a] for a in axes) for axes in (self.fan_in, self.fan_out))
        if scheme == "he":
            return rng.standard_normal(shape) * sqrt(2 / max(1, fan_in))
        bound = sqrt(6 / max(1, fan_in + fan_out))
        return rng.uniform(-bound, bound, shape)


@dataclass(frozen=True)
class _Use:
    """One place where a parameter is read."""

    element: Element
    contracted: tuple[str, ...]
    multiplied: bool
    fan_out: tuple[str, ...]


def starts(system: System) -> dict[str, Start]:
    """Return how each parameter of a System starts.

    >>> from symgrad.layers.registry import get
    >>> starts(get("linear").system())
    {'W': Start(kind='uniform', fan_in=('i',)), 'b': Start(kind='uniform', fan_in=('i',))}
    """
    found: dict[str, Start] = {}
    for equation in system.equations:
        uses = list(_uses(equation, frozenset(system.params)))
        fan_in = next((u.contracted for u in uses if u.contracted), ())
        for use in uses:
            found.setdefault(use.element.tensor, _start(use, fan_in))
    return {name: found.get(name, Start("zero")) for name in system.params}


def _start(use: _Use, fan_in: tuple[str, ...]) -> Start:
    if any(elements(i) for i in use.element.indices):
        return Start("normal")
    if use.contracted:
        return Start("uniform", use.contracted, use.fan_out)
    if fan_in and not use.multiplied:
        return Start("uniform", fan_in)
    return Start("one" if use.multiplied else "zero")


def _uses(equation: Equation, params: frozenset[str]) -> Iterator[_Use]:
    def visit(node: Expr, summed: frozenset[Index], *, multiplied: bool) -> Iterator[_Use]:
        if isinstance(node, Element) and node.tensor in params:
            own = {i for position in node.indices for i in position.free}
            axes = _in_order(own & summed)
            yield _Use(node, axes, multiplied, _in_order(own - (summed & plain)))
        elif isinstance(node, Reduce):
            bound, body, _ = open_reduce(node, avoid=summed)
            inner = summed | set(bound) if node.op == "sum" else summed
            plain.update(
                position
                for element in elements(body)
                for position in element.indices
                if isinstance(position, Index) and element.tensor not in params
            )
            yield from visit(body, inner, multiplied=multiplied)
        else:
            rest = [c for c in node.children if not isinstance(c, Const)]
            scales = multiplied or (isinstance(node, Mul) and len(rest) > 1)
            for child in rest:
                yield from visit(child, summed, multiplied=scales)

    plain: set[Index] = set()  # the indices that data are read at alone, not within a sum
    yield from visit(equation.value, frozenset(), multiplied=False)


def _in_order(indices: Iterable[Index]) -> tuple[str, ...]:
    return tuple(i.axis for i in sorted(indices, key=lambda i: -i.serial))
