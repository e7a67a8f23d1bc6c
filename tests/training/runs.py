"""A small run that tests stop, kill and go on with: `python -m tests.training.runs CHECKPOINT`."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from symgrad.training.checkpoints import Checkpoint, save
from symgrad.training.datasets import Dataset
from symgrad.training.loop import fit
from symgrad.training.networks import build_mlp
from symgrad.training.optimizers import make_optimizer
from symgrad.training.plan import Plan, TrainingRun

MODEL = build_mlp(6, 8, 3)
#: Adam has two states and counts its steps, so that losing any of them shows.
PLAN = Plan(
    make_optimizer("adam", lr=0.01),
    epochs=40,
    batch_size=16,
    seed=3,
    schedule="warmup(steps=20) + cosine",
    validation=0.2,
    clip_norm=1.0,
)


def clusters(rows: int = 150, features: int = 6, classes: int = 3) -> Dataset:
    """Return points around one centre for each class."""
    rng = np.random.default_rng(0)
    y = np.arange(rows) % classes
    x = rng.standard_normal((classes, features))[y] * 2 + rng.standard_normal((rows, features))
    cut = 2 * rows // 3
    return Dataset("clusters", x[:cut], y[:cut], x[cut:], y[cut:], classes, (2, 3))


def run(checkpoint: Path | None = None, every: int = 0) -> TrainingRun:
    """Return the run, gone on with if it was stopped."""
    return fit(MODEL, clusters(), PLAN, checkpoint=checkpoint, every=every)


def main(path: str) -> None:
    """For each line that comes in run in a child that tells its number, each save, and its end.

    The equations are derived once, so that a child is at work at once.
    """
    fit(MODEL, clusters(), replace(PLAN, epochs=1))
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            go_on(Path(path))
        os.waitpid(child, 0)
        tell("over")


def go_on(path: Path) -> None:
    """Run with a checkpoint after every step, and end the process."""
    tell(os.getpid())

    def told(where: Path, checkpoint: Checkpoint) -> None:
        save(where, checkpoint)
        tell(checkpoint.position.steps)

    with mock.patch("symgrad.training.loop.save", told):
        run(path, every=1)
    os._exit(0)


def tell(what: object) -> None:
    """Write a line that the other side sees at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
