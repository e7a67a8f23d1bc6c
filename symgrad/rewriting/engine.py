"""The driver of rewriting: rules to a fixed point, bottom-up, with a budget.

In: a term, an ordered list of rules, known facts. Out: the term on which no rule acts any more. The
engine knows no law: it only rebuilds, tries and records.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from symgrad.ir.visit import rebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from symgrad.ir.terms import Expr
    from symgrad.rewriting.facts import Facts
    from symgrad.rewriting.rule import Rule


class BudgetExceededError(Exception):
    """A search was stopped; the caller keeps the best form it has. Never reaches a user."""


class Rewriter:
    """Applies rules to terms and remembers what it has done.

    Args:
        rules: The rules, in order of preference.
        facts: What the side conditions may use.
        budget: How many rewrites are done before `BudgetExceededError`.

    Attributes:
        fired: How often each rule has acted.
    """

    def __init__(self, rules: Iterable[Rule], facts: Facts, budget: int = 20_000) -> None:
        self.facts = facts
        self.budget = budget
        self.fired: Counter[str] = Counter()
        self._by_node: dict[type[Expr], list[Rule]] = {}
        for rule in rules:
            for node in rule.nodes:
                self._by_node.setdefault(node, []).append(rule)
        self._memo: dict[Expr, Expr] = {}

    def __call__(self, expr: Expr) -> Expr:
        """Return the normal form of a term.

        Raises:
            BudgetExceededError: If the budget is used up.
        """
        found = self._memo.get(expr)
        if found is not None:
            return found
        node = rebuild(expr, self)
        rewritten = self._step(node)
        result = node if rewritten is None else self(rewritten)
        self._memo[expr] = self._memo[node] = result
        return result

    def _step(self, node: Expr) -> Expr | None:
        for rule in self._by_node.get(type(node), ()):
            new = rule.apply(node, self.facts)
            if new is not None and new is not node:
                self.budget -= 1
                if self.budget < 0:
                    raise BudgetExceededError
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
