"""`symgrad demo`: the whole road on one network, from equations to test accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symgrad.cli import NO, console
from symgrad.cli.derive import saved_and_operations
from symgrad.cli.train import Data, DataFolder, histories, history_lines, title

if TYPE_CHECKING:
    from symgrad.derivation import Derivation
    from symgrad.training.reports import TrainingReport

_TARGETS = ("numpy", "torch")
_BATCH = ("n",)
_EXAMPLES = 10


def run(
    *,
    data: Annotated[Data, typer.Option(help="The data set to train on.")] = Data.MNIST5K,
    data_folder: DataFolder = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for the code and the picture.")
    ] = Path("symgrad-demo"),
    json: console.Json = False,
) -> None:
    """Show all of it on one network.

    Derives the gradient of a perceptron, generates its code, verifies it, trains it on handwritten
    digits, and draws the learning curve.
    """
    console.use_one_thread()
    from symgrad.autodiff.derive import derive  # noqa: PLC0415 (quick start)
    from symgrad.ir.batch import fix_batch  # noqa: PLC0415
    from symgrad.training.datasets import load  # noqa: PLC0415
    from symgrad.training.networks import network_for  # noqa: PLC0415

    talk = not json
    dataset = load(data.value, data_folder)  # first, so that a missing set is known at once
    model = network_for(dataset)
    derivation = derive(fix_batch(model.objective, _BATCH), model.params)
    if talk:
        _show_derivation(derivation)
    files = _write_modules(derivation, output)
    if talk:
        _title(3, "The generated code: a forward and a backward function, no symgrad inside")
        console.say(*(f"  {file}" for file in files), "", "  The backward pass for NumPy:", "")
        console.say(*_body(files[0].read_text(encoding="utf-8"), f"{derivation.system.name}_vjp"))
        _title(4, "Verification of the generated code")
    verified = _verify(derivation, talk=talk)
    if talk:
        _title(5, f"Training on {dataset}")
    report = _train(data.value, data_folder, output, talk=talk)
    if json:
        paths = [str(f) for f in files]
        console.say_json({"files": paths, "verified": verified, "training": report.as_dict()})
    else:
        console.say("", report.line)
    if not verified:
        raise typer.Exit(NO)


def _title(number: int, text: str) -> None:
    console.say("")
    typer.secho(f"{number}. {text}", bold=True)
    console.say("")


def _show_derivation(derivation: Derivation) -> None:
    from symgrad.formula.derivation import steps_as_text  # noqa: PLC0415
    from symgrad.ir.show import show_equation, show_tensor  # noqa: PLC0415

    system = derivation.system
    _title(1, "The equations: a perceptron and its loss, composed from registered layers")
    console.say(*(f"  {show_tensor(t)}" for t in system.inputs), "")
    console.say(*(f"  {show_equation(e)}" for e in system.equations))
    _title(2, "Backpropagation, derived from them")
    console.say(*(f"  {line}" for line in steps_as_text(derivation)), "")
    console.say("  The result:", "")
    console.say(*(f"  {show_equation(e)}" for e in derivation.backward.equations))
    saved_and_operations(derivation)


def _write_modules(derivation: Derivation, folder: Path) -> list[Path]:
    from symgrad.codegen.files import write  # noqa: PLC0415
    from symgrad.codegen.generate import generate  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for target in _TARGETS:
        files.append(folder / f"mlp_{target}.py")
        write(files[-1], generate(derivation, target, _BATCH))
    return files


def _body(source: str, function: str) -> list[str]:
    """Return the lines of a generated function that compute, after its checks at the door."""
    text = source.partition(f"def {function}(")[2].partition("\n\n\n")[0]
    return text.rpartition("\n    )\n")[2].splitlines()


def _verify(derivation: Derivation, *, talk: bool) -> bool:
    from symgrad.cli.verify import run_checks, show  # noqa: PLC0415

    # Every length is open: the checks choose small and unequal ones.
    mine = {derivation.system.name: derivation}
    report = run_checks(mine, _TARGETS, _EXAMPLES, show_progress=talk)
    if talk:
        show(report)
    return report.ok


def _train(data: str, data_folder: Path | None, folder: Path, *, talk: bool) -> TrainingReport:
    from symgrad.training.plot import plot_curves  # noqa: PLC0415
    from symgrad.training.reports import train  # noqa: PLC0415

    [report] = train(data, path=data_folder, show_progress=talk)
    curve = folder / "learning-curve.png"
    plot_curves(histories([report]), curve, title([report]), report.measure)
    if talk:
        console.say(title([report]), "")
        console.say(*history_lines(report.ours, report.measure), "")
        console.say(f"learning curve: {curve}")
    return report
