"""0 yes, 1 no, 2 bad input; results on standard output, messages on standard error."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from symgrad.cli import BAD_INPUT, YES, derive, main
from symgrad.errors import UnknownLayerError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = [
    ["layers"],
    ["layers", "softmax"],
    ["layers", "--json"],
    ["derive", "tanh", "--steps", "all"],
    ["derive", "tanh", "--format", "markdown"],
    ["derive", "Y[n,o] = sum[i](X[n,i]*W[o,i]) + b[o]", "--wrt", "W,X"],
    ["derive", "sgd", "--option", "nesterov=true", "--steps", "none"],
    ["gen", "tanh"],
    ["gen", "tanh", "--target", "torch", "--json"],
    ["gen", "mse", "--batch", "m n", "--own", "T=n"],
    ["--version"],
    ["--help"],
    ["derive", "-h"],
]
BAD = [
    ["derive", "sofmax"],
    ["derive", "Y[n, o] = X[n, i] * W[o, i]"],
    ["derive", "Y[n, o] = sum[i](X[n, i] * W[o, i]", "--wrt", "W"],
    ["derive", "tanh", "--wrt", "Q"],
    ["derive", "tanh", "--wrt", ""],
    ["derive", "no-such-file.txt"],
    ["derive", "tanh", "--steps", "few"],
    ["derive", "tanh", "--option", "nonsense"],
    ["derive", "tanh", "--option", "stride=2"],
    ["derive"],
    ["gen", "tanh", "--target", "fortran"],
    ["gen", "tanh", "--output", "."],
    ["gen", "mse", "--own", "T"],
    ["gen", "mse", "--batch", "m n", "--own", "T=m"],
    ["layers", "sofmax"],
    ["train", "mlp", "--data", "imagenet"],
    ["train", "mlp", "--data", "fashion-mnist", "--data-folder", "no-such-folder"],
    ["integrate", "softmax"],
]


@pytest.mark.parametrize("arguments", GOOD, ids=" ".join)
def test_good_input_gives_0_and_a_result(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == YES
    captured = capsys.readouterr()
    assert captured.out.strip()
    assert captured.err == ""
    if "--json" in arguments:
        json.loads(captured.out)


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_bad_input_gives_2_and_a_message_without_traceback(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip()
    assert "Traceback" not in captured.err
    assert "unexpected" not in captured.err


def test_unknown_layer_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    main(["derive", "sofmax"])
    assert "softmax" in capsys.readouterr().err


def test_json_reports_an_error_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "sofmax", "--json"]) == BAD_INPUT
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == UnknownLayerError.code
    assert captured.err == ""


@pytest.mark.parametrize("arguments", [["--debug", "derive", "x"], ["derive", "x", "--debug"]])
def test_debug_lets_the_exception_out(arguments: list[str]) -> None:
    with pytest.raises(UnknownLayerError):
        main(arguments)


def test_defect_is_one_line_that_asks_for_debug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(derive, "show", broken)
    assert main(["derive", "tanh"]) == BAD_INPUT
    err = capsys.readouterr().err
    assert "ZeroDivisionError: planted" in err
    assert "--debug" in err


def test_module_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "symgrad", "layers", "nothing"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")


def test_reader_that_leaves_early_is_no_error() -> None:
    program = f"{sys.executable} -m symgrad layers --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {program}"], check=False, capture_output=True, text=True
    )
    assert done.stderr == ""


def test_generated_file_replaces_its_own_kind_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tanh.py"
    assert main(["gen", "tanh", "-o", str(file)]) == YES
    first = file.read_text(encoding="utf-8")
    assert main(["gen", "tanh", "-o", str(file)]) == YES
    assert file.read_text(encoding="utf-8") == first
    file.write_text("precious = 1\n", encoding="utf-8")
    assert main(["gen", "tanh", "-o", str(file)]) == BAD_INPUT
    assert file.read_text(encoding="utf-8") == "precious = 1\n"
    assert "precious" not in capsys.readouterr().err
