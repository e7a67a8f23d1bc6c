"""Start values of parameters, read off the equations: no layer is known by name.

In: a System and the lengths of its axes. Out: arrays, the same for the same seed.

What an equation does with a parameter says how it starts, and agrees with torch's defaults:

* contracted, `sum[i](X[n, i] * W[o, i])`: uniform within 1 / sqrt(fan-in), the fan-in being the
  product of the lengths of its own axes that are summed over (kaiming_uniform with a = sqrt(5));
* added in an equation that contracts another parameter, the bias of a layer: the same bound;
* looked up by data, `E[T[n], d]`: standard normal;
* otherwise a gain or a shift: 1 where it multiplies, 0 where it is added.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.ir.terms import Const, Element, Expr, Index, Mul, Reduce
from symgrad.ir.visit import elements, open_reduce

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from symgrad.ir.equation import Equation, System

Array = np.ndarray[Any, np.dtype[np.floating[Any]]]


@dataclass(frozen=True)
class Start:
    """How a parameter starts.

    Attributes:
        kind: "uniform", "normal", "one" or "zero".
        fan_in: For "uniform", the axes whose lengths multiply to the fan-in.
    """

    kind: str
    fan_in: tuple[str, ...] = ()

    def draw(
        self,
        shape: tuple[int, ...],
        sizes: Mapping[str, int],
        rng: np.random.Generator,
        dtype: str,
    ) -> Array:
        """Return start values of a shape."""
        if self.kind == "one":
            return np.ones(shape, dtype)
        if self.kind == "zero":
            return np.zeros(shape, dtype)
        if self.kind == "normal":
            return rng.standard_normal(shape).astype(dtype)
        bound = 1 / sqrt(max(1, prod(sizes[axis] for axis in self.fan_in)))
        return rng.uniform(-bound, bound, shape).astype(dtype)


@dataclass(frozen=True)
class _Use:
    """One place where a parameter is read."""

    element: Element
    contracted: tuple[str, ...]
    multiplied: bool


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
    if use.contracted or (fan_in and not use.multiplied):
        return Start("uniform", use.contracted or fan_in)
    return Start("one" if use.multiplied else "zero")


def _uses(equation: Equation, params: frozenset[str]) -> Iterator[_Use]:
    def visit(node: Expr, summed: frozenset[Index], *, multiplied: bool) -> Iterator[_Use]:
        if isinstance(node, Element) and node.tensor in params:
            own = {i for position in node.indices for i in position.free}
            axes = tuple(i.axis for i in sorted(own & summed, key=lambda i: -i.serial))
            yield _Use(node, axes, multiplied)
        elif isinstance(node, Reduce):
            bound, body, _ = open_reduce(node, avoid=summed)
            inner = summed | set(bound) if node.op == "sum" else summed
            yield from visit(body, inner, multiplied=multiplied)
        else:
            rest = [c for c in node.children if not isinstance(c, Const)]
            scales = multiplied or (isinstance(node, Mul) and len(rest) > 1)
            for child in rest:
                yield from visit(child, summed, multiplied=scales)

    yield from visit(equation.value, frozenset(), multiplied=False)
