"""`symgrad train`: gradient descent on real data with generated gradients."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symgrad.cli import console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from symgrad.training.classifier import TrainingReport
    from symgrad.training.plan import Epoch, TrainingRun


class Network(StrEnum):
    """The networks that can be trained from the command line."""

    MLP = "mlp"


class Data(StrEnum):
    """The data sets."""

    MNIST5K = "mnist5k"
    DIGITS = "digits"
    FASHION_MNIST = "fashion-mnist"


class Engine(StrEnum):
    """What carries out the steps."""

    NUMPY = "numpy"
    TORCH = "torch"
    AUTOGRAD = "autograd"


DataFolder = Annotated[
    Path | None, typer.Option(help="The folder of a data set that is not shipped.")
]


def run(  # noqa: PLR0913 (the options of a command)
    network: Annotated[
        Network, typer.Argument(metavar="NETWORK", help="The network: linear, relu, linear.")
    ],
    *,
    data: Annotated[Data, typer.Option(help="The data set.")] = Data.MNIST5K,
    data_folder: DataFolder = None,
    target: Annotated[Engine, typer.Option(help="What carries out the steps.")] = Engine.NUMPY,
    optimizer: Annotated[str, typer.Option(help="sgd or gradient_descent.")] = "sgd",
    epochs: Annotated[int | None, typer.Option(min=1, help="How often to go through.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of start values and batches.")] = 0,
    compare: Annotated[bool, typer.Option(help="Train with torch autograd too.")] = False,
    curve: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw the learning curve into this file.")
    ] = None,
    json: console.Json = False,
) -> None:
    """Train a network on real data with generated code."""
    console.use_one_thread()
    from symgrad.training.classifier import train_classifier  # noqa: PLC0415 (quick start)

    assert network is Network.MLP, "every network of the list has its own call here"
    report = train_classifier(
        data.value,
        seed=seed,
        target=target.value,
        optimizer=optimizer,
        epochs=epochs,
        path=data_folder,
        compare_torch=compare,
        show_progress=not json,
    )
    if curve is not None:
        from symgrad.training.plot import plot_curves  # noqa: PLC0415

        plot_curves(histories(report), curve, title(report))
    if json:
        console.say_json(report.as_dict())
        return
    console.say(report.data, title(report), "")
    console.say(*history_lines(report.ours), "")
    if curve is not None:
        console.say(f"learning curve: {curve}")
    console.say(report.line)


def title(report: TrainingReport) -> str:
    """Return network, optimizer and batches in one line."""
    plan = report.plan
    count = sum(report.model.counts().values())
    return (
        f"{report.model.network.name}, {count:,} parameters, {plan.optimizer},"
        f" batches of {plan.batch_size}, {plan.dtype}, seed {plan.seed}"
    )


def histories(report: TrainingReport) -> dict[str, tuple[Epoch, ...]]:
    """Return the history of each run by a short name, for a legend."""
    return {
        run.gradients.partition(",")[0]: run.history
        for run in (report.ours, report.torch)
        if run is not None
    }


def history_lines(run: TrainingRun, rows: int = 10) -> Iterator[str]:
    """Yield a heading and about `rows` rows of a run's history; the last epoch is always shown."""
    yield "epoch      loss  test accuracy  seconds"
    step = max(1, -(-len(run.history) // rows))
    for epoch in run.history:
        if epoch.number % step == 0 or epoch is run.last:
            accuracy = f"{100 * epoch.accuracy:.1f} %"
            yield f"{epoch.number:>5}  {epoch.loss:>8.5f}  {accuracy:>13}  {epoch.seconds:>7.1f}"
