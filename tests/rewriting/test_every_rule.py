"""Every rule does on its example what its record says, and the example's two sides are equal."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

import pytest

from symgrad.autodiff import derive as _derive  # noqa: F401 (importing it fills the table of rules)
from symgrad.ir.text import parse
from symgrad.ir.visit import walk
from symgrad.rewriting.engine import apply_everywhere
from symgrad.rewriting.equality import equivalent
from symgrad.rewriting.facts import facts_of
from symgrad.rewriting.normal import normal, normaliser
from symgrad.rewriting.rule import RULES, Rule

if TYPE_CHECKING:
    from symgrad.ir.terms import Expr

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=attrgetter("name"))


@every_rule
def test_a_rule_turns_its_example_into_what_it_says(rule: Rule) -> None:
    before, after = parse(rule.before), parse(rule.after)
    facts = facts_of(before)
    value = before.equations[-1].value

    def attempt(node: Expr) -> Expr | None:
        return rule.apply(node, facts) if isinstance(node, rule.nodes) else None

    acted = apply_everywhere(value, attempt)
    if acted is value:  # some rules act on what the rules before them leave
        rewrite = normaliser(facts)
        acted = rewrite(value)
        assert rewrite.fired[rule.name], "the rule does not act on its own example"
    assert normal(acted, facts) is normal(after.equations[-1].value, facts)


@every_rule
def test_the_two_sides_of_an_example_are_equal(rule: Rule) -> None:
    assert equivalent(parse(rule.before), parse(rule.after))


@every_rule
def test_a_rule_returns_none_where_it_does_not_match(rule: Rule) -> None:
    unrelated = parse("Y[i] = sin(X[i])")
    facts = facts_of(unrelated)
    for node in walk(unrelated.equations[0].value):
        if isinstance(node, rule.nodes):
            assert rule.apply(node, facts) in (None, node)


def test_every_rule_states_a_law_a_measure_and_an_example() -> None:
    for rule in RULES.values():
        assert all((rule.law, rule.when, rule.shrinks, rule.before, rule.after)), rule.name
