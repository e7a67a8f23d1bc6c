"""Training runs that commands and the demo start, beside torch autograd if asked for.

In: the names of a network, a data set and optimizers. Out: reports with scores, histories and
parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.errors import TrainingError
from symgrad.training.calls import read_calls
from symgrad.training.datasets import load
from symgrad.training.loop import fit
from symgrad.training.networks import SETTINGS, network_for, plan_for

if TYPE_CHECKING:
    from pathlib import Path

    from symgrad.training.datasets import Dataset
    from symgrad.training.model import Model
    from symgrad.training.plan import Plan, TrainingRun


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
    def measure(self) -> str:
        """What the test score is called."""
        return "test accuracy" if self.model.classifies else "test R squared"

    @property
    def line(self) -> str:
        """The result in one line."""
        text = f"{self.measure}: {self.ours.last.test}"
        return text if self.torch is None else f"{text} (torch autograd: {self.torch.last.test})"

    @property
    def distance(self) -> float | None:
        """How far the parameters end from torch's, relative to their length, at most."""
        if self.torch is None:
            return None
        pairs = [(self.ours.parameters[n], theirs) for n, theirs in self.torch.parameters.items()]
        return max(float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in pairs)

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
            "distance": self.distance,
        }


def _as_dict(run: TrainingRun) -> dict[str, Any]:
    return {
        "gradients": run.gradients,
        "stopped": run.stopped or None,
        "test": run.last.test.as_dict(),
        "history": [epoch.as_dict() for epoch in run.history],
    }


def train(  # noqa: PLR0913 (the options of a command)
    data: str = "mnist5k",
    network: str = "mlp",
    *,
    seed: int = 0,
    target: str = "numpy",
    optimizer: str = "sgd",
    path: str | Path | None = None,
    compare_torch: bool = True,
    show_progress: bool = False,
    checkpoint: Path | None = None,
    every: int = 0,
    **changes: Any,
) -> list[TrainingReport]:
    """Train a network on a data set with generated gradients, once for each optimizer.

    Args:
        data: A data set, as for `load`.
        network: "mlp" or "linear".
        seed: Of start values and batches.
        target: "numpy" or "torch".
        optimizer: One or several, as in `sgd(lr=0.1), adam`.
        path: Folder of a set that is not shipped.
        compare_torch: Whether to run torch autograd from the same start on the same batches.
        show_progress: Whether to draw progress bars.
        checkpoint: A file that is kept up to date, and gone on from.
        every: Keep it up to date after so many steps, too.
        changes: What the plan has in place of the settings of the data set.

    Raises:
        TrainingError: If the plan makes no sense, or one checkpoint is for several runs.
    """
    dataset = load(data, path)
    calls = read_calls(optimizer, "optimizers")
    plans = [plan_for(SETTINGS[data], call, seed, **changes) for call in calls]
    if checkpoint is not None and len(plans) > 1:
        raise TrainingError(
            where="a checkpoint",
            given=f"{len(plans)} optimizers",
            expected="one run for one file",
            fix="train with one optimizer at a time, or without a checkpoint",
        )
    model = network_for(dataset, network)
    reports = []
    for plan in plans:
        ours, theirs = train_both(
            model,
            dataset,
            plan,
            target=target,
            compare=compare_torch,
            show_progress=show_progress,
            checkpoint=checkpoint,
            every=every,
        )
        reports.append(TrainingReport(str(dataset), model, plan, ours, theirs))
    return reports


def train_both(  # noqa: PLR0913 (passes on what `fit` takes)
    model: Model,
    dataset: Dataset,
    plan: Plan,
    *,
    target: str,
    compare: bool,
    show_progress: bool = False,
    checkpoint: Path | None = None,
    every: int = 0,
) -> tuple[TrainingRun, TrainingRun | None]:
    """Return a run with generated gradients and one with torch autograd from the same start."""
    start = model.initialise(plan.seed, plan.dtype, plan.init)
    run = partial(fit, model, dataset, plan, start=start, show_progress=show_progress)
    ours = run(target=target, checkpoint=checkpoint, every=every)
    return ours, run(target="autograd") if compare else None
