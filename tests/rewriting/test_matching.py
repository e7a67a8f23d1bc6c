"""Patterns match up to order and at any indices, inside larger sums too, and never by capture."""

from __future__ import annotations

from symgrad.ir.terms import Expr, Index, Reduce
from symgrad.ir.text import parse
from symgrad.rewriting.matching import match, replace_in_sum
from symgrad.rewriting.normal import normal


def value(text: str) -> Expr:
    return normal(parse(text).equations[-1].value)


def variables(text: str) -> frozenset[Index]:
    return frozenset(parse(text).equations[-1].letters)


PATTERN = "Y[n, k] = exp(X[n, k]) * a[n]"


def test_a_pattern_matches_in_another_order_and_at_data() -> None:
    term = value("T: index(k)[n]\nX: real[n, k]\nY[n] = a[n] * exp(X[n, T[n]])")
    found = match(value(PATTERN), term, variables(PATTERN))
    assert found is not None
    assert {str(i): str(e) for i, e in found.items()} == {"n": "n", "k": "T[n]"}


def test_a_pattern_does_not_match_where_one_letter_would_stand_for_two() -> None:
    term = parse("X: real[n, k]\nb: real[m]\nY[n, m, k] = exp(X[n, k]) * a[m]").equations[-1].value
    assert match(value(PATTERN), normal(term), variables(PATTERN)) is None


def test_a_sum_is_found_inside_a_larger_sum() -> None:
    whole = "P: real[n, k]\nY[n] = sum[k](P[n, k])"
    pattern = value(whole)
    term = value("P: real[n, k]\nY = sum[n, k](G[n] * P[n, k])")
    one = value("Y = 1")
    assert isinstance(pattern, Reduce)
    assert isinstance(term, Reduce)
    new = replace_in_sum(pattern, one, term, variables(whole))
    assert new is not None
    assert str(new) == "sum[n](G[n])"


def test_a_sum_is_not_found_where_another_factor_shares_its_index() -> None:
    whole = "P: real[n, k]\nY[n] = sum[k](P[n, k])"
    pattern = value(whole)
    term = value("P: real[n, k]\nY = sum[n, k](G[n, k] * P[n, k])")
    assert isinstance(pattern, Reduce)
    assert isinstance(term, Reduce)
    assert replace_in_sum(pattern, value("Y = 1"), term, variables(whole)) is None
