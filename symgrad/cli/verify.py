"""`symgrad verify`: the generated code of a layer, or of all, against every oracle."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from symgrad.cli import NO, console
from symgrad.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System
    from symgrad.verification.report import Report

#: Examples for each check: by default, and where thoroughness is asked for.
QUICK, THOROUGH = 20, 200


class Target(StrEnum):
    """Where the derived formulas are run."""

    NUMPY = "numpy"
    TORCH = "torch"
    REFERENCE = "reference"


class What(StrEnum):
    """What is reported."""

    CHECKS = "checks"
    BITS = "bits"
    BUGS = "bugs"


def run(  # noqa: PLR0913 (the options of a command)
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[WHAT]",
            help="A layer, as `symgrad layers` lists them; equations; or a file of them.",
            show_default=False,
        ),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every registered layer.")] = False,
    target: Annotated[
        list[Target] | None,
        typer.Option(help="Where to run it, repeatable; else NumPy, and torch too with --all."),
    ] = None,
    report: Annotated[
        What,
        typer.Option(
            help="What the checks find, bits of error against mpmath, or which planted bugs the "
            "checks notice."
        ),
    ] = What.CHECKS,
    thorough: Annotated[
        bool, typer.Option("--thorough", help=f"{THOROUGH} examples where {QUICK} are quick.")
    ] = False,
    examples: Annotated[
        int | None, typer.Option(min=1, help=f"Random instances for each check, else {QUICK}.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random instances.")] = 0,
    option: console.Options = None,
    json: console.Json = False,
) -> None:
    """Test the generated code of a layer, for every value of its options, or of all layers.

    Prints a table of checks. Exit code 1 means that one of them failed; the smallest case found is
    printed with a program that shows it.
    """
    from symgrad.autodiff.derive import derive  # noqa: PLC0415 (quick start)
    from symgrad.cli import measures  # noqa: PLC0415

    systems = _systems(what, option, everything=everything)
    derivations = {name: derive(system) for name, system in systems.items()}
    targets = [t.value for t in target] if target else _targets(everything=everything)
    if report is What.BITS:
        tried = examples or (THOROUGH if thorough else QUICK)
        measures.show_bits(derivations, targets, tried, seed=seed, as_json=json)
    elif report is What.BUGS:
        measures.show_bugs(derivations, targets[-1], examples, thorough=thorough, as_json=json)
    else:
        tried = examples or (THOROUGH if thorough else QUICK)
        found = run_checks(derivations, targets, tried, seed=seed, show_progress=not json)
        if json:
            console.say_json(found.as_dict())
        else:
            show(found)
        if not found.ok:
            raise typer.Exit(NO)


def _systems(
    what: str | None, option: Sequence[str] | None, *, everything: bool
) -> dict[str, System]:
    if everything == (what is not None) or (everything and option):
        raise OptionError(
            where="symgrad verify",
            given="nothing to verify" if what is None and not everything else "--all and more",
            expected="either WHAT, which may have options, or --all",
            fix="symgrad verify softmax, or symgrad verify --all",
        )
    if what is not None:
        return console.systems_of(what, option)
    from symgrad import layers  # noqa: F401, PLC0415 (fills the table)
    from symgrad.layers.registry import LAYERS  # noqa: PLC0415
    from symgrad.verification.verify import variants  # noqa: PLC0415

    return {n: s for name in sorted(LAYERS) for n, s in variants(LAYERS[name]).items()}


def _targets(*, everything: bool) -> list[str]:
    """Return where to run what is verified if nobody says."""
    with_torch = everything and find_spec("torch") is not None
    return [Target.NUMPY.value, *([Target.TORCH.value] if with_torch else [])]


def run_checks(
    derivations: Mapping[str, Derivation],
    targets: Sequence[str],
    examples: int,
    *,
    seed: int = 0,
    show_progress: bool,
) -> Report:
    """Return what every check finds about every derivation on each target, with a progress bar.

    Args:
        derivations: What is on trial, by the name that it has in the report.
        targets: Where to run it.
        examples: How many instances each check tries.
        seed: Of the instances.
        show_progress: Whether to show how far it is.
    """
    from symgrad.verification.checks import CHECKS  # noqa: PLC0415 (quick start)
    from symgrad.verification.report import joined  # noqa: PLC0415
    from symgrad.verification.verify import trials, verify  # noqa: PLC0415

    work = [
        (subject, name)
        for derived in derivations.items()
        for subject in trials(*derived, targets)
        for name, check in CHECKS.items()
        if check.applies_to(subject.target) and not (check.once and subject.target != targets[0])
    ]
    return joined(
        verify(subject, examples=examples, seed=seed, checks=[name])
        for subject, name in console.progress(work, "checking", shown=show_progress)
    )


def show(report: Report) -> None:
    """Print the table, what failed, and for the first failure a program that shows it."""
    console.say_table(report.table())
    for row in report.wrong:
        console.say("", f"{row.layer}, {row.check} on {row.target}: {row.detail}")
    for row in report.wrong[:1]:
        console.say("", f"A program that shows the first of them ({row.check}):", "", row.script)
    count, seconds = len(report.rows), sum(row.seconds for row in report.rows)
    verdict = (
        f"all {count} checks pass" if report.ok else f"{len(report.wrong)} of {count} checks fail"
    )
    console.say(f"{verdict} ({seconds:.0f} s)")
