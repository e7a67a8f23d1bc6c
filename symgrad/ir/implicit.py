"""Implicit equations: which tensor a comparison defines, and the refusal of passes.

In: the comparison as a term, and the names that have another meaning. Out: an Equation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.errors import UnsupportedError
from symgrad.ir.equation import Equation
from symgrad.ir.terms import ZERO, Compare, Expr, Index
from symgrad.ir.visit import elements, replace_elements, tensors_read

if TYPE_CHECKING:
    from collections.abc import Collection


def candidates(value: Compare, known: Collection[str]) -> list[str]:
    """Return the tensors that a comparison may define: those that nothing else gives."""
    return [name for name in tensors_read(value) if name not in known]


def implicit_equation(value: Compare, target: str) -> Equation | None:
    """Return the equation that defines a tensor; None if no read shows a letter for each axis.

    An index that stands in reads of the tensor alone says nothing about it.
    """
    known = replace_elements(value, lambda e: ZERO if e.tensor == target else None)
    if not value.free <= known.free:
        return None
    reads = [e for e in elements(value) if e.tensor == target]
    letters: list[Expr] = []
    for slot in range(len(reads[0].indices)):
        plain = (e.indices[slot] for e in reads if slot < len(e.indices))
        names = [Index(i.name, i.axis) for i in plain if isinstance(i, Index)]
        letter = next((i for i in names if i not in letters), None)
        if letter is None:
            return None
        letters.append(letter)
    return Equation(target, tuple(letters), value, implicit=True)


def no_implicit(equation: Equation) -> UnsupportedError:
    """Return the error of a pass that needs a definition of every tensor."""
    return UnsupportedError(
        where=f"equation {str(equation)!r}",
        given="an implicit equation",
        expected=f"a definition, {equation.element} = ...",
        fix="solve it for the tensor; only the interpreter solves implicit equations",
    )
