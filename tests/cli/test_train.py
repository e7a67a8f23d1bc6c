"""`symgrad train` trains, draws and reports; a missing set says how to get it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from symgrad.cli import BAD_INPUT, YES, main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DIGITS = ["train", "mlp", "--data", "digits", "--epochs", "2"]


def test_training_ends_with_the_accuracy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    curve = tmp_path / "curve.png"
    assert main([*DIGITS, "--curve", str(curve)]) == YES
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("test accuracy: ")
    assert last.endswith(" %")
    assert curve.read_bytes().startswith(b"\x89PNG")


def test_comparison_gives_both_accuracies(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*DIGITS, "--compare", "--json"]) == YES
    data = json.loads(capsys.readouterr().out)
    assert data["epochs"] == 2
    assert data["ours"]["correct"] == data["torch"]["correct"]


def test_missing_set_says_how_to_get_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "mlp", "--data", "fashion-mnist", "--data-folder", str(tmp_path)]
    assert main(command) == BAD_INPUT
    assert "dataset-fashion-mnist" in capsys.readouterr().err
