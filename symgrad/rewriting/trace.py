"""The record of what a derivation did: the steps that really happened, in order.

In: a rule's name and law, a term before and after. Out: data that `symgrad.formula` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation


@dataclass(frozen=True)
class Step:
    """One step of a derivation.

    Attributes:
        rule: Name of the rule or pass that acted.
        law: The identity it applied, as a text.
        before: The equation it acted on; None where one is introduced.
        after: The equation that resulted.
        detail: Whether a reader may skip the step: bookkeeping, shown by `--steps all`.
    """

    rule: str
    law: str
    before: Equation | None
    after: Equation
    detail: bool = False


@dataclass
class Trace:
    """Collects steps; a fresh one for each derivation."""

    steps: list[Step] = field(default_factory=list)

    def add(
        self,
        rule: str,
        law: str,
        after: Equation,
        before: Equation | None = None,
        *,
        detail: bool = False,
    ) -> None:
        """Record a step, unless it changed nothing."""
        if before != after:
            self.steps.append(Step(rule, law, before, after, detail))
