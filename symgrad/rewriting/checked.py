"""A second opinion on the steps of a derivation: each holds at a random point, at 50 digits.

In: a `Cell`, what was derived as a whole. Out: how far the right-hand side of each step is from the
cotangent that it defines, which the chain rule alone gives. Nothing here knows how a step came
about, so a step that was recorded wrongly shows as much as a rule that is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from symgrad.errors import SymgradError
from symgrad.ir.batch import fix_batch
from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.order import by_name, in_order
from symgrad.ir.show import unused
from symgrad.ir.visit import tensors_read
from symgrad.rewriting.field_point import UndecidedError, choose_sizes
from symgrad.rewriting.trace import Step
from symgrad.rewriting.witness import FINE, draw_input, run

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What evaluation at 50 digits may lose.
ROUNDING = 1e-40
#: What is no rounding in float64.
_COARSE = 1e-6
#: Points that are tried; a formula may have no value at some.
_TRIES = 12


@dataclass(frozen=True)
class Cell:
    """A System that was derived as a whole, and how.

    Attributes:
        system: The System, its intermediates named.
        cotangents: The cotangent equations that the chain rule gives.
        steps: The steps from them to the closed form.
    """

    system: System
    cotangents: tuple[Equation, ...]
    steps: tuple[Step, ...]


def disagreements(
    cell: Cell, seed: int = 0, numbers: Literal["float64", "mpmath"] = "mpmath"
) -> tuple[float, ...] | None:
    """Return for each step how far it is off, relative to the largest entry of its cotangent.

    Args:
        cell: What was derived.
        seed: Of the random point.
        numbers: "mpmath" for 50 digits, or "float64".

    Returns:
        A number for each step; None if no point was found at which everything has a value.
    """
    both, names = _together(cell)
    rng = np.random.default_rng(seed)
    for k in range(_TRIES):
        try:
            sizes = choose_sizes([both], rng)
            point = {
                t.name: draw_input(t, sizes, rng, FINE, positive=k % 2 == 1) for t in both.inputs
            }
            found = run(both, point, sizes, everything=True, numbers=numbers)
        except (SymgradError, UndecidedError, ArithmeticError):
            continue  # outside of the domain: another point
        off = [_distance(found[step], found[target]) for step, target in names]
        if all(o < float("inf") for o in off):
            return tuple(off)
    return None


def holds(system: System, cotangents: Sequence[Equation], form: Sequence[Equation]) -> bool:
    """Return whether a closed form agrees with the chain rule at a random point, in float64.

    It is taken to agree where no point is found.
    """
    steps = tuple(Step("closed_form", "", None, equation) for equation in form)
    off = disagreements(Cell(system, tuple(cotangents), steps), numbers="float64")
    return off is None or max(off, default=0.0) < _COARSE


def _together(cell: Cell) -> tuple[System, list[tuple[str, str]]]:
    """Return one System of everything, and for each step its result and what that should be."""
    taken = {*cell.system.defined, *(t.name for t in cell.system.inputs)}
    taken |= {e.target for e in cell.cotangents}
    names: list[tuple[str, str]] = []
    equations = [*cell.system.equations, *cell.cotangents]
    for step in cell.steps:
        name = unused("step", taken)
        taken.add(name)
        names.append((name, step.after.target))
        equations.append(replace(step.after, target=name))
    defined = {e.target for e in equations}
    seeds = [
        Tensor(name, "real", cell.system.tensor(output).shape)
        for output in cell.system.outputs
        for name in (f"{output}_bar",)
        if name not in defined and any(name in tensors_read(e.value) for e in equations)
    ]
    both = replace(
        cell.system,
        inputs=(*cell.system.inputs, *seeds),
        equations=in_order(equations, by_name),
        outputs=tuple(dict.fromkeys(n for pair in names for n in pair)),
    )
    return fix_batch(both, ("n",)), names


def _distance(found: Any, wanted: Any) -> float:
    """Return the largest difference of two arrays, relative to the second and 1."""
    pairs = list(zip(np.ravel(found).tolist(), np.ravel(wanted).tolist(), strict=True))
    size = max((abs(w) for _, w in pairs), default=0)
    return float(max((abs(f - w) for f, w in pairs), default=0) / (1 + size))


def worst(cells: Sequence[Cell]) -> float | None:
    """Return the largest disagreement of all steps; None if some could not be evaluated."""
    found = [disagreements(cell) for cell in dict.fromkeys(cells)]
    if any(f is None for f in found):
        return None
    return max((d for f in found if f is not None for d in f), default=0.0)
