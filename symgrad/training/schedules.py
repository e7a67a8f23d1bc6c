"""Schedules: the factor of the learning rate at each step or epoch of a run.

In: a name and settings, or a text such as `warmup(steps=100) + cosine()`. Out: a function of the
number of steps or epochs that are done. The factors are those of `torch.optim.lr_scheduler`.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, fields
from math import cos, pi
from typing import TYPE_CHECKING, ClassVar

from symgrad.errors import TrainingError
from symgrad.training.calls import read_calls

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Schedule:
    """The factor of the learning rate, constant 1 here and other functions in the subclasses.

    Attributes:
        by_step: Whether it counts steps; epochs otherwise.
        ends: Whether it depends on how long the run is.
    """

    by_step: ClassVar[bool] = True
    ends: ClassVar[bool] = False

    def factor(self, count: int, total: int) -> float:  # noqa: ARG002 (of others)
        """Return the factor.

        Args:
            count: The steps or epochs that are done.
            total: How many there will be.
        """
        return 1.0

    @property
    def problem(self) -> str:
        """What is wrong with the settings; empty if nothing is."""
        return ""

    def __str__(self) -> str:
        given = ", ".join(f"{f.name}={getattr(self, f.name)}" for f in fields(self))
        return f"{_NAMES[type(self)]}({given})" if given else _NAMES[type(self)]


@dataclass(frozen=True)
class Linear(Schedule):
    """A factor that falls from 1 to 0 in a straight line over the run."""

    ends: ClassVar[bool] = True

    def factor(self, count: int, total: int) -> float:
        """Return 1 - count / total."""
        return 1.0 - count / total


@dataclass(frozen=True)
class Polynomial(Schedule):
    """A factor (1 - count / total)**power: torch's PolynomialLR."""

    ends: ClassVar[bool] = True
    power: float = 1.0

    def factor(self, count: int, total: int) -> float:
        """Return (1 - count / total)**power."""
        return float((1.0 - min(count, total) / total) ** self.power)

    @property
    def problem(self) -> str:
        """Complain about a power below 0, at which the factor would grow without end."""
        return "" if self.power >= 0 else "power at least 0"


@dataclass(frozen=True)
class Cosine(Schedule):
    """A factor that falls from 1 to `least` along half a cosine: torch's CosineAnnealingLR.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.
    """

    ends: ClassVar[bool] = True
    least: float = 0.0

    def factor(self, count: int, total: int) -> float:
        """Return the height of the cosine."""
        return self.least + (1 - self.least) * ((1 + cos(pi * (count / total))) / 2)


@dataclass(frozen=True)
class Restarts(Schedule):
    """Cosines one after the other, each `longer` times as long: CosineAnnealingWarmRestarts.

    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, sec. 3.

    Attributes:
        epochs: Length of the first cosine.
        longer: A whole number by which the lengths grow.
        least: The factor at the end of each, relative to the rate.
    """

    by_step: ClassVar[bool] = False
    epochs: int = 10
    longer: int = 1
    least: float = 0.0

    def factor(self, count: int, total: int) -> float:  # noqa: ARG002
        """Return the height of the cosine that the epoch falls into."""
        length = self.epochs
        while count >= length:
            count -= length
            length *= self.longer
        return self.least + (1 - self.least) * (1 + cos(pi * count / length)) / 2

    @property
    def problem(self) -> str:
        """Complain about lengths below 1."""
        return "" if self.epochs >= 1 and self.longer >= 1 else "epochs and longer at least 1"


