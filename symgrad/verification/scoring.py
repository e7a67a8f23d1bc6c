"""Mutation testing of the checks: which planted bugs does each of them notice?

In: a derivation. Out: a `Score`: for every planted bug the checks that noticed it, or the proof
that it is none. A verifier that never failed proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal

from symgrad.errors import UnsupportedError
from symgrad.rewriting.equality import equivalent, vjp_is_exact
from symgrad.verification.checks import CHECKS, Check
from symgrad.verification.faults import FAULTS, HARMLESS
from symgrad.verification.instances import LONGEST, with_open_lengths
from symgrad.verification.mutants import mutants
from symgrad.verification.oracles import Oracles
from symgrad.verification.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.table import Table

    from symgrad.derivation import Derivation
    from symgrad.verification.instances import Instance


#: What notices a bug that raises an exception.
CRASH = "(an exception)"


@dataclass(frozen=True)
class Planted:
    """One planted bug and what became of it.

    Attributes:
        layer: Where it was planted.
        kind: What kind of mistake it is.
        name: Which one.
        killed_by: The checks whose law it broke, and CRASH if it raised an exception.
        equivalent: Whether it is proved to change nothing.
    """

    layer: str
    kind: str
    name: str
    killed_by: frozenset[str]
    equivalent: bool = False


@dataclass(frozen=True)
class Score:
    """What became of all planted bugs."""

    planted: tuple[Planted, ...]

    @property
    def survivors(self) -> tuple[Planted, ...]:
        """The bugs that no check noticed and that are not proved harmless."""
        return tuple(p for p in self.planted if not p.killed_by and not p.equivalent)

    @property
    def equivalent(self) -> tuple[Planted, ...]:
        """The mutations that are proved to change nothing."""
        return tuple(p for p in self.planted if p.equivalent)

    @property
    def killed(self) -> float:
        """The share of the real bugs that some check noticed."""
        real = [p for p in self.planted if not p.equivalent]
        return sum(bool(p.killed_by) for p in real) / max(len(real), 1)

    def by_check(self) -> dict[str, int]:
        """Return how many bugs each check noticed."""
        return {c: sum(c in p.killed_by for p in self.planted) for c in (*CHECKS, CRASH)}

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "planted": len(self.planted),
            "killed": self.killed,
            "by_check": self.by_check(),
            "equivalent": [f"{p.layer}: {p.name}" for p in self.equivalent],
            "survivors": [f"{p.layer}: {p.name}" for p in self.survivors],
        }

    def table(self) -> Table:
        """Return the number and the share of the bugs that each check noticed, as a table."""
        from rich.table import Table  # noqa: PLC0415 (quick to do without)

        real = sum(not p.equivalent for p in self.planted)
        layers = len({p.layer for p in self.planted})
        title = f"{real} planted bugs in {layers} layer(s), {100 * self.killed:.1f} % noticed"
        table = Table(title=title)
        table.add_column("check")
        table.add_column("noticed", justify="right")
        table.add_column("share", justify="right")
        for check, count in self.by_check().items():
            table.add_row(check, str(count), f"{100 * count / max(real, 1):.1f} %")
        return table

    def lists(self) -> list[str]:
        """Return a line for each bug that was not noticed, and whether it is one."""
        rows = [f"changes nothing: {p.layer}, {p.name}" for p in self.equivalent]
        return [*rows, *(f"NOT NOTICED: {p.layer}, {p.name}" for p in self.survivors)]

    def __str__(self) -> str:
        from rich.console import Console  # noqa: PLC0415 (quick to do without)

        text = StringIO()
        Console(file=text, width=100, no_color=True).print(self.table())
        return "\n".join([text.getvalue().rstrip(), *self.lists()])


#: How many times as many instances are tried on a bug that nobody noticed.
THOROUGH = 8


#: The share of the bugs that must be noticed.
LEAST = 0.98


@dataclass(frozen=True)
class Effort:
    """How much to try.

    Attributes:
        examples: How many instances each check may use.
        per_kind: How many bugs of each kind at most.
        first_only: Whether to stop at the first check that notices a bug.
    """

    examples: int = 8
    per_kind: int = 4
    first_only: bool = False


def points(
    derivation: Derivation, checks: Iterable[Check], count: int, seed: int = 0
) -> dict[str, tuple[Instance, ...]]:
    """Return instances for each check, the same for the same seed; like needs share instances."""
    from symgrad.verification.strategies import drawn  # noqa: PLC0415 (it imports Hypothesis)

    found: dict[str, tuple[Instance, ...]] = {}
    known: dict[str, tuple[Instance, ...]] = {}
    for check in checks:
        if check.once:
            continue
        needs = repr(sorted(check.draws.items()))
        if needs not in known:
            known[needs] = drawn(derivation.system, count, seed, **check.draws)
        found[check.name] = known[needs]
    return found


def score(
    derivation: Derivation,
    checks: Sequence[Check],
    *,
    target: str = "reference",
    side: Literal["forward", "backward"] = "backward",
    effort: Effort = Effort(),
) -> Score:
    """Return which planted bugs of formulas the checks notice.

    A bug that no check notices is put to the exact oracle, which may prove that it is none.

    Args:
        derivation: Where the bugs are planted.
        checks: The checks to try on each bug.
        target: Where the wrong formulas are run.
        side: The System in which bugs are planted.
        effort: How much to try.
    """
    oracles = Oracles(derivation)
    quick = points(derivation, checks, effort.examples)
    thorough: dict[str, tuple[Instance, ...]] = {}
    rows: list[Planted] = []
    for mutant in mutants(derivation, effort.per_kind, side):
        subject = Subject(mutant.derivation, target, oracles)
        try:
            killed = _noticed(subject, checks, quick, first_only=effort.first_only)
        except UnsupportedError:
            continue  # no code can be generated for this mistake
        if not killed:
            thorough = thorough or points(derivation, checks, effort.examples * THOROUGH, seed=1)
            killed = _noticed(subject, checks, thorough, first_only=True)
        harmless = not killed and _is_harmless(derivation, mutant.derivation)
        rows.append(Planted(subject.name, mutant.kind, mutant.name, killed, harmless))
    return Score(tuple(rows))


def _is_harmless(right: Derivation, mutated: Derivation) -> bool:
    """Return whether the exact oracle proves that a mutation changes nothing."""
    if right.backward == mutated.backward:
        return bool(equivalent(right.forward, mutated.forward))
    return bool(vjp_is_exact(mutated))


def score_faults(
    derivation: Derivation,
    checks: Sequence[Check],
    *,
    target: str = "numpy",
    effort: Effort = Effort(),
) -> Score:
    """Return which faults of code the checks notice; the arguments are those of `score`."""
    oracles = Oracles(derivation)
    drawn = points(derivation, checks, effort.examples)
    thorough: dict[str, tuple[Instance, ...]] = {}
    rows: list[Planted] = []
    for name, fault in FAULTS.items():
        subject = Subject(derivation, target, oracles, fault=fault)
        killed = _noticed(subject, checks, drawn)
        if not killed:
            thorough = thorough or points(derivation, checks, effort.examples * THOROUGH, seed=1)
            killed = _noticed(subject, checks, thorough, first_only=True)
        nothing = HARMLESS.get(name)
        harmless = not killed and nothing is not None and nothing(derivation)
        rows.append(Planted(subject.name, name, name, killed, harmless))
    return Score(tuple(rows))


def _noticed(
    subject: Subject,
    checks: Iterable[Check],
    drawn: Mapping[str, Sequence[Instance]],
    *,
    first_only: bool = False,
) -> frozenset[str]:
    """Return the names of the checks that find something wrong; a crash is nobody's merit."""
    found: set[str] = set()
    for check in checks:
        for instance in drawn.get(check.name, (None,)):
            outcome = check.run(subject, instance)
            if outcome.is_wrong:
                found.add(CRASH if outcome.kind == "exception" else check.name)
        if found and first_only:
            break
    return frozenset(found)


def score_everything(
    name: str, derivation: Derivation, target: str, effort: Effort = Effort()
) -> Score:
    """Return the score of all checks: wrong backward and forward formulas, and faulty code.

    Args:
        name: What the layer is called in the score.
        derivation: Where bugs are planted.
        target: Where the wrong formulas, and the faults of code, are run.
        effort: How much to try.
    """
    opened = with_open_lengths(derivation, LONGEST)
    checks = [c for c in CHECKS.values() if c.applies_to(target)]
    scores = [
        score(opened, checks, target=target, effort=effort),
        score(opened, checks, target=target, side="forward", effort=effort),
        score_faults(opened, [c for c in checks if not c.once], target=target, effort=effort),
    ]
    planted = (replace(p, layer=name) for found in scores for p in found.planted)
    return Score(tuple(planted))


def joined(scores: Iterable[Score]) -> Score:
    """Return one score with the planted bugs of all."""
    return Score(tuple(p for score in scores for p in score.planted))
