"""A System as what runs: its parts, each with its scheduled operations.

In: a System. Out: Programs, in the order in which they run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symgrad.lowering.loops import Extend, Loop, Plain, partition
from symgrad.lowering.lower import lower
from symgrad.lowering.schedule import schedule

if TYPE_CHECKING:
    from symgrad.ir.equation import System
    from symgrad.lowering.ops import Program


@dataclass(frozen=True)
class Stage:
    """Operations that run once, or in every step of a loop.

    Attributes:
        part: The equations, or the loop.
        program: Their operations.
    """

    part: Plain | Loop
    program: Program


def plan(system: System) -> tuple[Stage | Extend, ...]:
    """Return the stages of a System in order.

    Raises:
        UnsupportedError: If an equation has a form that no operation covers yet.
    """
    said = {e.target: e for e in system.equations if e.is_main}
    found: list[Stage | Extend] = []
    for part in partition(system):
        if isinstance(part, Extend):
            found.append(part)
            continue
        program = schedule(lower(part.system, system.outputs))
        if isinstance(part, Loop):
            comments = {step: said[name] for name, step in part.steps.items()}
            program = replace(program, comments=comments)
        found.append(Stage(part, program))
    return tuple(found)
