"""The record of what a derivation did: the steps that really happened, in order.

In: a rule's name and law, a term before and after. Out: data that `symgrad.formula` prints.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from symgrad.ir.show import show

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
        reads: For the chain rule: a tensor, then those in whose equations it is read.
    """

    rule: str
    law: str
    before: Equation | None
    after: Equation
    detail: bool = False
    relation: tuple[Expr, Expr, Equation] | None = None
    reads: tuple[str, ...] = ()

    def renamed(
        self,
        name: Callable[[str], str],
        term: Callable[[Expr], Expr],
        equation: Callable[[Equation], Equation],
    ) -> Step:
        """Return the step under other names of tensors."""
        before = None if self.before is None else equation(self.before)
        step = replace(self, before=before, after=equation(self.after))
        if self.reads:
            reads = tuple(map(name, self.reads))
            return replace(step, reads=reads, law=chain_law(reads))
        if self.relation is None:
            return step
        pattern, replacement, source = self.relation
        relation = (term(pattern), term(replacement), equation(source))
        return replace(step, relation=relation, law=relation_law(*relation))


def chain_law(reads: Sequence[str]) -> str:
    """Return where a tensor is read, as a text: `E is read in Z and P`."""
    name, *readers = reads
    last = f" and {readers.pop()}" if len(readers) > 1 else ""
    return f"{name} is read in {', '.join(readers)}{last}"


def relation_law(pattern: Expr, replacement: Expr, source: Equation) -> str:
    """Return the law of a reuse as a text: `E[n] = P[n] * Z, from P[n] = E[n] / Z`."""
    scope = source.letters
    return f"{show(pattern, scope)} = {show(replacement, scope)}, from {source}"


@dataclass
class Trace:
    """Collects steps; a fresh one for each derivation."""

    steps: list[Step] = field(default_factory=list)

    def chain_rule(self, reads: tuple[str, ...], after: Equation) -> None:
        """Record a cotangent as the sum over the reads of its tensor."""
        self.steps.append(Step("chain_rule", chain_law(reads), None, after, reads=reads))

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
