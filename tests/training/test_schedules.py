"""Schedules start at the full rate and never rise or turn negative."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.training.schedules import SCHEDULES


@pytest.mark.parametrize("name", SCHEDULES)
@given(a=st.floats(0, 1), b=st.floats(0, 1))
def test_a_schedule_falls_from_one_and_stays_at_least_zero(name: str, a: float, b: float) -> None:
    schedule = SCHEDULES[name]
    assert schedule(0.0) == 1.0
    assert schedule(min(a, b)) >= schedule(max(a, b)) >= 0.0


@pytest.mark.parametrize(("name", "end"), [("constant", 1.0), ("linear", 0.0), ("cosine", 0.0)])
def test_a_schedule_ends_where_it_says(name: str, end: float) -> None:
    assert SCHEDULES[name](1.0) == pytest.approx(end, abs=1e-15)
    assert SCHEDULES[name](0.5) == pytest.approx((1 + end) / 2)
