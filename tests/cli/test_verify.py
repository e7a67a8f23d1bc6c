"""`symgrad verify` says yes to right code and no to a planted bug."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from symgrad.autodiff import derive as autodiff
from symgrad.cli import BAD_INPUT, NO, YES, console, main
from symgrad.cli import verify as command
from symgrad.layers import registry
from symgrad.verification.checks import CHECKS
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
    assert "from symgrad.verification.verify import replay" in out


@pytest.mark.usefixtures("planted_bug")
def test_wrong_code_gives_1_as_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "tanh", "--examples", "2", "--json"]) == NO
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] is False
    assert any(row["verdict"] == "wrong" for row in data["rows"])


@pytest.fixture
def two_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two layers only, one of which has options."""
    layers = {name: registry.get(name) for name in ("tanh", "mse")}
    monkeypatch.setattr(registry, "LAYERS", layers)


@pytest.mark.torch
@pytest.mark.usefixtures("two_layers")
def test_all_is_every_layer_with_every_option_on_both_targets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["verify", "--all", "--examples", "1", "--json"]) == YES
    data = json.loads(capsys.readouterr().out)
    found = {(row["layer"], row["target"], row["check"]) for row in data["rows"]}
    layers = ["mse(reduction=mean)", "mse(reduction=none)", "mse(reduction=sum)", "tanh"]
    # A proof about the formulas is the same on every target.
    assert found == {
        (layer, target, check.name)
        for layer in layers
        for target in ("numpy", "torch")
        for check in CHECKS.values()
        if check.applies_to(target) and not (check.once and target == "torch")
    }
    assert all(row["seconds"] > 0 for row in data["rows"])


@pytest.mark.usefixtures("two_layers", "planted_bug")
def test_all_fails_if_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--all", "--target", "reference", "--examples", "1"]) == NO
    assert "checks fail" in capsys.readouterr().out


def test_options_that_are_left_open_take_every_value(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["verify", "mse", "--target", "reference", "--examples", "1", "--json"]
    assert main(arguments) == YES
    assert len({r["layer"] for r in json.loads(capsys.readouterr().out)["rows"]}) == 3
    assert main([*arguments, "--option", "reduction=sum"]) == YES
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {r["layer"] for r in rows} == {"mse(reduction=sum)"}


def test_thorough_tries_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "THOROUGH", 3)
    arguments = ["verify", "Y[n] = 2 * X[n]", "--target", "reference", "--json"]
    counts: list[int] = []
    monkeypatch.setattr(
        console,
        "say_json",
        lambda data: counts.append(max(r["examples"] for r in data["rows"])),
    )
    assert main([*arguments, "--thorough"]) == YES
    assert main([*arguments, "--examples", "2"]) == YES
    assert counts == [3, 2]


@pytest.mark.parametrize(
    "arguments", [[], ["tanh", "--all"], ["--all", "--option", "reduction=sum"]], ids=" ".join
)
def test_it_is_either_one_thing_or_all(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *arguments]) == BAD_INPUT
    assert "symgrad verify --all" in capsys.readouterr().err
