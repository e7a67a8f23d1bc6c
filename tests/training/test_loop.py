"""Training: reproducible, the same on every target, and it learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.errors import TrainingError
from symgrad.layers.registry import get
from symgrad.training.classifier import build_mlp
from symgrad.training.datasets import Dataset
from symgrad.training.loop import Epoch, Plan, batches, fit
from symgrad.training.model import Model, build_model
from symgrad.training.optimizers import make_optimizer

PLAN = Plan(make_optimizer("sgd", lr=0.1, momentum=0.9), epochs=4, batch_size=16, seed=3)


def clusters(rows: int = 150, features: int = 6, classes: int = 3) -> Dataset:
    """Return points around one centre for each class."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % classes
    x = rng.standard_normal((classes, features))[y] * 2 + rng.standard_normal((rows, features))
    cut = 2 * rows // 3
    return Dataset("clusters", x[:cut], y[:cut], x[cut:], y[cut:], classes, (2, 3))


@pytest.fixture(scope="module")
def model() -> Model:
    return build_mlp(6, 8, 3)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.torch
def test_all_targets_and_autograd_walk_one_path(model: Model, schedule: str) -> None:
    plan = replace(PLAN, schedule=schedule)
    runs = [fit(model, clusters(), plan, target=t) for t in ("numpy", "torch", "autograd")]
    assert len({run.gradients for run in runs}) == 3
    for run in runs[1:]:
        for name in model.params:
            a, b = run.parameters[name], runs[0].parameters[name]
            assert np.linalg.norm(a - b) <= 1e-12 * np.linalg.norm(b)
        assert [e.correct for e in run.history] == [e.correct for e in runs[0].history]
        np.testing.assert_allclose(
            [e.loss for e in run.history], [e.loss for e in runs[0].history], rtol=1e-12
        )


def test_the_loss_falls_and_the_classes_are_found(model: Model) -> None:
    run = fit(model, clusters(), PLAN)
    losses = [e.loss for e in run.history]
    assert losses[-1] < 0.5 * losses[0]
    assert run.last.accuracy > 0.9
    assert [e.number for e in run.history] == [1, 2, 3, 4]
    assert run.last.rows == 50


def test_a_run_repeats_bit_by_bit_and_depends_on_its_seed(model: Model) -> None:
    first, second = fit(model, clusters(), PLAN), fit(model, clusters(), PLAN)
    other = fit(model, clusters(), replace(PLAN, seed=4))
    for name in model.params:
        np.testing.assert_array_equal(first.parameters[name], second.parameters[name])
        assert (first.parameters[name] != other.parameters[name]).any()


def test_full_batches_do_not_depend_on_the_order_of_rows(model: Model) -> None:
    start = model.initialise(0)
    runs = [
        fit(model, clusters(), replace(PLAN, batch_size=100, seed=seed), start=start)
        for seed in (1, 2)
    ]
    for name in model.params:
        np.testing.assert_allclose(
            runs[0].parameters[name], runs[1].parameters[name], rtol=1e-10, atol=1e-13
        )


def test_float32_stays_float32(model: Model) -> None:
    run = fit(model, clusters(), replace(PLAN, dtype="float32"))
    assert {v.dtype for v in run.parameters.values()} == {np.dtype(np.float32)}


def test_the_start_is_not_changed(model: Model) -> None:
    start = model.initialise(0)
    kept = {n: v.copy() for n, v in start.items()}
    fit(model, clusters(), PLAN, start=start)
    for name in model.params:
        np.testing.assert_array_equal(start[name], kept[name])


def test_each_epoch_is_reported(model: Model) -> None:
    seen: list[Epoch] = []
    run = fit(model, clusters(), PLAN, on_epoch=lambda epoch, _: seen.append(epoch))
    assert tuple(seen) == run.history


@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 9), st.integers(1, 9))
def test_the_batches_of_an_epoch_are_a_partition(
    count: int, size: int, seed: int, epoch: int
) -> None:
    plan = replace(PLAN, batch_size=size, seed=seed)
    rows = list(batches(count, plan, epoch))
    assert sorted(np.concatenate(rows)) == list(range(count))
    assert [len(r) for r in rows[:-1]] == [size] * (len(rows) - 1)


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"dtype": "float16"}, "float16"),
        ({"schedule": "steep"}, "steep"),
    ],
)
def test_a_plan_that_makes_no_sense_is_an_error(
    model: Model, changes: dict[str, Any], given: str
) -> None:
    with pytest.raises(TrainingError, match=given):
        fit(model, clusters(), replace(PLAN, **changes))


def test_a_target_that_does_not_exist_is_an_error(model: Model) -> None:
    with pytest.raises(TrainingError, match="numpy, torch or autograd"):
        fit(model, clusters(), PLAN, target="jax")


def test_a_loss_without_classes_is_an_error() -> None:
    with pytest.raises(TrainingError, match="index targets"):
        fit(build_model(get("linear")(6, 3), loss=get("mse")), clusters(), PLAN)


def test_a_loss_that_stops_being_finite_names_the_step(model: Model) -> None:
    data = clusters()
    data.x_train[7] = np.nan
    with pytest.raises(TrainingError, match=r"epoch 1, step \d") as caught:
        fit(model, data, PLAN)
    assert "learning rate" in str(caught.value.as_dict()["fix"])
