"""`symgrad verify` says yes to right code and no to a planted bug."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from symgrad.autodiff import derive as autodiff
from symgrad.cli import NO, YES, main
from symgrad.verification.mutants import mutants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System


@pytest.fixture
def planted_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every derivation wrong in one place."""
    right = autodiff.derive

    def wrong(system: System, wrt: Sequence[str] | None = None) -> Derivation:
        return next(mutants(right(system, wrt))).derivation

    monkeypatch.setattr(autodiff, "derive", wrong)


def test_right_code_gives_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "tanh", "--examples", "2"]) == YES
    captured = capsys.readouterr()
    assert "checks pass" in captured.out
    assert captured.err == ""


def test_targets_have_rows_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["verify", "tanh", "--target", "numpy", "--target", "reference", "--json"]
    assert main([*command, "--examples", "2"]) == YES
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["target"] for row in rows} == {"numpy", "reference"}


@pytest.mark.usefixtures("planted_bug")
def test_wrong_code_gives_1_and_a_program_that_shows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["verify", "tanh", "--examples", "2"]) == NO
    out = capsys.readouterr().out
    assert "checks fail" in out
    assert "import" in out


@pytest.mark.usefixtures("planted_bug")
def test_wrong_code_gives_1_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "tanh", "--examples", "2", "--json"]) == NO
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] is False
    assert any(row["verdict"] == "wrong" for row in data["rows"])