@dataclass(frozen=True)
class Step(Schedule):
    """A factor that is multiplied by gamma every few epochs: torch's StepLR."""

    by_step: ClassVar[bool] = False
    epochs: int = 10
    gamma: float = 0.1

    def factor(self, count: int, total: int) -> float:  # noqa: ARG002
        """Return gamma**(count // epochs)."""
        return float(self.gamma ** (count // self.epochs))

    @property
    def problem(self) -> str:
        """Complain about a length below 1."""
        return "" if self.epochs >= 1 else "epochs at least 1"


@dataclass(frozen=True)
class MultiStep(Schedule):
    """A factor that is multiplied by gamma at each of some epochs: torch's MultiStepLR."""

    by_step: ClassVar[bool] = False
    milestones: tuple[int, ...] = (10, 15)
    gamma: float = 0.1

    def factor(self, count: int, total: int) -> float:  # noqa: ARG002
        """Return gamma to the number of milestones that are passed."""
        return float(self.gamma ** bisect_right(self.milestones, count))

    @property
    def problem(self) -> str:
        """Complain about milestones out of order."""
        return "" if list(self.milestones) == sorted(self.milestones) else "milestones in order"


@dataclass(frozen=True)
class Exponential(Schedule):
    """A factor that is multiplied by gamma after each epoch: torch's ExponentialLR."""

    by_step: ClassVar[bool] = False
    gamma: float = 0.9

    def factor(self, count: int, total: int) -> float:  # noqa: ARG002
        """Return gamma**count."""
        return float(self.gamma**count)

    @property
    def problem(self) -> str:
        """Complain about a negative gamma."""
        return "" if self.gamma >= 0 else "gamma at least 0"


@dataclass(frozen=True)
class Warmup(Schedule):
    """A factor that rises in a straight line and stays: torch's LinearLR.

    Attributes:
        steps: How long it rises.
        start: The first factor.
        end: The last one.
    """

    steps: int = 100
    start: float = 0.01
    end: float = 1.0

    def factor(self, count: int, total: int) -> float:  # noqa: ARG002
        """Return the height of the line."""
        return self.start + (self.end - self.start) * min(count, self.steps) / self.steps

    @property
    def problem(self) -> str:
        """Complain about a length below 1."""
        return "" if self.steps >= 1 else "steps at least 1"


@dataclass(frozen=True)
class OneCycle(Schedule):
    """A rise to the full rate and a longer fall: torch's OneCycleLR, whose max_lr is the rate.

    Source: Smith & Topin 2018, arXiv:1708.07120.

    Attributes:
        rise: The share of the steps that the rise takes.
        first: The rate over this is where it starts.
        last: The start over this is where it ends.
        line: Whether it moves in straight lines, in place of cosines.
    """

    ends: ClassVar[bool] = True
    rise: float = 0.3
    first: float = 25.0
    last: float = 1e4
    line: bool = False

    def factor(self, count: int, total: int) -> float:
        """Return the height of the cycle."""
        top, end, start = self.rise * total - 1, total - 1, 1 / self.first
        if count <= top:
            return self._between(start, 1.0, count / top if top else 1.0)
        share = (count - top) / (end - top) if end > top else 1.0
        return self._between(1.0, start / self.last, share)

    def _between(self, a: float, b: float, share: float) -> float:
        if self.line:
            return a + (b - a) * share
        return b + (a - b) / 2 * (1 + cos(pi * share))

    @property
    def problem(self) -> str:
        """Complain about a rise that is no share, and about divisors that are not positive."""
        legal = 0 <= self.rise <= 1 and self.first > 0 and self.last > 0
        return "" if legal else "rise in 0..1, first and last above 0"


@dataclass(frozen=True)
class Then(Schedule):
    """A warm-up and then another schedule, which counts from the end of the warm-up."""

    before: Warmup
    after: Schedule

    def at(self, steps: int, epoch_steps: int, all_steps: int) -> float:
        """Return the factor after some steps."""
        if steps < self.before.steps:
            return self.before.factor(steps, all_steps)
        return at(self.after, steps - self.before.steps, epoch_steps, all_steps - self.before.steps)

    @property
    def problem(self) -> str:
        """Complain about either."""
        return self.before.problem or self.after.problem

    def __str__(self) -> str:
        return f"{self.before} + {self.after}"


def at(schedule: Schedule, steps: int, epoch_steps: int, all_steps: int) -> float:
    """Return the factor of a schedule after some steps.

    Args:
        schedule: Which.
        steps: How many are done.
        epoch_steps: How many are an epoch.
        all_steps: How many there will be.
    """
    if isinstance(schedule, Then):
        return schedule.at(steps, epoch_steps, all_steps)
    if schedule.by_step:
        return schedule.factor(steps, max(all_steps, 1))
    return schedule.factor(steps // epoch_steps, -(-all_steps // epoch_steps))


def depends_on_length(schedule: Schedule) -> bool:
    """Return whether a longer run would have had other factors from the start."""
    return schedule.after.ends if isinstance(schedule, Then) else schedule.ends


#: Every schedule by name.
SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": Schedule,
    "linear": Linear,
    "polynomial": Polynomial,
    "cosine": Cosine,
    "restarts": Restarts,
    "step": Step,
    "multistep": MultiStep,
    "exponential": Exponential,
    "warmup": Warmup,
    "onecycle": OneCycle,
}
_NAMES: dict[type[Schedule], str] = {make: name for name, make in SCHEDULES.items()}  # type: ignore[misc]


def read_schedule(text: str) -> Schedule:
    """Return the schedule that a text names, with its settings; a warm-up may stand before it.

    Raises:
        TrainingError: If there is none of that name, or a setting is none of its own.

    >>> print(read_schedule("step(epochs=5, gamma=0.5)"))
    step(epochs=5, gamma=0.5)
    >>> print(read_schedule("warmup(steps=20) + cosine"))
    warmup(steps=20, start=0.01, end=1.0) + cosine(least=0.0)
    """
    first, *rest = [_made(text, part) for part in text.split("+")]
    if not rest:
        return first
    if len(rest) > 1 or not isinstance(first, Warmup):
        raise _wrong(text, "a schedule, or a warm-up and a schedule", "warmup(steps=100) + cosine")
    return Then(first, rest[0])


def _made(text: str, part: str) -> Schedule:
    calls = read_calls(part, where="a schedule")
    if len(calls) != 1 or calls[0].name not in SCHEDULES:
        raise _wrong(text, f"one of {', '.join(SCHEDULES)}", "choose one of these")
    call = calls[0]
    make = SCHEDULES[call.name]
    known = {f.name: f.type for f in fields(make)}  # type: ignore[arg-type]
    for name, value in call.settings.items():
        if name not in known or not _fits(value, str(known[name])):
            legal = ", ".join(f"{k}: {v}" for k, v in known.items()) or "no settings"
            raise _wrong(f"{name}={value!r} of {call.name}", legal, "correct the setting")
    schedule = make(**call.settings)
    if schedule.problem:
        raise _wrong(text, schedule.problem, "correct the setting")
    return schedule


def _fits(value: object, kind: str) -> bool:
    """Return whether a value from a text has the type of a setting."""
    if kind == "bool" or isinstance(value, bool):
        return kind == "bool" and isinstance(value, bool)
    if kind.startswith("tuple"):
        return isinstance(value, tuple) and all(type(v) is int for v in value)
    return type(value) is int or (kind == "float" and isinstance(value, float))


def _wrong(given: str, expected: str, fix: str) -> TrainingError:
    return TrainingError(where="a schedule", given=repr(given), expected=expected, fix=fix)
