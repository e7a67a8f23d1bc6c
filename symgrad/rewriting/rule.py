"""What a rewrite rule is: a law, a side condition, a measure, an example, a function.

In: nothing. Out: the `Rule` record, its decorator, and the table of all rules. The engine calls a
rule, the docs print it, two generic tests prove it: the law by exact evaluation, the example by
running it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from symgrad.ir.terms import Expr
    from symgrad.rewriting.facts import Facts


@dataclass(frozen=True)
class Rule:
    """A named rewrite.

    Attributes:
        name: The rule's name, verb first.
        law: The identity, as a reader would write it.
        when: The side condition; the function returns None where it fails.
        shrinks: The measure that shrinks, so that rewriting ends.
        before: An example equation, in the equation language.
        after: What the rule makes of it.
        nodes: The node types on which it is tried.
        apply: The rewrite: a term and known facts in, the new term or None out.
    """

    name: str
    law: str
    when: str
    shrinks: str
    before: str
    after: str
    nodes: tuple[type[Expr], ...]
    apply: Callable[[Expr, Facts], Expr | None]


#: Every rule, by name, in order of definition.
RULES: dict[str, Rule] = {}


def rule(  # noqa: PLR0913 (four texts and the nodes are the rule)
    *,
    law: str,
    when: str = "always",
    shrinks: str,
    before: str,
    after: str,
    nodes: tuple[type[Expr], ...],
) -> Callable[[Callable[[Expr, Facts], Expr | None]], Rule]:
    """Return a decorator that registers a function as a rule under its own name."""

    def register(function: Callable[[Expr, Facts], Expr | None]) -> Rule:
        name = function.__name__
        assert name not in RULES, f"two rules are called {name}"
        RULES[name] = Rule(name, law, when, shrinks, before, after, nodes, function)
        return RULES[name]

    return register
