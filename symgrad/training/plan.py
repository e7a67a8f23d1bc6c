"""What a training run is asked for, and what it brought: plain data.

In: nothing. Out: `Plan` and `Stop`, `Epoch`, `Score` and `TrainingRun`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symgrad.training.initializers import Array
    from symgrad.training.optimizers import Optimizer


@dataclass(frozen=True)
class Stop:
    """When to stop before the last epoch; each condition is asked after an epoch.

    Attributes:
        loss: Stop once the mean loss of an epoch is at most this.
        patience: Stop after so many epochs without a lower loss, on the validation rows if there
            are some, on the training rows otherwise.
        gradient_norm: Stop once no step of an epoch had a gradient longer than this.
        seconds: Stop after this time, asked after each step.
    """

    loss: float | None = None
    patience: int | None = None
    gradient_norm: float | None = None
    seconds: float | None = None

    def reason(self, history: tuple[Epoch, ...], seconds: float) -> str:
        """Return why a run stops after its last epoch; empty if it goes on."""
        last = history[-1]
        if self.loss is not None and last.loss <= self.loss:
            return f"the loss is at most {self.loss:g}"
        if self.gradient_norm is not None and (last.norm or 0.0) <= self.gradient_norm:
            return f"no gradient is longer than {self.gradient_norm:g}"
        if self.patience is not None:
            losses = [e.validation.loss if e.validation else e.loss for e in history]
            if len(losses) - losses.index(min(losses)) > self.patience:
                return f"no lower loss for {self.patience} epochs"
        return f"{self.seconds:g} seconds are over" if self.is_over(seconds) else ""

    def is_over(self, seconds: float) -> bool:
        """Return whether the time is up."""
        return self.seconds is not None and seconds >= self.seconds


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        optimizer: What makes the steps.
        epochs: How often the training rows are gone through.
        batch_size: Rows in a step; the last step of an epoch takes what is left.
        seed: Of the start values and of the order of the rows.
        dtype: "float64" or "float32".
        init: How start values are drawn: "torch", "xavier" or "he".
        schedule: Of the learning rate, as `symgrad.training.schedules.read_schedule` reads it.
        l1: The loss is increased by this times the sum of |W|, W all but vectors and numbers.
        l2: The loss is increased by half of this times the sum of W**2.
        clip_norm: A longer gradient is shortened to this, all parameters taken together.
        clip_value: Entries of the gradient are brought within this of 0; before `clip_norm`.
        validation: Share of the training rows that is held out, to validate on.
        stop: When to stop before the last epoch.
    """

    optimizer: Optimizer
    epochs: int = 10
    batch_size: int = 64
    seed: int = 0
    dtype: str = "float64"
    schedule: str = "constant"
    init: str = "torch"
    l1: float = 0.0
    l2: float = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None
    validation: float = 0.0
    stop: Stop = field(default_factory=Stop)


@dataclass(frozen=True)
class Score:
    """How good a model is on some rows.

    Attributes:
        loss: Mean loss.
        rows: Number of rows.
        correct: Rows that were classified rightly; None where there are no classes.
        explained: Share of the variance that is explained, R squared; None where there are classes.
    """

    loss: float
    rows: int
    correct: int | None = None
    explained: float | None = None

    @property
    def accuracy(self) -> float:
        """Share of rows that were classified rightly; 0 where there are no classes."""
        return (self.correct or 0) / self.rows

    @property
    def value(self) -> float:
        """The accuracy, or the share of the variance that is explained."""
        return self.accuracy if self.explained is None else self.explained

    def __str__(self) -> str:
        if self.explained is None:
            return f"{100 * self.accuracy:.1f} %"
        return f"{self.explained:.4f}"

    def as_dict(self) -> dict[str, Any]:
        """Return the score as plain data."""
        if self.explained is not None:
            return {"loss": self.loss, "rows": self.rows, "explained": self.explained}
        correct = {"correct": self.correct, "accuracy": self.accuracy}
        return {"loss": self.loss, "rows": self.rows, **correct}


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought.

    Attributes:
        number: Counted from 1.
        loss: Mean loss of its steps, weighted by rows.
        test: The score on the test rows after it.
        seconds: Time since the start of the run.
        validation: The score on the rows that are held out.
        norm: Length of the longest gradient of its steps, if the plan needs lengths.
    """

    number: int
    loss: float
    test: Score
    seconds: float
    validation: Score | None = None
    norm: float | None = None

    @property
    def accuracy(self) -> float:
        """Share of test rows that were classified rightly."""
        return self.test.accuracy

    @property
    def correct(self) -> int:
        """Test rows that were classified rightly."""
        return self.test.correct or 0

    def as_dict(self) -> dict[str, Any]:
        """Return the epoch as plain data."""
        optional = {
            "validation": self.validation and self.validation.as_dict(),
            "gradient_norm": self.norm,
        }
        return {
            "epoch": self.number,
            "loss": self.loss,
            "test": self.test.as_dict(),
            "seconds": self.seconds,
            **{name: value for name, value in optional.items() if value is not None},
        }


@dataclass(frozen=True)
class TrainingRun:
    """A finished run.

    Attributes:
        gradients: Where the gradients came from, in words.
        parameters: The trained parameters by name.
        history: One row for each epoch.
        stopped: Why it stopped before the last epoch; empty if it did not.
    """

    gradients: str
    parameters: dict[str, Array]
    history: tuple[Epoch, ...]
    stopped: str = ""

    @property
    def last(self) -> Epoch:
        """The last epoch."""
        return self.history[-1]
