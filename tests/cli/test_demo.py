"""`symgrad demo` on the small data set; tests/test_readme.py runs the whole one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from symgrad.cli import BAD_INPUT, NO, YES, demo, main

if TYPE_CHECKING:
    from pathlib import Path

DIGITS = ["demo", "--data", "digits"]


def test_demo_as_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_EXAMPLES", 1)
    assert main([*DIGITS, "--output", str(tmp_path / "out"), "--json"]) == YES
    data = json.loads(capsys.readouterr().out)
    assert data["verified"] is True
    ours, torch = data["training"]["ours"], data["training"]["torch"]
    # High rates amplify rounding errors over many epochs; the first one has to agree.
    assert ours["history"][0]["loss"] == pytest.approx(torch["history"][0]["loss"], rel=1e-12)
    assert ours["test"]["accuracy"] > 0.9


def test_demo_that_finds_a_defect_gives_1_after_all_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_verify", lambda *_, **__: False)
    assert main([*DIGITS, "--output", str(tmp_path)]) == NO
    assert capsys.readouterr().out.splitlines()[-1].startswith("test accuracy: ")


def test_demo_keeps_a_file_that_it_did_not_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "mlp_numpy.py"
    foreign.write_text("precious = 1\n", encoding="utf-8")
    assert main([*DIGITS, "--output", str(tmp_path)]) == BAD_INPUT
    assert foreign.read_text(encoding="utf-8") == "precious = 1\n"
    assert "mlp_numpy.py" in capsys.readouterr().err
