"""Implicit equations in numbers: the linear system that a comparison is, solved by elimination.

In: `left == right` and the one tensor that is not known. Out: its elements. The coefficients are
found by evaluating `left - right` at zero and at each unit vector: slow, obvious, and the same for
float64 and mpmath. A further point shows whether the equation is linear at all.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from symgrad.errors import SolveError
from symgrad.interpreter.numbers import DIGITS, FLOAT64
from symgrad.ir.terms import Compare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from symgrad.interpreter.numbers import Numbers
    from symgrad.interpreter.terms import Compiler
    from symgrad.ir.equation import Equation

Position = tuple[int, ...]
Rows = list[list[Any]]


def solve(
    equation: Equation,
    sizes: Mapping[str, int],
    numbers: Numbers,
    compiler: Compiler,
    memo: dict[tuple[str, Position], Any],
) -> None:
    """Put the elements of the tensor that solves an equation into the memo.

    Raises:
        SolveError: If the equation is not linear, or has no solution or several.
    """
    shape = [sizes[letter.axis] for letter in equation.letters]
    unknowns = list(product(*map(range, shape)))
    letters = sorted(equation.value.free, key=lambda i: i.key)
    count = prod(sizes[i.axis] for i in letters)
    if count != len(unknowns):
        raise _error(equation, f"{count} equations for {len(unknowns)} unknowns", "as many of each")
    assert isinstance(equation.value, Compare), "an implicit equation is a comparison"
    left, right = (compiler.value(e) for e in equation.value.children)

    def residual(point: Sequence[Any]) -> list[Any]:
        """Return left - right with the unknowns at a point."""
        memo.update({(equation.target, p): x for p, x in zip(unknowns, point, strict=True)})
        places = product(*(range(sizes[i.axis]) for i in letters))
        envs = [dict(zip(letters, place, strict=True)) for place in places]
        return [left(dict(env)) - right(dict(env)) for env in envs]

    zero, one = numbers.const(Fraction(0)), numbers.const(Fraction(1))
    unit = 2.0**-52 if numbers is FLOAT64 else numbers.const(Fraction(1, 10 ** (DIGITS - 3)))
    start = residual([zero] * len(unknowns))
    columns = [
        [r - s for r, s in zip(residual(_unit(k, len(unknowns), zero, one)), start, strict=True)]
        for k in range(len(unknowns))
    ]
    rows = [[column[k] for column in columns] for k in range(count)]
    point = [numbers.const(Fraction(-k - 3, k + 2)) for k in range(count)]
    for row, first, found in zip(rows, start, residual(point), strict=True):
        parts = [first, found, *(a * x for a, x in zip(row, point, strict=True))]
        wrong = found - first - sum(parts[2:], zero)
        if abs(wrong) > 2**20 * unit * sum(map(abs, parts), zero):
            raise _error(
                equation, f"a term that is not linear in {equation.target}", "a linear one"
            )
    solution = _eliminate(equation, rows, [-s for s in start], unit * max(count, 8))
    memo.update({(equation.target, p): x for p, x in zip(unknowns, solution, strict=True)})


def _unit(at: int, count: int, zero: Any, one: Any) -> list[Any]:
    return [one if k == at else zero for k in range(count)]


def _eliminate(equation: Equation, rows: Rows, right: list[Any], unit: Any) -> list[Any]:
    """Return the solution of `rows x = right`, by elimination with the largest pivot."""
    count = len(rows)
    table = [[*row, end] for row, end in zip(rows, right, strict=True)]
    scale = max((abs(a) for row in rows for a in row), default=0)
    for k in range(count):
        best = max(range(k, count), key=lambda r: abs(table[r][k]))
        table[k], table[best] = table[best], table[k]
        if abs(table[k][k]) <= unit * scale:
            raise _error(equation, "a singular system: no solution, or several", "exactly one")
        for row in table[k + 1 :]:
            factor = row[k] / table[k][k]
            row[k:] = [a - factor * b for a, b in zip(row[k:], table[k][k:], strict=True)]
    found: list[Any] = [None] * count
    for k in reversed(range(count)):
        rest = sum(table[k][c] * found[c] for c in range(k + 1, count))
        found[k] = (table[k][count] - rest) / table[k][k]
    return found


def _error(equation: Equation, given: str, expected: str) -> SolveError:
    return SolveError(
        where=f"equation {str(equation)!r}",
        given=given,
        expected=expected,
        fix=f"give an equation that determines {equation.target}",
    )
