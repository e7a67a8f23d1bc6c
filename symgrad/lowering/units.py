"""Axes of length 1 that only count along with others: one group is no group.

In: a System. Out: the same System with the letters of such axes taken out of composite indices on
the left, and read at 0 on the right.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.ir.composite import composite, letters_of
from symgrad.ir.terms import ONE, ZERO, Expr, Size
from symgrad.ir.visit import substitute

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation, System


def drop_units(system: System) -> System:
    r"""Return a System without letters of length 1 in its composite indices.

    >>> from symgrad.ir.text import parse
    >>> text = "size[g] = 1\nX: real[n, (g, c)]\nY[n, (g, c)] = X[n, (g, c)] * w[g, c]"
    >>> print(drop_units(parse(text)).equations[0])
    Y[n, c] = X[n, 0 * size[c] + c] * w[0, c]
    """
    units = frozenset(axis for axis, length in system.sizes if length is ONE)
    if not units:
        return system
    return replace(system, equations=tuple(_without(e, units) for e in system.equations))


def _without(equation: Equation, units: frozenset[str]) -> Equation:
    gone = {}
    indices: list[Expr] = []
    for position in equation.indices:
        letters = letters_of(position)
        kept = [i for i in letters if i.axis not in units]
        if len(letters) > 1 and kept:
            gone.update({i: ZERO for i in letters if i not in kept})
            indices.append(composite(kept, [Size(i.axis) for i in kept]))
        else:
            indices.append(position)
    value = substitute(equation.value, gone)
    return replace(equation, indices=tuple(indices), value=value)
