"""The training loop: mini-batches, epochs, history, checkpoints.

In: a model, a data set, a plan. Out: parameters and the history of the run, as data.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from math import ceil, isfinite
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.training.checkpoints import Checkpoint, Position, load, misshapen, save
from symgrad.training.datasets import hold_out
from symgrad.training.interrupts import Interrupts
from symgrad.training.penalties import Shaping
from symgrad.training.plan import Epoch, Score, TrainingRun
from symgrad.training.problems import check, diverged
from symgrad.training.progress import Progress
from symgrad.training.runners import GeneratedRunner, cannot_go_on, run_on
from symgrad.training.schedules import at, depends_on_length, read_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from symgrad.training.datasets import Dataset
    from symgrad.training.initializers import Array
    from symgrad.training.model import Model
    from symgrad.training.plan import Plan
    from symgrad.training.runners import Runner

#: Rows that are evaluated at a time.
_CHUNK = 4096


def fit(  # noqa: PLR0913 (the last seven are rarely given)
    model: Model,
    dataset: Dataset,
    plan: Plan,
    *,
    target: str = "numpy",
    start: Mapping[str, Array] | None = None,
    on_epoch: Callable[[Epoch, Runner], None] | None = None,
    show_progress: bool = False,
    checkpoint: Path | None = None,
    every: int = 0,
) -> TrainingRun:
    """Train a model by gradient descent.

    Args:
        model: What is trained.
        dataset: Rows and labels, or targets.
        plan: How.
        target: "numpy" or "torch" for generated code, "autograd" for torch's own gradients.
        start: Start values; drawn with the plan's seed unless given.
        on_epoch: Called after each epoch.
        show_progress: Whether to draw a bar once the run has lasted a second.
        checkpoint: A file that is kept up to date after each epoch, and when Ctrl-C stops the run.
            If it is there already, the run goes on from it, and ends as if it had never stopped.
        every: Keep the checkpoint up to date after so many steps, too.

    Raises:
        TrainingError: If the plan or the data make no sense, or the loss stops being finite.
        CheckpointError: If the checkpoint is damaged, of another run, or cannot be written.
    """
    check(model, dataset, plan)
    values = start or model.initialise(plan.seed, plan.dtype, plan.init)
    runner = run_on(target, model, plan.optimizer, values, Shaping.of(plan))
    run = _Run(model, dataset, plan, runner, on_epoch)
    if checkpoint is not None:
        run.keep(checkpoint, every)
    with Progress(
        run.all_steps, label=runner.gradients, enabled=show_progress, done=run.position.steps
    ) as progress:
        run.go(progress)
    return TrainingRun(
        runner.gradients, runner.parameters(), tuple(run.history), run.position.stopped
    )


class _Run:
    """A run that is going on.

    Attributes:
        position: Where it is.
        history: The epochs that are over.
        all_steps: Number of steps of the whole run.
    """

    def __init__(
        self,
        model: Model,
        dataset: Dataset,
        plan: Plan,
        runner: Runner,
        on_epoch: Callable[[Epoch, Runner], None] | None,
    ) -> None:
        self._model = model
        self._whole = dataset
        self._plan = plan
        self._runner = runner
        self._on_epoch = on_epoch
        self._schedule = read_schedule(plan.schedule)
        held = None
        if plan.validation:
            held = hold_out(
                dataset, max(1, round(plan.validation * len(dataset.y_train))), plan.seed
            )
        self._x, self._y = self._placed((held or dataset).x_train, (held or dataset).y_train)
        self._test = self._placed(dataset.x_test, dataset.y_test)
        self._held = held and self._placed(held.x_test, held.y_test)
        self._rows = len(self._y)
        self._steps = ceil(self._rows / plan.batch_size)
        self.all_steps = plan.epochs * self._steps
        self.position = Position()
        self.history: list[Epoch] = []
        self._path: Path | None = None
        self._every = 0
        self._asked: dict[str, str] = {}
        self._began = perf_counter()

    def _placed(self, x: Array, y: Any) -> tuple[Any, Any]:
        dtype = self._plan.dtype
        targets = y if y.dtype.kind in "iu" else y.astype(dtype, copy=False)
        return self._runner.place(x.astype(dtype, copy=False)), self._runner.place(targets)

    # Checkpoints.

    def keep(self, path: Path, every: int) -> None:
        """Keep a checkpoint; go on from it if there is one."""
        if not isinstance(self._runner, GeneratedRunner):
            raise cannot_go_on(self._runner.gradients)
        self._path, self._every, self._asked = path, every, self._described()
        if not path.exists():
            return
        found = load(path, self._asked)
        try:
            self._runner.restore(found.parameters, found.state, found.position.steps)
        except ValueError as error:
            raise misshapen(path, str(error)) from error
        self.position, self.history = found.position, list(found.history)
        self._began = perf_counter() - found.position.seconds

    def _save(self) -> None:
        if self._path is None or not isinstance(self._runner, GeneratedRunner):
            return
        position = replace(self.position, seconds=self._seconds())
        parameters, state = self._runner.parameters(), self._runner.state()
        history = tuple(self.history)
        save(self._path, Checkpoint(self._asked, position, history, parameters, state))

    def _described(self) -> dict[str, str]:
        """Return what decides where the run ends, in words and checksums."""
        plan, data = self._plan, self._whole
        digest = sha256()
        for array in (data.x_train, data.y_train, data.x_test, data.y_test):
            digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
        equations = sha256(str(self._model.objective).encode()).hexdigest()[:16]
        names = ("batch_size", "seed", "dtype", "init", "l1", "l2", "clip_norm", "clip_value")
        length = {"epochs": str(plan.epochs)} if depends_on_length(self._schedule) else {}
        return {
            "model": f"{self._model.network.name} {equations}",
            "data": f"{data.name} {digest.hexdigest()[:16]}",
            "optimizer": str(plan.optimizer),
            "schedule": str(self._schedule),
            "gradients": self._runner.gradients,
            "validation": str(plan.validation),
            **{name: str(getattr(plan, name)) for name in names},
            **length,
        }

    # Steps and epochs.

    def go(self, progress: Progress) -> None:
        """Go on until the last epoch, or until a condition of the plan stops the run."""
        with Interrupts() as interrupts:
            while self.position.epoch <= self._plan.epochs and not self.position.stopped:
                self._epoch(progress, interrupts)
            if interrupts.pending:
                raise KeyboardInterrupt

    def _epoch(self, progress: Progress, interrupts: Interrupts) -> None:
        rows = list(batches(self._rows, self._plan, self.position.epoch))
        for chosen in rows[self.position.step :]:
            progress.advance(self._step(chosen))
            if interrupts.pending:
                self._save()
                raise KeyboardInterrupt
            if self._plan.stop.is_over(self._seconds()):
                break
            if self._every and self.position.steps % self._every == 0:
                self._save()
        self._finish_epoch()
        self._save()

    def _step(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> float:
        """Do one step; return its loss."""
        here = self.position
        factor = at(self._schedule, here.steps, self._steps, self.all_steps)
        x, y = self._x[rows], self._y[rows]
        loss = self._runner.step(x, y, factor)
        if not isfinite(loss):
            place = f"epoch {here.epoch}, step {here.step + 1}"
            values = self._runner.parameters()
            values |= {self._model.data: np.asarray(x), self._model.target: np.asarray(y)}
            raise diverged(self._model, self._plan, values, loss, place)
        self.position = replace(
            here,
            step=here.step + 1,
            steps=here.steps + 1,
            loss=here.loss + loss * len(rows),
            rows=here.rows + len(rows),
            norm=max(here.norm, self._runner.norm or 0.0),
        )
        return loss

    def _finish_epoch(self) -> None:
        here = self.position
        epoch = Epoch(
            here.epoch,
            here.loss / here.rows,
            self._score(*self._test),
            self._seconds(),
            self._score(*self._held) if self._held else None,
            here.norm if Shaping.of(self._plan).measured else None,
        )
        self.history.append(epoch)
        reason = self._plan.stop.reason(tuple(self.history), epoch.seconds)
        self.position = Position(here.epoch + 1, 0, here.steps, stopped=reason)
        if self._on_epoch is not None:
            self._on_epoch(epoch, self._runner)

    def _seconds(self) -> float:
        return perf_counter() - self._began

    def _score(self, x: Any, y: Any) -> Score:
        return score(self._runner, x, y, classifies=self._model.classifies)


def batches(count: int, plan: Plan, epoch: int) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the rows of each batch of an epoch; the order depends on seed and epoch alone."""
    order = np.random.default_rng((plan.seed, epoch)).permutation(count)
    return [order[k : k + plan.batch_size] for k in range(0, count, plan.batch_size)]


def score(runner: Runner, x: Any, y: Any, *, classifies: bool) -> Score:
    """Return how good a runner's model is on some rows."""
    total, outputs = 0.0, []
    for k in range(0, len(y), _CHUNK):
        prediction, loss = runner.evaluate(x[k : k + _CHUNK], y[k : k + _CHUNK])
        outputs.append(prediction)
        total += loss * len(prediction)
    predicted, wanted = np.concatenate(outputs), np.asarray(y)
    if classifies:
        right = int((predicted.argmax(axis=-1) == wanted).sum())
        return Score(total / len(y), len(y), correct=right)
    missed = ((predicted - wanted) ** 2).sum()
    spread = ((wanted - wanted.mean(axis=0)) ** 2).sum()
    return Score(total / len(y), len(y), explained=float(1 - missed / spread) if spread else 0.0)
