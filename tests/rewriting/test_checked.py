"""Every step that is shown holds: at a random point, with 50 digits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from symgrad.autodiff.derive import derive
from symgrad.ir.build import add, mul
from symgrad.ir.compose import compose
from symgrad.ir.equation import Equation
from symgrad.ir.terms import ONE
from symgrad.ir.text import parse
from symgrad.layers.registry import LAYERS
from symgrad.rewriting.checked import ROUNDING, Cell, disagreements, worst
from tests.autodiff.forms import FORMS, derivation_of
from tests.codegen.loop_texts import TEXTS
from tests.ir.texts import ACCEPTANCE

RECURRENCES = ("rnn", "lstm_packed", "gru", "scan", "masked")


@pytest.mark.parametrize("name", FORMS)
def test_the_steps_of_a_closed_form_hold(name: str) -> None:
    off = worst(derivation_of(name).cells)
    assert off is not None
    assert off < ROUNDING


@pytest.mark.parametrize("name", RECURRENCES)
def test_the_steps_of_a_recurrence_hold(name: str) -> None:
    off = worst(derive(parse(TEXTS[name])).cells)
    assert off is not None
    assert off < ROUNDING


def test_the_steps_of_a_pool_hold_whose_window_is_no_axis_of_a_tensor() -> None:
    off = worst(derive(parse(ACCEPTANCE["max_pool"])).cells)
    assert off is not None
    assert off < ROUNDING


@pytest.mark.parametrize("name", ["layer_norm", "cross_entropy_weights", "attention_scale"])
def test_a_step_that_is_wrong_shows(name: str) -> None:
    (cell,) = derivation_of(name).cells
    for k, step in enumerate(cell.steps):
        wrong = replace(step.after, value=add(step.after.value, ONE))
        steps = (*cell.steps[:k], replace(step, after=wrong), *cell.steps[k + 1 :])
        off = disagreements(Cell(cell.system, cell.cotangents, steps))
        assert off is not None
        assert [o > ROUNDING for o in off] == [i == k for i in range(len(off))]


def test_a_network_is_checked_part_by_part() -> None:
    linear, relu = LAYERS["linear"], LAYERS["relu"]
    network = compose(linear(4, 3), relu.system(), linear(3, 2))
    derivation = derive(network)
    assert len(derivation.cells) == 3
    off = worst(derivation.cells)
    assert off is not None
    assert off < ROUNDING
    assert {step.law for step in derivation.steps if step.rule == "chain_rule"} >= {
        "linear1.Y is read in relu.Y"
    }


def test_what_has_no_small_instance_is_said_so() -> None:
    system = parse("X: real[n]\nsize[m] = size[n] - 9\nY[m] = X[m + 9]**2")
    assert worst(derive(system).cells) is None


def test_the_seed_chooses_the_point() -> None:
    system = parse("Y[n] = X[n]**2")
    cotangent = Equation("X_bar", system.tensor("X").positions(), mul(ONE, ONE))
    (cell,) = derive(system).cells
    wrong = Cell(system, (cotangent,), cell.steps)
    assert disagreements(wrong, 0) == disagreements(wrong, 0)
    assert disagreements(wrong, 0) != disagreements(wrong, 1)
