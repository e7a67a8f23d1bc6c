"""The derivations that people look up, as they are printed: golden LaTeX, steps, pictures."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from symgrad.autodiff.derive import derive
from symgrad.formula.derivation import LEVELS, as_markdown, chosen_steps, steps_as_text
from symgrad.formula.latex import latex_system
from symgrad.formula.picture import draw_derivation
from symgrad.ir.batch import fix_batch
from symgrad.ir.text import parse
from symgrad.layers.registry import LAYERS, Layer

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKED_UP = [
    *("linear", "relu", "sigmoid", "tanh", "softmax", "log_softmax", "logsumexp"),
    *("cross_entropy", "mse"),
]


@pytest.mark.parametrize("name", LOOKED_UP)
def test_closed_form_is_the_golden_one(name: str, golden: Callable[[str, str], None]) -> None:
    derivation = derive(LAYERS[name].system())
    golden(f"latex/{name}.tex", latex_system(derivation.backward) + "\n")


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: str(layer.name))
def test_every_layer_has_a_page(layer: Layer) -> None:
    derivation = derive(layer.system())
    page = as_markdown(derivation, "all")
    assert page.count("$$") % 2 == 0
    assert page.count("{") == page.count("}")


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: str(layer.name))
def test_steps_end_in_the_equations_that_result(layer: Layer) -> None:
    derivation = derive(layer.system())
    last = {(step.after.target, step.after.indices): step.after for step in derivation.steps}
    for equation in derivation.gradient:
        assert last.get((equation.target, equation.indices), equation) == equation


def test_steps_of_a_recurrence_close_the_loop() -> None:
    rnn = parse("A[t] = w * H[t-1] + X[t]\nH[t] = tanh(A[t])\nH[-1] = 0\nreturn H")
    derivation = derive(rnn)
    closed = [step for step in derivation.steps if step.rule == "close_loop"]
    shown = [str(step.after) for step in closed]
    assert set(shown) <= set(map(str, derivation.gradient))
    assert "H_prev_bar[size[t]] = 0" in shown
    assert any("H_prev_bar[t + 1]" in text for text in shown)


def test_more_is_shown_at_each_level() -> None:
    derivation = derive(LAYERS["softmax"].system())
    counts = [len(chosen_steps(derivation, level)) for level in LEVELS]
    assert counts[0] == 0 < counts[1] <= counts[2] == len(derivation.steps)


def test_steps_are_numbered_from_1() -> None:
    lines = steps_as_text(derive(LAYERS["softmax"].system()), "main")
    numbers = [int(line.split(".")[0]) for line in lines[::2]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_picture_of_the_readme_is_current(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    drawn = tmp_path / "softmax.svg"
    shown = Path(__file__).parents[2] / "docs" / "images" / "softmax.svg"
    draw_derivation(derive(fix_batch(LAYERS["softmax"].system(), ("n",))), drawn)
    if request.config.getoption("--update-golden"):
        shutil.copy(drawn, shown)
    # matplotlib keeps the source of each text as a comment; outlines may differ between systems.
    texts = [re.findall("<!-- (.*) -->", f.read_text(encoding="utf-8")) for f in (drawn, shown)]
    assert len(texts[0]) > 10
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["softmax", "linear", "leaky_relu"])
def test_picture_is_drawn_and_the_same_again(name: str, tmp_path: Path) -> None:
    derivation = derive(LAYERS[name].system())
    first = draw_derivation(derivation, tmp_path / "a.svg").read_bytes()
    assert draw_derivation(derivation, tmp_path / "b.svg").read_bytes() == first
    assert b"<svg" in first
