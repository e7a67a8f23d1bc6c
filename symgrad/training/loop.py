"""The training loop: mini-batches, epochs, history.

In: a model, a data set, a plan. Out: parameters and the history of the run, as data.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.errors import TrainingError
from symgrad.training.progress import Progress
from symgrad.training.runners import run_on
from symgrad.training.schedules import SCHEDULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from symgrad.training.datasets import Dataset
    from symgrad.training.initializers import Array
    from symgrad.training.model import Model
    from symgrad.training.optimizers import Optimizer
    from symgrad.training.runners import Runner

#: Rows that are evaluated at a time.
_CHUNK = 4096


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        optimizer: What makes the steps.
        epochs: How often the training rows are gone through.
        batch_size: Rows in a step; the last step of an epoch takes what is left.
        seed: Of the start values and of the order of the rows.
        dtype: "float64" or "float32".
        schedule: A name in `symgrad.training.schedules.SCHEDULES`.
    """

    optimizer: Optimizer
    epochs: int = 10
    batch_size: int = 64
    seed: int = 0
    dtype: str = "float64"
    schedule: str = "constant"


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought.

    Attributes:
        number: Counted from 1.
        loss: Mean loss of its steps, weighted by rows.
        correct: Test rows that were classified rightly after it.
        rows: Number of test rows.
        seconds: Time since the start of the run.
    """

    number: int
    loss: float
    correct: int
    rows: int
    seconds: float

    @property
    def accuracy(self) -> float:
        """Share of test rows that were classified rightly."""
        return self.correct / self.rows


@dataclass(frozen=True)
class TrainingRun:
    """A finished run.

    Attributes:
        gradients: Where the gradients came from, in words.
        parameters: The trained parameters by name.
        history: One row for each epoch.
    """

    gradients: str
    parameters: dict[str, Array]
    history: tuple[Epoch, ...]

    @property
    def last(self) -> Epoch:
        """The last epoch."""
        return self.history[-1]


def fit(  # noqa: PLR0913 (the last four are rarely given)
    model: Model,
    dataset: Dataset,
    plan: Plan,
    *,
    target: str = "numpy",
    start: Mapping[str, Array] | None = None,
    on_epoch: Callable[[Epoch, Runner], None] | None = None,
    show_progress: bool = False,
) -> TrainingRun:
    """Train a classifier by gradient descent.

    Args:
        model: What is trained.
        dataset: Rows and labels.
        plan: How.
        target: "numpy" or "torch" for generated code, "autograd" for torch's own gradients.
        start: Start values; drawn with the plan's seed unless given.
        on_epoch: Called after each epoch.
        show_progress: Whether to draw a bar once the run has lasted a second.

    Raises:
        TrainingError: If the plan or the data make no sense, or the loss stops being finite.
    """
    _check(model, dataset, plan)
    values = start or model.initialise(plan.seed, plan.dtype)
    runner = run_on(target, model, plan.optimizer, values)
    x = runner.place(dataset.x_train.astype(plan.dtype, copy=False))
    y = runner.place(dataset.y_train)
    x_test = runner.place(dataset.x_test.astype(plan.dtype, copy=False))
    began = perf_counter()
    history: list[Epoch] = []
    scale = SCHEDULES[plan.schedule]
    steps = ceil(len(dataset.y_train) / plan.batch_size)
    all_steps = plan.epochs * steps
    with Progress(all_steps, label=runner.gradients, enabled=show_progress) as progress:
        for number in range(1, plan.epochs + 1):
            total = 0.0
            for step, rows in enumerate(batches(len(dataset.y_train), plan, number)):
                loss = runner.step(x[rows], y[rows], scale(progress.done / all_steps))
                if not isfinite(loss):
                    raise _diverged(loss, number, step, plan)
                total += loss * len(rows)
                progress.advance(loss)
            correct = count_correct(runner, x_test, dataset.y_test)
            seconds = perf_counter() - began
            mean = total / len(dataset.y_train)
            history.append(Epoch(number, mean, correct, len(dataset.y_test), seconds))
            if on_epoch is not None:
                on_epoch(history[-1], runner)
    return TrainingRun(runner.gradients, runner.parameters(), tuple(history))


def batches(count: int, plan: Plan, epoch: int) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    """Yield the rows of each batch of an epoch; the order depends on seed and epoch alone."""
    order = np.random.default_rng((plan.seed, epoch)).permutation(count)
    for at in range(0, count, plan.batch_size):
        yield order[at : at + plan.batch_size]


def count_correct(runner: Runner, x: Any, y: np.ndarray[Any, np.dtype[np.int64]]) -> int:
    """Return how many rows get their largest output at their label."""
    found = 0
    for at in range(0, len(y), _CHUNK):
        outputs = runner.predict(x[at : at + _CHUNK])
        found += int((outputs.argmax(axis=-1) == y[at : at + _CHUNK]).sum())
    return found


def _check(model: Model, dataset: Dataset, plan: Plan) -> None:
    problems = [
        (not model.classifies, "a loss without classes", "a loss with index targets"),
        (plan.epochs < 1, f"epochs={plan.epochs}", "at least 1"),
        (plan.batch_size < 1, f"batch_size={plan.batch_size}", "at least 1"),
        (plan.dtype not in ("float32", "float64"), f"dtype={plan.dtype!r}", "float32 or float64"),
        (plan.schedule not in SCHEDULES, f"schedule={plan.schedule!r}", ", ".join(SCHEDULES)),
        (not len(dataset.y_train), "no training rows", "at least 1"),
        (not len(dataset.y_test), "no test rows", "at least 1"),
    ]
    for wrong, given, expected in problems:
        if wrong:
            raise TrainingError(
                where="a training run", given=given, expected=expected, fix="correct it"
            )


def _diverged(loss: float, epoch: int, step: int, plan: Plan) -> TrainingError:
    return TrainingError(
        where=f"epoch {epoch}, step {step + 1}",
        given=f"loss {loss}",
        expected="a finite loss",
        fix=f"lower the learning rate of {plan.optimizer}, or look for infinities in the data",
    )
