"""What `symgrad verify --report` prints beside the checks: bits of error, and planted bugs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from symgrad.cli import NO, console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from symgrad.derivation import Derivation


def show_bits(
    derivations: Mapping[str, Derivation],
    targets: Sequence[str],
    examples: int,
    *,
    seed: int,
    as_json: bool,
) -> None:
    """Print how many bits are wrong over log-uniform inputs, on average and at worst."""
    from symgrad.verification import bits  # noqa: PLC0415 (quick start)
    from symgrad.verification.verify import trials  # noqa: PLC0415

    subjects = [s for derived in derivations.items() for s in trials(*derived, targets)]
    work = console.progress(subjects, "measuring", shown=not as_json)
    rows = [row for subject in work for row in bits.measure(subject, examples, seed)]
    if as_json:
        console.say_json(bits.as_dicts(rows))
    else:
        console.say_table(bits.table(rows))
        entries = sum(row.entries for row in rows)
        console.say(f"{entries} entries of {len(subjects)} subjects against mpmath")


def show_bugs(
    derivations: Mapping[str, Derivation],
    target: str,
    examples: int | None,
    *,
    thorough: bool,
    as_json: bool,
) -> None:
    """Print which planted bugs each check notices; too few of them are a failure."""
    from symgrad.verification.scoring import (  # noqa: PLC0415 (quick start)
        LEAST,
        Effort,
        joined,
        score_everything,
    )

    quick, most = Effort(examples=4, per_kind=1), Effort()
    effort = most if thorough else quick
    effort = Effort(examples or effort.examples, effort.per_kind)
    work = console.progress(list(derivations.items()), "planting bugs", shown=not as_json)
    total = joined(score_everything(*derived, target, effort) for derived in work)
    if as_json:
        console.say_json(total.as_dict())
    else:
        console.say_table(total.table())
        console.say(*total.lists())
    if total.killed < LEAST:
        raise typer.Exit(NO)
