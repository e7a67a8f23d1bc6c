"""Judging: a difference is wrong exactly when rounding does not explain it."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from symgrad.verification.outcome import (
    SECOND_ORDER,
    Outcome,
    cannot_tell,
    judge,
    judge_identity,
    worst,
    wrong,
)

ONES = np.ones((2, 3))
SMALL = np.full((2, 3), 1e-12)


def test_a_difference_below_the_bound_is_right() -> None:
    outcome = judge("X", ("n", "k"), ONES + 1e-12, ONES, SMALL)
    assert outcome.verdict == "ok"
    assert outcome.ulps == pytest.approx(1e-12 / 2**-52, rel=0.01)


def test_a_difference_above_the_bound_is_named_by_its_axes() -> None:
    bad = ONES.copy()
    bad[1, 2] += 2 * SECOND_ORDER * 1e-12
    outcome = judge("X", ("n", "k"), bad, ONES, SMALL)
    assert outcome.is_wrong
    assert "X at (n=1, k=2)" in outcome.detail


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_wrong_where_the_truth_is(value: float) -> None:
    assert judge("X", ("n",), np.array([value]), np.array([1.0]), np.array([1e-9])).is_wrong


def test_infinity_must_be_met_exactly() -> None:
    truth, bound = np.array([np.inf]), np.array([1e-9])
    assert judge("X", ("n",), truth, truth, bound).verdict == "ok"
    assert judge("X", ("n",), -truth, truth, bound).is_wrong
    assert judge("X", ("n",), np.array([1e300]), truth, bound).is_wrong


@pytest.mark.parametrize(("truth", "bound"), [(np.nan, 1e-9), (1.0, np.inf), (1.0, np.nan)])
def test_without_truth_or_bound_nothing_is_said(truth: float, bound: float) -> None:
    outcome = judge("X", ("n",), np.array([5.0]), np.array([truth]), np.array([bound]))
    assert outcome.verdict == "cannot tell"


def test_rounding_above_the_largest_number_may_overflow() -> None:
    largest = float(np.finfo(np.float64).max)
    truth, bound = np.array([largest]), np.array([largest * 1e-15])
    assert not judge("X", ("n",), np.array([np.inf]), truth, bound).is_wrong


def test_differences_are_taken_in_fifty_digits() -> None:
    with mpmath.workdps(50):
        truth = np.array([mpmath.mpf(1) / 3], dtype=object)
        outcome = judge("X", ("n",), np.array([1 / 3]), truth, np.array([1e-16]))
    assert 0 < outcome.ulps < 0.5


def test_shapes_must_agree() -> None:
    assert judge("X", ("n",), ONES, ONES[0], SMALL[0]).kind == "shape"


def test_identity_needs_far_more_digits_than_a_dtype_has() -> None:
    with mpmath.workdps(50):
        truth = np.array([mpmath.mpf(2) / 3], dtype=object)
        bound = np.array([1e-15])
        assert not judge_identity("X", ("n",), truth + mpmath.mpf("1e-48"), truth, bound).is_wrong
        assert judge_identity("X", ("n",), truth + mpmath.mpf("1e-35"), truth, bound).is_wrong


def test_identity_says_nothing_below_the_smallest_float_that_rounding_leaves() -> None:
    zero, bound = np.array([mpmath.mpf(0)]), np.zeros(1)
    with mpmath.workdps(50):
        assert not judge_identity("X", ("n",), zero, zero + mpmath.mpf("1e-1103"), bound).is_wrong
        assert judge_identity("X", ("n",), zero, zero + mpmath.mpf("1e-290"), bound).is_wrong


def test_one_defect_outweighs_everything() -> None:
    good, unknown, bad = Outcome("ok", 3.0), cannot_tell("?"), wrong("!")
    assert worst([good, bad, unknown]) is bad
    assert worst([good, unknown]) == Outcome("ok", 3.0)
    assert worst([unknown]) is unknown
    assert worst([]).verdict == "ok"
