"""The normal form does not depend on the order in which its rules are tried."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from symgrad.ir.text import parse
from symgrad.rewriting.contraction import separate_sums
from symgrad.rewriting.engine import Rewriter
from symgrad.rewriting.facts import Facts, facts_of
from symgrad.rewriting.normal import NORMAL_RULES, normal
from tests.rewriting.random_systems import texts


@given(text=texts(), seed=st.integers(0, 2**32 - 1))
def test_shuffled_rules_end_in_the_same_normal_form(text: str, seed: int) -> None:
    system = parse(text)
    facts = facts_of(system)
    rules = list(NORMAL_RULES)
    random.Random(seed).shuffle(rules)
    for equation in system.equations:
        shuffled = Rewriter(rules, facts)(equation.value)
        assert shuffled is normal(equation.value, facts)


@given(text=texts())
def test_the_normal_form_of_a_normal_form_is_itself(text: str) -> None:
    system = parse(text)
    facts = facts_of(system)
    for equation in system.equations:
        once = normal(equation.value, facts)
        assert normal(once, facts) is once


def test_separating_sums_keeps_a_factor_that_no_index_binds() -> None:
    """Tried before constants were pulled out, the rule once dropped them."""
    value = parse("Y = sum[n, k](s * a[n] * c[k])").equations[0].value
    assert separate_sums.apply(value, Facts()) is None
