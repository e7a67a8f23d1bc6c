"""Results depend neither on the order of rules nor on that of equations."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.autodiff.derive import derive
from symgrad.ir.show import show
from symgrad.ir.text import parse
from symgrad.ir.visit import tensors_read
from symgrad.rewriting.contraction import separate_sums
from symgrad.rewriting.engine import Rewriter
from symgrad.rewriting.facts import Facts, facts_of
from symgrad.rewriting.normal import NORMAL_RULES, normal
from tests.autodiff.forms import derivation_of
from tests.rewriting.random_systems import texts

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation, System


def reordered(system: System, seed: int) -> System:
    """Return a System with its equations in another order of evaluation."""
    rng, left = random.Random(seed), list(system.equations)
    found: list[Equation] = []
    while left:
        waiting = {e.target for e in left}
        able = [e for e in left if waiting.isdisjoint(tensors_read(e.value))]
        found.append(rng.choice(able))
        left.remove(found[-1])
    return replace(system, equations=tuple(found))


def gradient(system: System) -> dict[str, str]:
    """Return the right-hand sides of a derived gradient, and what it saves."""
    derivation = derive(system)
    saved = {"saved": " ".join(sorted(derivation.saved))}
    return saved | {str(e.element): str(e.value) for e in derivation.backward.equations}


@given(text=texts(), seed=st.integers(0, 2**32 - 1))
def test_the_order_of_equations_changes_no_gradient(text: str, seed: int) -> None:
    system = parse(text)
    assert gradient(reordered(system, seed)) == gradient(system)


@pytest.mark.parametrize("name", ["lstm", "gru", "layer_norm", "swiglu", "attention_scale"])
def test_the_order_of_equations_changes_no_closed_form(name: str) -> None:
    system = derivation_of(name).system
    orders = [reordered(system, seed) for seed in range(8)]
    for other in [o for o in dict.fromkeys(orders) if o != system][:3]:
        assert gradient(other) == gradient(system)


def test_lines_of_a_gradient_come_in_the_order_of_the_equations() -> None:
    text = "B[n] = tanh(X[n])\nA[n] = sin(X[n])\nL = sum[n](tanh(B[n]) * tanh(A[n]))"
    derivation = derive(parse(text))
    assert [e.target for e in derivation.forward.equations][:2] == ["B", "A"]
    assert [s for s in derivation.saved if len(s) == 1] == ["X", "B", "A"]


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


def test_a_delta_speaks_of_its_own_index_only() -> None:
    """The index of an inner sum, opened, was once taken for the one of the sum around it."""
    text = "T: index(c)[n]\nw: real[c]\nY[c] = sum[n]((T[n] == c) * sum[m](w[T[m]] * X[m]))"
    system = parse(text)
    found = normal(system.equations[0].value, facts_of(system))
    assert show(found) == "sum[n](T[n] == c) * sum[n](X[n] * w[T[n]])"


def test_separating_sums_keeps_a_factor_that_no_index_binds() -> None:
    """Tried before constants were pulled out, the rule once dropped them."""
    value = parse("Y = sum[n, k](s * a[n] * c[k])").equations[0].value
    assert separate_sums.apply(value, Facts()) is None
