"""Binders are hygienic: alpha-equivalent terms are one object, and nothing is ever captured."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.ir.build import add, call, const, element, index, mul, power
from symgrad.ir.terms import Element, Expr, Index, Reduce
from symgrad.ir.text import parse
from symgrad.ir.visit import close_reduce, open_reduce, rebuild, substitute, walk
from tests.rewriting.random_systems import texts

N, K, J, D = index("n"), index("k"), index("j", "k"), index("d")


def test_equal_terms_are_the_same_object() -> None:
    assert add(element("X", N), const(1)) is add(const(1), element("X", N))
    assert Index("n", "n") is Index("n", "n", 0) is Index(name="n", axis="n")


def test_alpha_equivalent_sums_are_the_same_object() -> None:
    one = close_reduce("sum", (Index("k", "k", -1),), element("X", N, Index("k", "k", -1)))
    two = close_reduce("sum", (Index("k", "k", -7),), element("X", N, Index("k", "k", -7)))
    assert one is two


def test_the_letter_of_a_binder_is_kept() -> None:
    assert str(close_reduce("sum", (J,), element("X", N, J))) == "sum[j](X[n, j])"


def test_substituting_an_index_that_looks_like_the_bound_one_does_not_capture() -> None:
    body = mul(element("X", K), element("Y", N))
    total = close_reduce("sum", (K,), body)
    assert str(substitute(total, {N: K})) == "sum[k2](X[k2] * Y[k])"


def test_substituting_a_sum_into_a_sum_does_not_capture() -> None:
    inner = close_reduce("sum", (K,), element("X", N, K))
    outer = close_reduce("sum", (K,), mul(element("A", K), element("B", N)))
    gather = Element("T", (inner,))
    assert str(substitute(outer, {N: gather})) == "sum[k](A[k] * B[T[sum[k2](X[n, k2])]])"


def test_a_bound_index_is_not_substituted() -> None:
    total = close_reduce("sum", (K,), element("X", K))
    assert substitute(total, {K: N}) is total


def test_opening_and_closing_gives_the_term_back() -> None:
    total = close_reduce("sum", (K, D), mul(element("X", N, K), element("W", K, D)))
    assert isinstance(total, Reduce)
    bound, body, condition = open_reduce(total)
    assert close_reduce(total.op, bound, body, condition, total.ties) is total


def test_opened_indices_avoid_those_in_scope() -> None:
    total = close_reduce("sum", (K,), element("X", K))
    taken = Index("k", "k", -1)
    assert isinstance(total, Reduce)
    bound, _, _ = open_reduce(total, avoid=[taken])
    assert taken not in bound


def test_a_binder_that_is_not_closed_is_refused() -> None:
    inner = close_reduce("sum", (K,), element("X", K))
    with pytest.raises(AssertionError, match="close_reduce"):
        Reduce("sum", (Index("d", "d", 1),), inner)


@given(text=texts())
def test_terms_survive_copying_and_pickling_as_the_same_object(text: str) -> None:
    for equation in parse(text).equations:
        assert pickle.loads(pickle.dumps(equation.value)) is equation.value
        assert copy.deepcopy(equation.value) is equation.value


@given(text=texts(), seed=st.integers(0, 5))
def test_renaming_letters_there_and_back_is_the_identity(text: str, seed: int) -> None:
    for equation in parse(text).equations:
        letters = equation.letters
        away: dict[Index, Expr] = {
            i: Index(f"z{seed}", i.axis, -50 - k) for k, i in enumerate(letters)
        }
        back: dict[Index, Expr] = {j: i for i, j in away.items() if isinstance(j, Index)}
        assert substitute(substitute(equation.value, away), back) is equation.value


@given(text=texts())
def test_every_bound_index_is_above_the_binders_inside_it(text: str) -> None:
    for equation in parse(text).equations:
        for node in walk(equation.value):
            if isinstance(node, Reduce):
                assert min(i.serial for i in node.bound) > node.body.height


@given(text=texts())
def test_rebuilding_with_the_identity_changes_nothing(text: str) -> None:
    for equation in parse(text).equations:
        assert rebuild(equation.value, lambda e: e) is equation.value


def test_smart_constructors_keep_the_axioms_of_a_ring() -> None:
    x, y = element("X", N), element("Y", N)
    assert mul(x, y) is mul(y, x)
    assert add(x, x) is mul(const(2), x)
    assert mul(x, power(x, -1)) is const(1)
    assert power(mul(x, y), 2) is mul(power(x, 2), power(y, 2))
    assert power(power(x, 3), 2) is power(x, 6)
    assert power(const(4), Fraction(1, 2)) is const(2)
    assert mul(call("exp", x), const(0)) is const(0)


def test_the_root_of_a_square_is_not_the_number() -> None:
    x = element("X", N)
    assert power(power(x, 2), Fraction(1, 2)) is not x
    assert power(power(call("exp", x), 2), Fraction(1, 2)) is call("exp", x)
