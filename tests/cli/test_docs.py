"""`symgrad docs` writes the handbook, and says whether a written one is stale."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from symgrad.cli import BAD_INPUT, NO, YES, main
from symgrad.layers import registry
from symgrad.layers.registry import LAYERS, Layer

ROOT = Path(__file__).parent.parent.parent
COMMAND = ["docs", "tanh", "softmax"]


def test_written_site_is_current_until_something_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ["-o", str(tmp_path / "site")]
    assert main([*COMMAND, *where, "--check"]) == NO
    assert "tanh.html: missing" in capsys.readouterr().out
    assert main([*COMMAND, *where]) == YES
    assert capsys.readouterr().out == f"wrote 4 files to {tmp_path / 'site'}\n"
    assert main([*COMMAND, *where, "--check"]) == YES
    assert capsys.readouterr().out == f"{tmp_path / 'site'} is current\n"
    # The equations of a layer change: its page and the index are stale.
    changed = Layer("tanh", "Y[...] = 2 * tanh(X[...])", source="a planted change")
    monkeypatch.setitem(LAYERS, "tanh", changed)
    monkeypatch.setattr("symgrad.layers.activation.TANH", changed)
    assert main([*COMMAND, *where, "--check", "--json"]) == NO
    stale = json.loads(capsys.readouterr().out)["stale"]
    assert stale == ["tanh.html: changed", "index.html: changed"]


def test_a_page_that_someone_edited_is_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["docs", "tanh", "-o", str(tmp_path), "--format", "markdown"]
    assert main([*command, "--json"]) == YES
    assert json.loads(capsys.readouterr().out)["written"] == ["tanh.md", "index.md"]
    page = tmp_path / "tanh.md"
    page.write_text(page.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert main([*command, "--check"]) == NO
    assert "tanh.md: changed" in capsys.readouterr().out


def test_fewer_layers_leave_no_old_pages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["-o", str(tmp_path), "--format", "latex"]
    assert main([*COMMAND, *where]) == YES
    assert main(["docs", "tanh", *where]) == YES
    assert "1 removed" in capsys.readouterr().out
    assert sorted(f.name for f in tmp_path.iterdir()) == ["index.tex", "tanh.tex"]


@pytest.mark.parametrize(
    "arguments", [["docs"], ["docs", "sofmax", "-o", "x"], ["docs", "-o", "x", "--format", "pdf"]]
)
def test_bad_input(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == BAD_INPUT
    assert not Path("x").exists()
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_of_another_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.html").write_text("mine", encoding="utf-8")
    assert main(["docs", "tanh", "-o", str(tmp_path)]) == BAD_INPUT
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == "mine"
    assert "index.html" in capsys.readouterr().err


def test_readme_command_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"`symgrad (docs [^`]*)`", readme)
    assert found is not None
    monkeypatch.chdir(tmp_path)
    few = {name: LAYERS[name] for name in ("softmax", "linear")}
    monkeypatch.setattr(registry, "LAYERS", few)
    monkeypatch.setattr("symgrad.handbook.families.LAYERS", few)
    assert main(found[1].split()) == YES
    assert capsys.readouterr().out.startswith("wrote ")
    assert (tmp_path / "handbook" / "softmax.html").exists()
