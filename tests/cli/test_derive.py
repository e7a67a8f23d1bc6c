"""What `symgrad derive` prints, and what it does not load."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from symgrad.cli import YES, main
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from pathlib import Path

LINEAR = "Y[n,o] = sum[i](X[n,i]*W[o,i]) + b[o]"


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a command prints."""
    assert main(arguments) == YES
    return capsys.readouterr().out


def test_gradient_of_linear(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(["derive", LINEAR, "--wrt", "W,X"], capsys)
    assert "W_bar[o, i] = sum[n](X[n, i] * Y_bar[n, o])" in text
    assert "X_bar[n, i] = sum[o](W[o, i] * Y_bar[n, o])" in text
    assert "b_bar" not in text


def test_derivation_has_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(["derive", "softmax"], capsys)
    titles = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert titles == [
        *("softmax", "Tensors", "Equations", "Gradient", "In matrix notation"),
        *("Steps", "Saved for the way back", "Operations"),
    ]


def test_data_holds_what_the_text_holds(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(printed(["derive", "softmax", "--json"], capsys))
    text = printed(["derive", "softmax"], capsys)
    for key in ("equations", "gradient", "matrices", "saved"):
        assert data[key]
        assert all(line in text for line in data[key])
    assert [step["after"] in text for step in data["steps"]].count(False) == 0
    assert set(data["operations"]) == {"forward", "backward"}


def test_gradient_is_text_of_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(printed(["derive", LINEAR, "--json"], capsys))
    text = "\n".join(data["gradient"])
    # Cotangents are reserved names: they come from derivations alone.
    again = parse(text.replace("_bar", "_grad"))
    assert set(again.defined) == {"X_grad", "W_grad", "b_grad"}


@pytest.mark.parametrize(("level", "count"), [("none", 0), ("main", 1), ("all", 1)])
def test_steps_level(level: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(printed(["derive", "softmax", "--steps", level, "--json"], capsys))
    assert min(len(data["steps"]), 1) == count


def test_all_steps_are_at_least_the_main_ones(capsys: pytest.CaptureFixture[str]) -> None:
    main_steps, every = (
        json.loads(printed(["derive", "softmax", "--steps", level, "--json"], capsys))["steps"]
        for level in ("main", "all")
    )
    assert all(step in every for step in main_steps)


def test_equations_are_read_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "affine.txt"
    file.write_text(LINEAR, encoding="utf-8")
    assert printed(["derive", str(file)], capsys).startswith("affine\n")


def test_picture_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "softmax.svg"
    printed(["derive", "softmax", "--picture", str(file)], capsys)
    first = file.read_bytes()
    printed(["derive", "softmax", "--picture", str(file)], capsys)
    assert file.read_bytes() == first
    assert b"<svg" in first


@pytest.mark.parametrize("arguments", [["derive", "softmax"], ["derive", LINEAR, "--wrt", "W,X"]])
def test_deriving_loads_nothing_heavy(arguments: list[str]) -> None:
    heavy = ("torch", "matplotlib", "hypothesis", "scipy")
    code = (
        "import sys; from symgrad.cli import main; "
        f"assert main({arguments!r}) == 0; "
        f"sys.exit(','.join(n for n in {heavy!r} if n in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
