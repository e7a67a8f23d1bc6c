"""Formulas as pages show them: for a browser, and as LaTeX to copy.

In: equations. Out: MathML and LaTeX of the same boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.formula.boxes import number
from symgrad.formula.latex import latex_aligned, latex_box
from symgrad.formula.layout import boxed, boxed_sides
from symgrad.formula.lines import lines_of
from symgrad.formula.mathml import math, mathml_box, mathml_table
from symgrad.formula.matrix import matrix_system
from symgrad.ir.terms import Const, Size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.formula.boxes import Box
    from symgrad.ir.equation import Equation, System
    from symgrad.ir.terms import Expr


@dataclass(frozen=True)
class Formula:
    """Equations, each given by its two sides."""

    rows: tuple[tuple[Box, Box], ...]

    @property
    def mathml(self) -> str:
        """The equations in MathML, displayed."""
        return mathml_table(self.rows)

    @property
    def latex(self) -> str:
        """The equations in LaTeX; several are aligned."""
        rows = []
        for left, right in self.rows:
            start = latex_box(left)
            for line in lines_of(right):
                rows.append((start, latex_box(line)))
                start = ""
        if len(rows) == 1:
            return " = ".join(rows[0])
        signs = (("=" if start else r"\quad") for start, _ in rows)
        return latex_aligned(
            f"{start} &{sign} {line}" for (start, line), sign in zip(rows, signs, strict=True)
        )


@dataclass(frozen=True)
class Inline:
    """A term in a line of text."""

    box: Box

    @property
    def mathml(self) -> str:
        """The term in MathML."""
        return math(mathml_box(self.box))

    @property
    def latex(self) -> str:
        """The term in LaTeX."""
        return latex_box(self.box)


def formula(equations: Sequence[Equation]) -> Formula:
    """Return equations in index notation."""
    return Formula(tuple(boxed_sides(e) for e in equations))


def matrices(system: System, batch: str) -> tuple[Formula | None, bool, bool]:
    """Return a System in matrix notation.

    Args:
        system: The System.
        batch: The letter of its batch axis.

    Returns:
        The equations that have such a form, None unless most have; whether they hold for each batch
        entry alone; whether there are equations without.
    """
    sides, alone = matrix_system(system, batch)
    found = tuple(pair for pair in sides if pair is not None)
    most = 2 * len(found) > len(sides)
    return (Formula(found) if most else None), alone, len(found) < len(sides)


def lengths(system: System) -> Formula | None:
    """Return the lengths that follow from others, or None where there are none."""
    rows = tuple((boxed(Size(axis)), boxed(length)) for axis, length in system.sizes)
    return Formula(rows) if rows else None


def decimal(value: Fraction) -> Inline:
    """Return a number as a decimal where that is short and exact, else as formulas have it.

    >>> print(decimal(Fraction("0.001")).latex, decimal(Fraction("1e-8")).latex)
    0.001 10^{-8}
    """
    text = f"{float(value):g}"
    short = "e" not in text and Fraction(text) == value
    return Inline(number(text)) if short else inline(Const(value))


def inline(expr: Expr) -> Inline:
    """Return a term for a line of text."""
    return Inline(boxed(expr))
