"""The record of what a derivation did: the steps that really happened, in order.

In: a rule's name and law, a term before and after. Out: data that `symgrad.formula` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from symgrad.ir.show import show

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation
    from symgrad.ir.terms import Expr


@dataclass(frozen=True)
class Step:
    """One step of a derivation.

    Attributes:
        rule: Name of the rule or pass that acted.
        law: The identity it applied, as a text.
        before: The equation it acted on; None where one is introduced.
        after: The equation that resulted.
        detail: Whether a reader may skip the step: bookkeeping, shown by `--steps all`.
        relation: For a reuse: what is replaced, what by, and the equation behind it.
    """

    rule: str
    law: str
    before: Equation | None
    after: Equation
    detail: bool = False
    relation: tuple[Expr, Expr, Equation] | None = None


def relation_law(pattern: Expr, replacement: Expr, source: Equation) -> str:
    """Return the law of a reuse as a text: `E[n] = P[n] * Z, from P[n] = E[n] / Z`."""
    scope = source.letters
    return f"{show(pattern, scope)} = {show(replacement, scope)}, from {source}"


@dataclass
class Trace:
    """Collects steps; a fresh one for each derivation."""

    steps: list[Step] = field(default_factory=list)

    def reuse(
        self, relation: tuple[Expr, Expr, Equation], after: Equation, before: Equation
    ) -> None:
        """Record the reuse of a forward value, unless it changed nothing."""
        if before != after:
            law = relation_law(*relation)
            self.steps.append(Step("reuse_forward_value", law, before, after, relation=relation))

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
