"""Every rule does on its example what its record says, and the example's two sides are equal."""

from __future__ import annotations

from operator import attrgetter

import pytest

from symgrad.autodiff import derive as _derive  # noqa: F401 (importing it fills the table of rules)
from symgrad.ir.text import parse
from symgrad.rewriting.engine import apply_everywhere
from symgrad.rewriting.equality import equivalent
from symgrad.rewriting.facts import facts_of
from symgrad.rewriting.normal import normal
from symgrad.rewriting.rule import RULES, Rule
from symgrad.ir.visit import walk

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=attrgetter("name"))


@every_rule
def test_a_rule_turns_its_example_into_what_it_says(rule: Rule) -> None:
    before, after = parse(rule.before), parse(rule.after)
    facts = facts_of(before)
    value = before.equations[-1].value
    acted = apply_everywhere(value, lambda node: _try(rule, node, facts))
    assert acted is not value, "the rule does not act on its own example"
    assert normal(acted) is normal(after.equations[-1].value)


def _try(rule: Rule, node, facts):  # type: ignore[no-untyped-def]
    return rule.apply(node, facts) if isinstance(node, rule.nodes) else None


@every_rule
def test_the_two_sides_of_an_example_are_equal(rule: Rule) -> None:
    assert equivalent(parse(rule.before), parse(rule.after)).equal


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
