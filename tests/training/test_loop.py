"""Training: reproducible, the same on every target, and it learns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.errors import TrainingError
from symgrad.training.loop import batches, fit
from symgrad.training.networks import build_mlp
from symgrad.training.optimizers import make_optimizer
from symgrad.training.plan import Epoch, Plan
from symgrad.training.runners import run_on
from tests.training.runs import clusters

if TYPE_CHECKING:
    from symgrad.training.model import Model

PLAN = Plan(make_optimizer("sgd", lr=0.1, momentum=0.9), epochs=4, batch_size=16, seed=3)


@pytest.fixture(scope="module")
def model() -> Model:
    return build_mlp(6, 8, 3)


@pytest.mark.parametrize("schedule", ["constant", "onecycle"])
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
    assert run.last.test.rows == 50


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(model: Model) -> None:
    """At a rate of almost 0 nothing moves: it is the loss of all rows, the last batch is short."""
    optimizer = make_optimizer("gradient_descent", lr=1e-300)
    run = fit(model, clusters(), replace(PLAN, optimizer=optimizer, epochs=2))
    runner = run_on("numpy", model, optimizer, model.initialise(PLAN.seed))
    _, loss = runner.evaluate(clusters().x_train, clusters().y_train)
    assert [e.loss for e in run.history] == pytest.approx([loss, loss], rel=1e-12)


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
    rows = batches(count, plan, epoch)
    assert sorted(np.concatenate(rows)) == list(range(count))
    assert [len(r) for r in rows[:-1]] == [size] * (len(rows) - 1)


def test_a_target_that_does_not_exist_is_an_error(model: Model) -> None:
    with pytest.raises(TrainingError, match="numpy, torch or autograd"):
        fit(model, clusters(), PLAN, target="jax")
