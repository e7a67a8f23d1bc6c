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


def around_loops(equations: Iterable[Equation]) -> tuple[Equation, ...]:
    """Return equations so that each stands below what it reads, those of a loop together.

    Equations that read each other at a lag form a loop: they keep their order, and what reads the
    loop from outside stands below all of it. An order that is one of evaluation stays as it is.
    """
    rows = tuple(equations)
    read: dict[str, set[str]] = {}
    for row in rows:
        read.setdefault(row.target, set()).update(tensors_read(row.value))
    below = {name: _reached(name, read) for name in read}
    loop = {name: min(n for n in read if n == name or _tied(n, name, below)) for name in read}
    defined: set[str] = set()
    misplaced = False
    for row in rows:
        misplaced |= any(
            loop.get(n) not in (None, loop[row.target]) and n not in defined
            for n in tensors_read(row.value)
        )
        defined.add(row.target)
    if not misplaced:
        return rows
    placed: dict[str, None] = {}

    def place(name: str) -> None:
        if name in placed:
            return
        members = [n for n in read if loop[n] == loop[name]]
        for other in read:
            if other not in members and any(other in read[m] for m in members):
                place(other)
        placed.update(dict.fromkeys(members))

    for name in read:
        place(name)
    return tuple(row for name in placed for row in rows if row.target == name)


def _reached(name: str, read: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    stack = [name]
    while stack:
        for other in read.get(stack.pop(), set()) - found:
            found.add(other)
            stack.append(other)
    return found


def _tied(first: str, second: str, below: dict[str, set[str]]) -> bool:
    return first in below[second] and second in below[first]


def by_name(name: str) -> tuple[float, str]:
    """Return the key of the canonical order."""
    return 0.0, name


def as_given(equations: Iterable[Equation], given: Iterable[str]) -> tuple[Equation, ...]:
    """Return equations in the order in which tensors were given, others just above a reader."""
    rows = tuple(equations)
    place = {name: float(k) for k, name in enumerate(given)}
    for equation in reversed(in_order(rows, by_name)):
        for name in tensors_read(equation.value):
            place.setdefault(name, place.get(equation.target, 0.0) - 0.5)
    return in_order(rows, lambda name: (place.get(name, 0.0), name))
