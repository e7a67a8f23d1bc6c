"""Equations in an order of evaluation: one that does not depend on how they were written.

In: equations that define each tensor once, in any order of evaluation. Out: the same equations.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from symgrad.ir.visit import tensors_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from symgrad.ir.equation import Equation


def in_order(
    equations: Iterable[Equation], key: Callable[[str], tuple[float, str]]
) -> tuple[Equation, ...]:
    """Return equations so that each stands below what it reads; of those that may, the first.

    Args:
        equations: The equations.
        key: The place that a tensor would have if nothing stood below another.

    Source: Kahn 1962, "Topological sorting of large networks".

    Example:
        >>> from symgrad.ir.text import parse
        >>> system = parse("C = 2 * X; B = C + 1; A = 3 * X; return B, A")
        >>> [e.target for e in in_order(system.equations, key=lambda name: (0, name))]
        ['A', 'C', 'B']
    """
    rows = {e.target: e for e in equations}
    below = {name: set(tensors_read(e.value)) & rows.keys() for name, e in rows.items()}
    readers: dict[str, list[str]] = {name: [] for name in rows}
    for name, read in below.items():
        for other in read:
            readers[other].append(name)
    ready = [key(name) for name, read in below.items() if not read]
    heapify(ready)
    found: list[Equation] = []
    while ready:
        name = heappop(ready)[1]
        found.append(rows[name])
        for reader in readers[name]:
            below[reader].discard(name)
            if not below[reader]:
                heappush(ready, key(reader))
    return tuple(found)


def by_name(name: str) -> tuple[float, str]:
    """Return the key of the canonical order."""
    return 0.0, name


def as_given(equations: Iterable[Equation], given: Iterable[str]) -> tuple[Equation, ...]:
    """Return equations in the order in which tensors were given, others just above a reader."""
    rows = tuple(equations)
    place = {name: float(k) for k, name in enumerate(given)}
    for equation in reversed(in_order(rows, by_name)):
        for name in tensors_read(equation.value):
            at = place.get(equation.target, 0.0) - 0.5
            place[name] = min(place.get(name, at), at) if name not in place else place[name]
    return in_order(rows, lambda name: (place.get(name, 0.0), name))
