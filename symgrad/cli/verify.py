"""`symgrad verify`: the generated code of a layer against every oracle."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from symgrad.cli import NO, console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.derivation import Derivation
    from symgrad.verification.report import Report

#: Columns of a table where the output is no terminal.
_WIDTH = 110


class Target(StrEnum):
    """Where the derived formulas are run."""

    NUMPY = "numpy"
    TORCH = "torch"
    REFERENCE = "reference"


def run(  # noqa: PLR0913 (the options of a command)
    what: console.What,
    *,
    target: Annotated[
        list[Target] | None, typer.Option(help="Where to run it, repeatable; else NumPy.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="Random instances for each check.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the random instances.")] = 0,
    option: console.Options = None,
    json: console.Json = False,
) -> None:
    """Test the generated code of a layer.

    Prints a table of checks. Exit code 1 means that one of them failed; the smallest case found is
    printed with a program that shows it.
    """
    from symgrad.autodiff.derive import derive  # noqa: PLC0415 (quick start)

    derivation = derive(console.system_of(what, option))
    targets = [t.value for t in target or [Target.NUMPY]]
    report = run_checks(derivation, targets, examples, seed=seed, show_progress=not json)
    if json:
        console.say_json(report.as_dict())
    else:
        show(report)
    if not report.ok:
        raise typer.Exit(NO)


def run_checks(
    derivation: Derivation,
    targets: Sequence[str],
    examples: int,
    *,
    seed: int = 0,
    show_progress: bool,
) -> Report:
    """Return what every check finds on each target, with a progress bar."""
    from rich.console import Console  # noqa: PLC0415 (quick start)
    from rich.progress import track  # noqa: PLC0415

    from symgrad.verification.checks import CHECKS  # noqa: PLC0415
    from symgrad.verification.report import joined  # noqa: PLC0415
    from symgrad.verification.subject import Subject  # noqa: PLC0415
    from symgrad.verification.verify import verify  # noqa: PLC0415

    subjects = [Subject(derivation, target) for target in targets]
    work = [(s, name) for s in subjects for name, c in CHECKS.items() if c.applies_to(s.target)]
    terminal = Console(stderr=True)
    bar = track(
        work,
        description="checking",
        console=terminal,
        transient=True,
        disable=not (show_progress and terminal.is_terminal),
    )
    return joined(
        verify(subject, examples=examples, seed=seed, checks=[name]) for subject, name in bar
    )


def show(report: Report) -> None:
    """Print the table, what failed, and for the first failure a program that shows it."""
    from rich.console import Console  # noqa: PLC0415 (quick start)

    terminal = Console()
    if not terminal.is_terminal:
        terminal = Console(width=_WIDTH)
    terminal.print(report.table())
    for row in report.wrong:
        console.say("", f"{row.check} on {row.target}: {row.detail}")
    for row in report.wrong[:1]:
        console.say("", f"A program that shows the first of them ({row.check}):", "", row.script)
    count = len(report.rows)
    console.say(
        f"all {count} checks pass" if report.ok else f"{len(report.wrong)} of {count} checks fail"
    )
