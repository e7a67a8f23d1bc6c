"""The driver of rewriting: rules to a fixed point, bottom-up, with a budget.

In: a term, an ordered list of rules, known facts. Out: the term on which no rule acts any more. The
engine knows no law: it only rebuilds, tries and records.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.ir.visit import rebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from symgrad.ir.terms import Expr
    from symgrad.rewriting.facts import Facts
    from symgrad.rewriting.rule import Rule


#: A term nested deeper than this is the work of rules that do not end.
_DEEPEST = 120


class BudgetExceededError(Exception):
    """A search was stopped; the caller keeps the best form it has. Never reaches a user."""


@dataclass
class Budget:
    """How many rewrites may still be done; one budget may serve many rewriters."""

    left: int = 5_000

    def spend(self) -> None:
        """Count one rewrite.

        Raises:
            BudgetExceededError: If none was left.
        """
        self.left -= 1
        if self.left < 0:
            raise BudgetExceededError


class Rewriter:
    """Applies rules to terms and remembers what it has done.

    Args:
        rules: The rules, in order of preference.
        facts: What the side conditions may use.
        budget: What bounds the number of rewrites.

    Attributes:
        fired: How often each rule has acted.
    """

    def __init__(self, rules: Iterable[Rule], facts: Facts, budget: Budget | None = None) -> None:
        self.facts = facts
        self.budget = budget or Budget()
        self.fired: Counter[str] = Counter()
        self._by_node: dict[type[Expr], list[Rule]] = {}
        for rule in rules:
            for node in rule.nodes:
                self._by_node.setdefault(node, []).append(rule)
        self._memo: dict[Expr, Expr] = {}
        self._depth = 0

    def __call__(self, expr: Expr) -> Expr:
        """Return the normal form of a term.

        Raises:
            BudgetExceededError: If the budget is used up.
        """
        found = self._memo.get(expr)
        if found is not None:
            return found
        if self._depth > _DEEPEST:
            raise BudgetExceededError
        self._depth += 1
        try:
            return self._normal(expr)
        finally:
            self._depth -= 1

    def _normal(self, expr: Expr) -> Expr:
        passed: list[Expr] = []
        node = expr
        while node not in self._memo:
            passed.append(node)
            rebuilt = rebuild(node, self)
            passed.append(rebuilt)
            rewritten = self._step(rebuilt)
            if rewritten is None:
                self._memo[rebuilt] = rebuilt
                node = rebuilt
                break
            node = rewritten
        result = self._memo[node]
        self._memo.update(dict.fromkeys(passed, result))
        return result

    def _step(self, node: Expr) -> Expr | None:
        for rule in self._by_node.get(type(node), ()):
            new = rule.apply(node, self.facts)
            if new is not None and new is not node:
                self.budget.spend()
                self.fired[rule.name] += 1
                return new
        return None


def apply_everywhere(expr: Expr, function: Callable[[Expr], Expr | None]) -> Expr:
    """Return a term with a rewrite tried once at every node, children first."""
    memo: dict[Expr, Expr] = {}

    def visit(node: Expr) -> Expr:
        found = memo.get(node)
        if found is None:
            new = rebuild(node, visit)
            memo[node] = found = function(new) or new
        return found

    return visit(expr)
