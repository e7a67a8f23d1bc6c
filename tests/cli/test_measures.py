"""`symgrad verify --report bits|bugs` prints measurements, and says no where too much gets away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from symgrad.cli import NO, YES, main
from symgrad.verification import scoring
from symgrad.verification.checks import CHECKS

if TYPE_CHECKING:
    import pytest

BUGS = ["verify", "tanh", "--report", "bugs", "--target", "numpy", "--examples", "4"]


def test_bits_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "relu", "--report", "bits", "--examples", "3"]) == YES
    out = capsys.readouterr().out
    assert "float64 mean" in out
    assert "X_bar" in out


def test_bits_are_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "relu", "--report", "bits", "--examples", "3", "--json"]) == YES
    rows = json.loads(capsys.readouterr().out)
    assert {(r["tensor"], r["dtype"]) for r in rows} == {
        (tensor, dtype) for tensor in ("Y", "X_bar") for dtype in ("float32", "float64")
    }
    assert all(r["worst"] == 0 for r in rows if r["tensor"] == "Y")


def test_planted_bugs_are_counted_by_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*BUGS, "--json"]) == YES
    found = json.loads(capsys.readouterr().out)
    assert found["killed"] >= scoring.LEAST
    assert found["planted"] > 25
    assert set(found["by_check"]) >= set(CHECKS)
    assert found["by_check"]["vjp equals the adjoint"] > 10


def test_bugs_that_get_away_are_listed_and_are_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    only = "cotangents have shape and dtype"
    monkeypatch.setattr(scoring, "CHECKS", {only: CHECKS[only]})
    assert main(BUGS) == NO
    out = capsys.readouterr().out
    assert "% noticed" in out
    assert "NOT NOTICED: tanh, wrong sign in X_bar (1)" in out
