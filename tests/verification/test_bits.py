"""Bits of error are counted in floats between a result and the truth, and show what code loses."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.autodiff.derive import derive
from symgrad.ir.text import parse
from symgrad.layers.registry import get
from symgrad.verification.bits import DTYPES, as_dicts, bits_of_error, measure, table
from symgrad.verification.faults import FAULTS
from symgrad.verification.instances import Instance
from symgrad.verification.oracles import Oracles
from symgrad.verification.subject import Subject

WIDTHS = {"float32": 32, "float64": 64}


@pytest.mark.parametrize("dtype", DTYPES)
@given(value=st.floats(-1e30, 1e30), steps=st.integers(0, 40))
def test_a_step_from_float_to_float_counts_one(dtype: str, value: float, steps: int) -> None:
    want = np.array([value], dtype)
    got = want.copy()
    for _ in range(steps):
        got = np.nextafter(got, np.array(np.inf, dtype))
    assert bits_of_error(got, want)[0] == pytest.approx(np.log2(1 + steps))
    assert bits_of_error(want, got)[0] == pytest.approx(np.log2(1 + steps))


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_no_number_is_wrong_in_every_bit(dtype: str) -> None:
    nan, one = np.array([np.nan], dtype), np.array([1], dtype)
    assert bits_of_error(nan, one).tolist() == [WIDTHS[dtype]]
    assert np.isnan(bits_of_error(one, nan)).all()
    assert bits_of_error(np.array([-0.0], dtype), np.array([0.0], dtype)).tolist() == [0]
    big = np.array([np.inf, -np.inf], dtype)
    assert bits_of_error(big, big).tolist() == [0, 0]
    assert WIDTHS[dtype] - 1 < bits_of_error(big[:1], big[1:])[0] <= WIDTHS[dtype]


def test_stable_code_loses_next_to_nothing() -> None:
    found = measure(Subject(derive(get("softplus").system()), "numpy"), examples=10)
    assert [(r.tensor, r.dtype) for r in found] == [
        (tensor, dtype) for dtype in DTYPES for tensor in ("Y", "X_bar")
    ]
    for row in found:
        assert row.entries > 30
        assert 0 < row.mean < row.worst <= 2


def test_a_derivative_of_what_was_saved_loses_all_bits_at_worst() -> None:
    """1 - Y**2 is all that is left of a tanh near 1; nothing but this measure sees it."""
    rows = {(r.tensor, r.dtype): r for r in measure(Subject(derive(get("tanh").system()), "numpy"))}
    assert rows["Y", "float64"].worst <= 2
    assert rows["X_bar", "float64"].worst > 40
    assert "not " in rows["X_bar", "float64"].where


def test_a_loss_of_half_the_digits_shows() -> None:
    bad = Subject(
        derive(get("softplus").system()), "numpy", fault=FAULTS["computes in half precision"]
    )
    rows = {(r.tensor, r.dtype): r for r in measure(bad, examples=5)}
    assert rows["X_bar", "float64"].mean > 25
    assert rows["X_bar", "float32"].mean > 10
    assert rows["Y", "float64"].worst <= 2


def test_the_truth_is_rounded_once() -> None:
    """Fifty digits do not tell 1 - exp(-400) from 1; more are taken until they do."""
    system = parse("Y[n] = (1 + exp(X[n])) - 1", name="cancels")
    point = Instance(
        system, {"n": 3}, (), {"X": np.array([-400.0, -1e4, 0.5])}, {"Y_bar": np.ones(3)}
    )
    found = Oracles(derive(system)).rounded(point)
    with mpmath.workdps(60):
        assert found["Y"][0] == float(mpmath.exp(-400))
    # The smallest of all floats is 0 here, whatever the digits.
    assert found["Y"][1] == 0
    single = Oracles(derive(system)).rounded(point.astype("float32"))
    assert single["Y"].dtype == np.float32


def test_an_entry_that_takes_too_many_digits_is_unknown() -> None:
    system = parse("Y[n] = ((1 + exp(X[n])) - 1) / exp(X[n])", name="cancels")
    point = Instance(system, {"n": 1}, (), {"X": np.array([-1e5])}, {"Y_bar": np.ones(1)})
    assert np.isnan(Oracles(derive(system)).rounded(point)["Y"]).all()


def test_rows_are_data_and_a_table() -> None:
    rows = measure(Subject(derive(get("relu").system()), "numpy"), examples=3)
    assert {r["tensor"] for r in as_dicts(rows)} == {"Y", "X_bar"}
    assert table(rows).row_count == 2
