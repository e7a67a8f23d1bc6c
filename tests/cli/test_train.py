"""`symgrad train` trains, draws and reports; a missing set says how to get it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from symgrad.autodiff import derive
from symgrad.cli import BAD_INPUT, INTERRUPTED, NO, YES, main, train
from symgrad.ir.build import const, mul
from symgrad.training.checkpoints import Checkpoint, save

if TYPE_CHECKING:
    from pathlib import Path

    from symgrad.derivation import Derivation

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
    assert data["ours"]["test"] == pytest.approx(data["torch"]["test"])


def test_missing_set_says_how_to_get_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "mlp", "--data", "fashion-mnist", "--data-folder", str(tmp_path)]
    assert main(command) == BAD_INPUT
    assert "dataset-fashion-mnist" in capsys.readouterr().err


def test_several_optimizers_make_a_table_and_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*DIGITS, "--optimizer", "sgd,rmsprop,adam", "--compare"]) == YES
    lines = capsys.readouterr().out.splitlines()
    head = next(k for k, line in enumerate(lines) if line.startswith("optimizer"))
    rows = lines[head + 1 : head + 4]
    assert [row.partition("(")[0] for row in rows] == ["sgd", "rmsprop", "adam"]
    for row in rows:
        *_, ours, _, _, theirs, _, distance = row.split()
        assert ours == theirs
        assert float(distance) < 1e-8
    assert lines[-1] == "learning curves: mlp-digits.png"
    assert (tmp_path / "mlp-digits.png").read_bytes().startswith(b"\x89PNG")


def test_several_optimizers_as_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    curve = ["--curve", str(tmp_path / "curve.png")]
    assert main([*DIGITS, "--optimizer", "sgd,adam(lr=0.01)", "--json", *curve]) == YES
    data = json.loads(capsys.readouterr().out)
    assert [row["optimizer"] for row in data] == ["sgd(lr=0.1, momentum=0.9)", "adam(lr=0.01)"]
    assert all(row["torch"] is None for row in data)


def test_a_regression_tells_how_much_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "linear", "--data", "diabetes", "--validation", "0.1", "--patience", "2"]
    assert main([*command, "--epochs", "60", "--optimizer", "gradient_descent"]) == YES
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("test R squared: 0.5")
    assert "stopped: no lower loss for 2 epochs" in lines
    assert any(line.split()[:3] == ["epoch", "loss", "validation"] for line in lines)


def test_a_run_goes_on_from_its_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.safetensors"
    command = [*DIGITS, "--schedule", "warmup(steps=9)", "--clip-norm", "1", "--l2", "1e-4"]
    assert main([*command, "--checkpoint", str(path), "--every", "50", "--json"]) == YES
    first = json.loads(capsys.readouterr().out)
    assert main([*command, "--epochs", "3", "--checkpoint", str(path), "--json"]) == YES
    more = json.loads(capsys.readouterr().out)
    assert more["ours"]["history"][:2] == first["ours"]["history"]
    assert len(more["ours"]["history"]) == 3
    assert main([*command, "--l2", "1", "--checkpoint", str(path)]) == BAD_INPUT
    assert "l2: 0.0001" in capsys.readouterr().err
    assert main([*DIGITS, "--checkpoint", str(tmp_path / "new")]) == YES
    assert f"checkpoint: {tmp_path / 'new'}" in capsys.readouterr().out


def test_ctrl_c_tells_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.safetensors"

    def press(_: object, checkpoint: Checkpoint) -> None:
        save(path, checkpoint)
        raise KeyboardInterrupt

    monkeypatch.setattr("symgrad.training.loop.save", press)
    assert main([*DIGITS, "--init", "he", "--checkpoint", str(path)]) == INTERRUPTED
    assert capsys.readouterr().err == f"stopped; the same command goes on from {path}\n"
    assert main([*DIGITS, "--checkpoint", str(path)]) == BAD_INPUT
    assert "init: he" in capsys.readouterr().err


def test_the_gradients_are_verified_if_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_EXAMPLES", 1)
    command = ["train", "linear", "--data", "diabetes", "--epochs", "1"]
    assert main(command) == YES
    assert "derived from the equations; not verified (--verify)" in capsys.readouterr().out
    assert main([*command, "--verify"]) == YES
    assert re.search(r"; verified: all \d\d checks pass\n", capsys.readouterr().out)
    assert main([*command, "--verify", "--json"]) == YES
    assert json.loads(capsys.readouterr().out)["verified"] > 9


def test_wrong_gradients_are_not_trained_with(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_EXAMPLES", 1)
    derived = derive.derive

    def wrong(*given: object) -> Derivation:
        found: Derivation = derived(*given)  # type: ignore[arg-type]
        first, *rest = found.backward.equations
        doubled = replace(first, value=mul(const(2), first.value))
        return replace(found, backward=replace(found.backward, equations=(doubled, *rest)))

    monkeypatch.setattr(derive, "derive", wrong)
    assert main(["train", "linear", "--data", "diabetes", "--verify"]) == NO
    assert "checks fail" in capsys.readouterr().out
