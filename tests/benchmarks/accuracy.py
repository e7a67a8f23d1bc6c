"""Test accuracy over seeds, ours and torch's, and how the settings were chosen."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product
from statistics import mean
from time import perf_counter
from typing import TYPE_CHECKING

from symgrad.errors import DatasetError, TrainingError
from symgrad.training.datasets import Dataset, hold_out, load
from symgrad.training.loop import fit
from symgrad.training.networks import SETTINGS, network_for, plan_for
from symgrad.training.optimizers import make_optimizer
from symgrad.training.plan import Plan
from symgrad.training.reports import train_both

if TYPE_CHECKING:
    from symgrad.training.model import Model

SEEDS = range(5)
_HELD_OUT = {"mnist5k": 500, "digits": 144}
_BATCHES, _RATES, _EPOCHS = (16, 32, 64, 128), (0.02, 0.05, 0.1, 0.2), (10, 20, 30)


def measure(dataset: Dataset, plan: Plan, *, compare: bool) -> tuple[float, float | None, float]:
    """Return test accuracy of generated gradients and of autograd, and the first one's seconds."""
    model = network_for(dataset)
    ours, theirs = train_both(model, dataset, plan, target="numpy", compare=compare)
    reference = None if theirs is None else theirs.last.accuracy
    return ours.last.accuracy, reference, ours.last.seconds


def main() -> None:
    """Print the accuracy of every data set that is there, for each seed."""
    sys.stdout.write("data           seed  test accuracy  torch autograd  seconds\n")
    for name, settings in SETTINGS.items():
        try:
            dataset = load(name)
        except DatasetError as error:
            sys.stdout.write(f"{name:<13}  not here: {error.fix}\n")
            continue
        found = []
        for seed in SEEDS if name != "fashion-mnist" else range(1):
            plan = plan_for(settings, "sgd", seed)
            ours, theirs, seconds = measure(dataset, plan, compare=True)
            found.append(ours)
            sys.stdout.write(
                f"{name:<13} {seed:>5}  {100 * ours:>11.2f} %  {100 * (theirs or 0):>12.2f} %"
                f"  {seconds:>7.1f}\n"
            )
        low, average = 100 * min(found), 100 * mean(found)
        sys.stdout.write(f"{name:<13}  mean  {average:>11.2f} %  (lowest {low:.2f} %)\n")


def choose() -> None:
    """Print held-out accuracy over a grid of settings; the test rows are never looked at."""
    for name, count in _HELD_OUT.items():
        dataset = hold_out(load(name), count)
        model = network_for(dataset)
        rows: list[tuple[float, str]] = []
        began = perf_counter()
        for batch_size, rate, epochs in product(_BATCHES, _RATES, _EPOCHS):
            optimizer = make_optimizer("sgd", lr=rate, momentum=0.9)
            plan = Plan(optimizer, epochs, batch_size, 0, "float32", "cosine")
            runs = [fit(model, dataset, replace(plan, seed=seed)) for seed in range(3)]
            text = f"batch_size={batch_size:<4} lr={rate:<5} epochs={epochs}"
            rows.append((mean(r.last.accuracy for r in runs), text))
        sys.stdout.write(f"{name}, {count} rows held out, {perf_counter() - began:.0f} s\n")
        for accuracy, text in sorted(rows, reverse=True)[:10]:
            sys.stdout.write(f"  {100 * accuracy:.2f} %  {text}\n")


def _held_out(model: Model, dataset: Dataset, plan: Plan) -> str:
    """Return the mean held-out score of three seeds."""
    try:
        runs = [fit(model, dataset, replace(plan, seed=seed)) for seed in range(3)]
    except TrainingError:
        return "diverges"
    return f"{mean(r.last.test.value for r in runs):.4f}"


#: The rates that are tried, by how an optimizer scales its steps.
_TRIED = {
    "sgd": (0.002, 0.005, 0.01, 0.02, 0.05, 0.1),
    "rmsprop": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    "adam": (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
}


def rates() -> None:
    """Print the held-out score of each rate of some optimizers; test rows are never looked at."""
    for name in ("breast-cancer", "diabetes", "digits", "mnist5k"):
        whole = load(name)
        dataset = hold_out(whole, len(whole.y_train) // 8)
        model = network_for(dataset)
        for optimizer, tried in _TRIED.items():
            sys.stdout.write(f"{name:<13}  {optimizer:<8}")
            for rate in tried:
                plan = plan_for(SETTINGS[name], f"{optimizer}(lr={rate})", 0)
                sys.stdout.write(f"  {rate:g}: {_held_out(model, dataset, plan)}")
                sys.stdout.flush()
            sys.stdout.write("\n")
