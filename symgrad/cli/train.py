"""`symgrad train`: gradient descent on real data with generated gradients."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symgrad.cli import NO, console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from symgrad.training.plan import Epoch, TrainingRun
    from symgrad.training.reports import TrainingReport


class Network(StrEnum):
    """The networks that can be trained from the command line."""

    MLP = "mlp"
    LINEAR = "linear"


class Data(StrEnum):
    """The data sets."""

    MNIST5K = "mnist5k"
    DIGITS = "digits"
    FASHION_MNIST = "fashion-mnist"
    BREAST_CANCER = "breast-cancer"
    DIABETES = "diabetes"


class Scheme(StrEnum):
    """How start values are drawn."""

    TORCH = "torch"
    XAVIER = "xavier"
    HE = "he"


class Engine(StrEnum):
    """What carries out the steps."""

    NUMPY = "numpy"
    TORCH = "torch"
    AUTOGRAD = "autograd"


DataFolder = Annotated[
    Path | None, typer.Option(help="The folder of a data set that is not shipped.")
]
#: Instances that each check tries before training.
_EXAMPLES = 5
_PLAN, _STOP, _FILES = "How to train", "When to stop", "Files"


def _number(text: str, panel: str, least: float = 0.0) -> Any:
    return typer.Option(help=text, min=least, rich_help_panel=panel)


def run(  # noqa: PLR0913 (the options of a command)
    network: Annotated[
        Network, typer.Argument(metavar="NETWORK", help="mlp (linear, relu, linear) or linear.")
    ],
    *,
    data: Annotated[Data, typer.Option(help="The data set.")] = Data.MNIST5K,
    data_folder: DataFolder = None,
    target: Annotated[Engine, typer.Option(help="What carries out the steps.")] = Engine.NUMPY,
    optimizer: Annotated[
        str, typer.Option(help="One or several: sgd,adam or 'sgd(lr=0.05, nesterov=True)'.")
    ] = "sgd",
    seed: Annotated[int, typer.Option(min=0, help="Of start values and batches.")] = 0,
    compare: Annotated[bool, typer.Option(help="Train with torch autograd too.")] = False,
    verify: Annotated[bool, typer.Option(help="Verify the gradients first.")] = False,
    epochs: Annotated[int | None, _number("How often to go through.", _PLAN, 1)] = None,
    batch_size: Annotated[int | None, _number("Rows in a step.", _PLAN, 1)] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="Of the learning rate: 'warmup(steps=100) + cosine'.", rich_help_panel=_PLAN
        ),
    ] = None,
    init: Annotated[
        Scheme | None, typer.Option(help="How to draw start values.", rich_help_panel=_PLAN)
    ] = None,
    l1: Annotated[float | None, _number("Weight of the sum of |W|.", _PLAN)] = None,
    l2: Annotated[float | None, _number("Weight of half the sum of W**2.", _PLAN)] = None,
    clip_norm: Annotated[float | None, _number("Shorten longer gradients.", _PLAN)] = None,
    clip_value: Annotated[float | None, _number("Bound entries of gradients.", _PLAN)] = None,
    validation: Annotated[float | None, _number("Share of rows to hold out.", _PLAN)] = None,
    target_loss: Annotated[float | None, _number("At this loss.", _STOP)] = None,
    patience: Annotated[int | None, _number("After epochs without a gain.", _STOP, 1)] = None,
    gradient_norm: Annotated[float | None, _number("Once gradients are short.", _STOP)] = None,
    seconds: Annotated[float | None, _number("After this time.", _STOP)] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keep it up to date; go on from it.", rich_help_panel=_FILES
        ),
    ] = None,
    every: Annotated[int, _number("Steps between checkpoints; 0: epochs.", _FILES)] = 0,
    curve: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Draw the learning curves.", rich_help_panel=_FILES),
    ] = None,
    json: console.Json = False,
) -> None:
    """Train a network on real data with generated code.

    Several optimizers are compared: a table, and their curves in NETWORK-DATA.png.
    """
    console.use_one_thread()
    from symgrad.training.plan import Stop  # noqa: PLC0415 (quick start)

    asked = {
        "epochs": epochs,
        "batch_size": batch_size,
        "schedule": schedule,
        "init": init and init.value,
        "l1": l1,
        "l2": l2,
        "clip_norm": clip_norm,
        "clip_value": clip_value,
        "validation": validation,
    }
    checks = _verified(network, data, data_folder, target, talk=not json) if verify else None
    reports = _train(
        checkpoint,
        data.value,
        network.value,
        seed=seed,
        target=target.value,
        optimizer=optimizer,
        path=data_folder,
        compare_torch=compare,
        show_progress=not json,
        every=every,
        stop=Stop(target_loss, patience, gradient_norm, seconds),
        **{name: value for name, value in asked.items() if value is not None},
    )
    if curve is None and len(reports) > 1:
        curve = Path(f"{network.value}-{data.value}.png")
    if curve is not None:
        from symgrad.training.plot import plot_curves  # noqa: PLC0415

        plot_curves(histories(reports), curve, title(reports), reports[0].measure)
    if json:
        found = [report.as_dict() | {"verified": checks} for report in reports]
        console.say_json(found[0] if len(found) == 1 else found)
        return
    status = "not verified (--verify)" if checks is None else f"verified: all {checks} checks pass"
    gradients = f"gradients: {reports[0].ours.gradients}; {status}"
    console.say(reports[0].data, title(reports), gradients, "")
    if len(reports) == 1:
        console.say(*history_lines(reports[0].ours, reports[0].measure), "")
    else:
        console.say(*table_lines(reports), "")
    if curve is not None:
        console.say(f"learning curve{'s' if len(reports) > 1 else ''}: {curve}")
    if checkpoint is not None:
        console.say(f"checkpoint: {checkpoint}")
    if len(reports) == 1:
        console.say(reports[0].line)


def _verified(
    network: Network, data: Data, folder: Path | None, target: Engine, *, talk: bool
) -> int:
    """Return how many checks the gradients of a network pass; show them and end if one does not."""
    from symgrad.autodiff.derive import derive  # noqa: PLC0415 (quick start)
    from symgrad.cli.verify import run_checks, show  # noqa: PLC0415
    from symgrad.ir.batch import fix_batch  # noqa: PLC0415
    from symgrad.training.datasets import load  # noqa: PLC0415
    from symgrad.training.networks import network_for  # noqa: PLC0415

    model = network_for(load(data.value, folder), network.value)
    # Every length is open: the checks choose small and unequal ones.
    system = replace(fix_batch(model.objective, ("n",)), sizes=())
    on = "numpy" if target is Engine.NUMPY else "torch"
    mine = {system.name: derive(system, model.params)}
    report = run_checks(mine, (on,), _EXAMPLES, show_progress=talk)
    if not report.ok:
        show(report)
        raise typer.Exit(NO)
    return len(report.rows)


def _train(checkpoint: Path | None, *given: str, **options: Any) -> list[TrainingReport]:
    """Train; where Ctrl-C stops a run with a checkpoint, tell how to go on."""
    from symgrad.training.reports import train  # noqa: PLC0415 (quick start)

    try:
        return train(*given, checkpoint=checkpoint, **options)
    except KeyboardInterrupt:
        if checkpoint is not None and checkpoint.exists():
            typer.echo(f"stopped; the same command goes on from {checkpoint}", err=True)
        raise


def title(reports: Sequence[TrainingReport]) -> str:
    """Return network, optimizer and batches in one line."""
    report, plan = reports[0], reports[0].plan
    count = sum(report.model.counts().values())
    optimizer = str(plan.optimizer) if len(reports) == 1 else f"{len(reports)} optimizers"
    return (
        f"{report.model.network.name}, {count:,} parameters, {optimizer},"
        f" batches of {plan.batch_size}, {plan.dtype}, seed {plan.seed}"
    )


def histories(reports: Sequence[TrainingReport]) -> dict[str, tuple[Epoch, ...]]:
    """Return the history of each run by a short name, for a legend."""
    found: dict[str, tuple[Epoch, ...]] = {}
    for report in reports:
        name = str(report.plan.optimizer)
        for run in (report.ours, report.torch):
            if run is not None:
                alone = run.gradients.partition(",")[0]
                more = name if run is report.ours else f"{name}, torch"
                found[more if len(reports) > 1 else alone] = run.history
    return found


def history_lines(run: TrainingRun, measure: str, rows: int = 10) -> Iterator[str]:
    """Yield a heading and about `rows` rows of a run's history; the last epoch is always shown."""
    held = run.last.validation is not None
    yield f"epoch      loss  {'validation  ' if held else ''}{measure}  seconds"
    step = max(1, -(-len(run.history) // rows))
    for epoch in run.history:
        if epoch.number % step == 0 or epoch is run.last:
            more = f"{epoch.validation!s:>10}  " if held else ""
            score = f"{epoch.test!s:>{len(measure)}}"
            yield f"{epoch.number:>5}  {epoch.loss:>8.5f}  {more}{score}  {epoch.seconds:>7.1f}"
    if run.stopped:
        yield f"stopped: {run.stopped}"


def table_lines(reports: Sequence[TrainingReport]) -> Iterator[str]:
    """Yield a table with a row for each optimizer, and what torch came to if it was asked."""
    names = [str(report.plan.optimizer) for report in reports]
    width, measure = max(map(len, names)), reports[0].measure
    compared = reports[0].torch is not None
    torch = "  torch autograd  distance" if compared else ""
    yield f"{'optimizer':<{width}}  epochs      loss  {measure}  seconds{torch}"
    for name, report in zip(names, reports, strict=True):
        last = report.ours.last
        row = f"{name:<{width}}  {last.number:>6}  {last.loss:>8.5f}  {last.test!s:>{len(measure)}}"
        row += f"  {last.seconds:>7.1f}"
        if report.torch is not None:
            row += f"  {report.torch.last.test!s:>14}  {report.distance:>8.0e}"
        yield row
