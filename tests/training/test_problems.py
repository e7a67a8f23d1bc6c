"""Plans and data that make no sense are refused before the first step."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from symgrad.errors import TrainingError
from symgrad.layers.registry import get
from symgrad.training.loop import fit
from symgrad.training.model import build_model
from symgrad.training.optimizers import make_optimizer
from symgrad.training.plan import Plan, Stop
from symgrad.training.problems import first_infinite
from tests.training.runs import MODEL, clusters

if TYPE_CHECKING:
    from collections.abc import Callable

    from symgrad.training.datasets import Dataset

PLAN = Plan(make_optimizer("sgd", lr=0.1), epochs=1, batch_size=16)


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 101}, "batch_size=101"),
        ({"dtype": "float16"}, "float16"),
        ({"schedule": "steep"}, "steep"),
        ({"init": "zeros"}, "init='zeros'"),
        ({"l1": -1.0}, "l1=-1.0"),
        ({"l2": float("nan")}, "l2=nan"),
        ({"validation": 1.0}, "validation=1.0"),
        ({"clip_norm": 0.0}, "clip_norm=0.0"),
        ({"clip_value": -1.0}, "clip_value=-1.0"),
        ({"stop": Stop(patience=0)}, "patience=0"),
        ({"stop": Stop(gradient_norm=0.0)}, "gradient_norm=0.0"),
        ({"stop": Stop(seconds=-1.0)}, "seconds=-1.0"),
    ],
)
def test_a_plan_that_makes_no_sense_is_an_error(changes: dict[str, Any], given: str) -> None:
    with pytest.raises(TrainingError, match=given):
        fit(MODEL, clusters(), replace(PLAN, **changes))


def changed(part: str, change: Callable[[Any], Any]) -> Dataset:
    data = clusters()
    return replace(data, **{part: change(getattr(data, part))})


def with_entry(at: Any, value: float) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array = array.copy()
        array[at] = value
        return array

    return change


@pytest.mark.parametrize(
    ("part", "change", "given", "expected"),
    [
        ("x_train", with_entry((7, 2), np.nan), "training row 7 with nan", "finite"),
        ("x_test", with_entry((3, 0), -np.inf), "test row 3 with -inf", "finite"),
        ("y_train", with_entry(5, 3), "training label 3 in row 5", "labels in 0..2"),
        ("y_test", with_entry(5, -1), "test label -1 in row 5", "labels in 0..2"),
        ("y_train", lambda y: y.astype(float), "training labels of type float64", "whole"),
        ("y_train", lambda y: y[:-1], "100 training rows with 99 targets", "as many"),
        ("x_train", lambda x: x[:, :-1], "training rows of shape [5]", "[6]"),
        ("y_test", lambda y: y[:0], "no test rows", "at least 1"),
        ("y_train", lambda y: y[:0], "no training rows", "at least 1"),
    ],
)
def test_data_that_do_not_fit_are_an_error(
    part: str, change: Callable[[Any], Any], given: str, expected: str
) -> None:
    with pytest.raises(TrainingError) as caught:
        fit(MODEL, changed(part, change), PLAN)
    assert given in caught.value.given
    assert expected in caught.value.expected


def test_targets_of_a_regression_are_finite_floats() -> None:
    model = build_model(get("linear")(6, 1), loss=get("mse"))
    with pytest.raises(TrainingError, match="targets of type int64"):
        fit(model, clusters(), PLAN)
    data = clusters()
    targets = {p: getattr(data, p)[:, None].astype(float) for p in ("y_train", "y_test")}
    fit(model, replace(data, classes=0, **targets), PLAN)
    targets["y_test"][4] = np.inf
    with pytest.raises(TrainingError, match="test target inf in row 4"):
        fit(model, replace(data, classes=0, **targets), PLAN)


def test_a_loss_that_is_not_finite_names_step_tensor_and_likely_cause() -> None:
    plan = replace(PLAN, optimizer=make_optimizer("gradient_descent", lr=1e200))
    with pytest.raises(TrainingError) as caught:
        fit(MODEL, clusters(), plan)
    assert caught.value.where == "epoch 1, step 2"
    pattern = (
        r"loss nan; the first that is not finite is fc2\.Y; .* parameter is fc\d.[Wb], \de\+\d+"
    )
    assert re.match(pattern.replace(r"\de", r"[\d.]+e"), caught.value.given)
    assert "learning rate" in caught.value.fix


@pytest.mark.parametrize("name", ["fc1.b", "fc2.W"])
def test_the_first_tensor_that_is_not_finite_may_be_a_parameter(name: str) -> None:
    data, start = clusters(), MODEL.initialise(0)
    values: dict[str, Any] = {**start, "X": data.x_train, "T": data.y_train}
    assert first_infinite(MODEL, values) == "loss.L"  # none is
    values[name] = np.full_like(start[name], np.inf)
    assert first_infinite(MODEL, values) == name
