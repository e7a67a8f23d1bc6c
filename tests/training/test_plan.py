"""Conditions that stop a run, and the scores it is judged by."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from symgrad.layers.registry import get
from symgrad.training.loop import fit, score
from symgrad.training.model import build_model
from symgrad.training.optimizers import make_optimizer
from symgrad.training.penalties import Shaping
from symgrad.training.plan import Epoch, Plan, Score, Stop
from symgrad.training.runners import GeneratedRunner, run_on
from tests.training.runs import MODEL, clusters

PLAN = Plan(make_optimizer("sgd", lr=0.1, momentum=0.9), epochs=30, batch_size=16)


def with_stop(**changes: Any) -> Any:
    return fit(MODEL, clusters(), replace(PLAN, **changes))


def test_a_run_that_nothing_stops_says_so() -> None:
    run = with_stop(epochs=2)
    assert run.stopped == ""
    assert len(run.history) == 2


def test_a_run_stops_at_its_loss_and_not_before() -> None:
    run = with_stop(stop=Stop(loss=0.1))
    assert run.stopped == "the loss is at most 0.1"
    assert run.last.loss <= 0.1 < run.history[-2].loss


def test_a_run_stops_once_its_gradients_are_short() -> None:
    run = with_stop(batch_size=100, epochs=100, stop=Stop(gradient_norm=0.2))
    assert run.stopped == "no gradient is longer than 0.2"
    assert [e.norm <= 0.2 for e in run.history] == [False] * (len(run.history) - 1) + [True]


def test_the_norm_of_an_epoch_is_that_of_its_longest_gradient() -> None:
    """For full batches it is that of the gradient at the start, by finite differences."""
    run = with_stop(batch_size=100, epochs=1, stop=Stop(gradient_norm=1e-9))
    start = MODEL.initialise(PLAN.seed)
    data, step, squares = clusters(), 1e-6, 0.0
    runner = GeneratedRunner("numpy", MODEL, PLAN.optimizer, start, Shaping())
    for name, value in start.items():
        for at in np.ndindex(value.shape):
            losses = []
            for sign in (1, -1):
                moved = {**start, name: value.copy()}
                moved[name][at] += sign * step
                runner.restore(moved, {}, 0)
                losses.append(runner.evaluate(data.x_train, data.y_train)[1])
            squares += ((losses[0] - losses[1]) / (2 * step)) ** 2
    assert run.last.norm == pytest.approx(squares**0.5, rel=1e-6)


def test_a_run_stops_when_its_time_is_over_even_within_an_epoch() -> None:
    run = with_stop(stop=Stop(seconds=1e-9))
    assert run.stopped == "1e-09 seconds are over"
    assert len(run.history) == 1


def history(losses: list[float], validation: list[float] | None = None) -> tuple[Epoch, ...]:
    rows = range(len(losses))
    held = {k: Score(validation[k], 1, 1) for k in rows} if validation else {}
    return tuple(Epoch(k + 1, losses[k], Score(losses[k], 1, 1), 0.0, held.get(k)) for k in rows)


@pytest.mark.parametrize(
    ("losses", "stops"),
    [
        ([3.0], False),
        ([3.0, 4.0], False),
        ([3.0, 4.0, 5.0], True),
        ([3.0, 4.0, 2.0, 2.5], False),
        ([3.0, 4.0, 2.0, 2.0, 2.0], True),
    ],
)
def test_patience_ends_after_so_many_epochs_without_a_lower_loss(
    losses: list[float], stops: bool
) -> None:
    reason = Stop(patience=2).reason(history(losses), 0.0)
    assert bool(reason) is stops
    falling = [1 / k for k in range(1, len(losses) + 1)]
    assert Stop(patience=2).reason(history(falling, losses), 0.0) == reason
    assert not Stop(patience=2).reason(history(losses, falling), 0.0)


def test_validation_rows_are_held_out_in_every_class() -> None:
    run = with_stop(validation=0.2, epochs=3)
    held = run.last.validation
    assert held.rows == 21  # 20 % of each of three classes, rounded
    assert held.accuracy > 0.8
    assert held.loss != run.last.test.loss
    assert with_stop(epochs=3).last.validation is None
    data = run.last.as_dict()
    assert data["validation"] == {
        "loss": held.loss,
        "rows": 21,
        "correct": held.correct,
        "accuracy": held.accuracy,
    }
    assert "gradient_norm" not in data


def test_scores_are_those_of_their_definitions() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((50, 3)), rng.standard_normal((50, 1))
    model = build_model(get("linear")(3, 1), loss=get("mse"))
    start = model.initialise(0)
    runner = run_on("numpy", model, PLAN.optimizer, start, Shaping())
    found = score(runner, x, y, classifies=False)
    missed = y - (x @ start["linear.W"].T + start["linear.b"])
    assert found.loss == pytest.approx((missed**2).mean())
    assert found.explained == pytest.approx(
        1 - missed.var() / y.var() - missed.mean() ** 2 / y.var()
    )
    assert str(found) == f"{found.explained:.4f}"
    assert found.value == found.explained
    assert found.as_dict() == {"loss": found.loss, "rows": 50, "explained": found.explained}
    assert score(runner, x, np.ones((50, 1)), classifies=False).explained == 0


def test_a_score_counts_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = clusters()
    runner = run_on("numpy", MODEL, PLAN.optimizer, MODEL.initialise(0))
    whole = score(runner, data.x_test, data.y_test, classifies=True)
    monkeypatch.setattr("symgrad.training.loop._CHUNK", 7)
    chunks = score(runner, data.x_test, data.y_test, classifies=True)
    assert chunks.correct == whole.correct
    assert chunks.loss == pytest.approx(whole.loss, rel=1e-12)
    assert str(whole) == f"{100 * whole.value:.1f} %"
