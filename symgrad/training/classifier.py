"""Training runs that commands and the demo start: a multi-layer perceptron on a named data set.

In: the name of a data set and a seed. Out: a report with accuracies, history and parameters. The
network is composed from registered layers, as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from symgrad.errors import TrainingError
from symgrad.layers.registry import get
from symgrad.training.datasets import Dataset, load
from symgrad.training.loop import fit
from symgrad.training.model import Model, build_model
from symgrad.training.optimizers import make_optimizer
from symgrad.training.plan import Plan, TrainingRun

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """How a data set is trained on unless told otherwise.

    Those of mnist5k and digits are the best of `python -m tests.benchmarks settings`, which judges
    by held-out training rows; no test row was looked at. For digits the rate 0.2 was half a percent
    better, and passed over: at the edge of stability, rounding decides where a run ends.

    Attributes:
        optimizer: Settings by name of the optimizer.
        epochs: Number of epochs.
        batch_size: Rows in a step.
        hidden: Length of the hidden layer.
        dtype: "float64" or "float32".
        schedule: Of the learning rate.
    """

    optimizer: dict[str, dict[str, float]]
    epochs: int
    batch_size: int
    hidden: int = 128
    dtype: str = "float64"
    schedule: str = "cosine"


def _optimizers(rate: float) -> dict[str, dict[str, float]]:
    """Return settings of SGD with momentum, and of descent without, which bears a higher rate."""
    return {"sgd": {"lr": rate, "momentum": 0.9}, "gradient_descent": {"lr": 5 * rate}}


SETTINGS = {
    "mnist5k": Settings(_optimizers(0.1), epochs=20, batch_size=32),
    "digits": Settings(_optimizers(0.1), epochs=20, batch_size=16),
    "fashion-mnist": Settings(_optimizers(0.1), epochs=15, batch_size=128, dtype="float32"),
}


@dataclass(frozen=True)
class TrainingReport:
    """What a training run came to.

    Attributes:
        data: Name of the data set, and how it is split.
        model: The network and its objective.
        plan: How it was trained.
        ours: The run with generated gradients.
        torch: The same run with torch autograd; None if it was not asked for.
    """

    data: str
    model: Model
    plan: Plan
    ours: TrainingRun
    torch: TrainingRun | None = None

    @property
    def line(self) -> str:
        """The result in one line."""
        text = f"test accuracy: {_percent(self.ours)}"
        return text if self.torch is None else f"{text} (torch autograd: {_percent(self.torch)})"

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data, for `--json`."""
        return {
            "data": self.data,
            "network": self.model.network.name,
            "parameters": sum(self.model.counts().values()),
            "optimizer": str(self.plan.optimizer),
            "epochs": self.plan.epochs,
            "batch_size": self.plan.batch_size,
            "schedule": self.plan.schedule,
            "seed": self.plan.seed,
            "dtype": self.plan.dtype,
            "ours": _as_dict(self.ours),
            "torch": None if self.torch is None else _as_dict(self.torch),
        }


def _percent(run: TrainingRun) -> str:
    return f"{100 * run.last.accuracy:.1f} %"


def _as_dict(run: TrainingRun) -> dict[str, Any]:
    history = [
        {"epoch": e.number, "loss": e.loss, "accuracy": e.accuracy, "seconds": e.seconds}
        for e in run.history
    ]
    return {
        "gradients": run.gradients,
        "test_accuracy": run.last.accuracy,
        "correct": run.last.correct,
        "history": history,
    }


def build_mlp(features: int, hidden: int, classes: int) -> Model:
    """Return a perceptron with one hidden layer and softmax cross-entropy.

    >>> build_mlp(784, 128, 10).counts()
    {'fc1.W': 100352, 'fc1.b': 128, 'fc2.W': 1280, 'fc2.b': 10}
    """
    linear, relu = get("linear"), get("relu")
    parts = (
        ("fc1", linear(features, hidden)),
        ("act", relu.system()),
        ("fc2", linear(hidden, classes)),
    )
    return build_model(*parts, loss=get("cross_entropy"), name="mlp")


def train_classifier(  # noqa: PLR0913 (the options of a command)
    data: str = "mnist5k",
    *,
    seed: int = 0,
    target: str = "numpy",
    optimizer: str = "sgd",
    epochs: int | None = None,
    path: str | Path | None = None,
    compare_torch: bool = True,
    show_progress: bool = False,
) -> TrainingReport:
    """Train a perceptron on a data set with generated gradients.

    Args:
        data: "mnist5k", "digits" or "fashion-mnist".
        seed: Of start values and batches.
        target: "numpy" or "torch".
        optimizer: A registered optimizer.
        epochs: Number of epochs; the settings of the set say how many otherwise.
        path: Folder of a set that is not shipped.
        compare_torch: Whether to run torch autograd from the same start on the same batches.
        show_progress: Whether to draw progress bars.
    """
    dataset = load(data, path)
    settings = SETTINGS[data]
    plan = plan_for(settings, optimizer, seed)
    if epochs is not None:
        plan = replace(plan, epochs=epochs)
    model = build_mlp(dataset.features, settings.hidden, dataset.classes)
    ours, theirs = train_both(
        model, dataset, plan, target=target, compare=compare_torch, show_progress=show_progress
    )
    return TrainingReport(str(dataset), model, plan, ours, theirs)


def train_both(  # noqa: PLR0913 (passes on what `fit` takes)
    model: Model,
    dataset: Dataset,
    plan: Plan,
    *,
    target: str,
    compare: bool,
    show_progress: bool = False,
) -> tuple[TrainingRun, TrainingRun | None]:
    """Return a run with generated gradients and one with torch autograd from the same start."""
    start = model.initialise(plan.seed, plan.dtype)

    def run(on: str) -> TrainingRun:
        return fit(model, dataset, plan, target=on, start=start, show_progress=show_progress)

    return run(target), run("autograd") if compare else None


def plan_for(settings: Settings, optimizer: str, seed: int) -> Plan:
    """Return the plan that the settings of a data set make with an optimizer.

    Raises:
        TrainingError: If there are no settings for the optimizer.
    """
    if optimizer not in settings.optimizer:
        raise TrainingError(
            where="the optimizer of a training run",
            given=repr(optimizer),
            expected=f"one of {', '.join(settings.optimizer)}",
            fix="choose one of these",
        )
    return Plan(
        make_optimizer(optimizer, None, **settings.optimizer[optimizer]),
        settings.epochs,
        settings.batch_size,
        seed,
        settings.dtype,
        settings.schedule,
    )
