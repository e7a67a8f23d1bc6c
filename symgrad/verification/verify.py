"""`verify`: every check, at many instances, with the smallest counterexample of each that fails.

In: a layer, a System or a derivation, and a target. Out: a `Report`.
"""

from __future__ import annotations

from itertools import product
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from symgrad.autodiff.derive import derive
from symgrad.derivation import Derivation
from symgrad.ir.equation import System
from symgrad.ir.text import options_of
from symgrad.verification.checks import CHECKS, Check
from symgrad.verification.instances import LONGEST, with_open_lengths
from symgrad.verification.oracles import Oracles
from symgrad.verification.outcome import Outcome
from symgrad.verification.report import Report, Row
from symgrad.verification.scripts import script
from symgrad.verification.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from symgrad.verification.instances import Instance


class Declared(Protocol):
    """Something that is declared by equations: a layer."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def text(self) -> str:
        """Its equations and options."""

    def system(self, **options: object) -> System:
        """Return the equations with static options fixed."""


def variants(layer: Declared, fixed: Mapping[str, object] | None = None) -> dict[str, System]:
    """Return the System for every combination of static options, by a name that shows them.

    Args:
        layer: What is declared.
        fixed: Options that have one value.

    >>> from symgrad.layers.registry import get
    >>> list(variants(get("mse")))
    ['mse(reduction=mean)', 'mse(reduction=sum)', 'mse(reduction=none)']
    """
    options = options_of(layer.text) | {n: (value,) for n, value in (fixed or {}).items()}
    found: dict[str, System] = {}
    for values in product(*options.values()):
        chosen = dict(zip(options, values, strict=True))
        shown = ", ".join(f"{option}={value}" for option, value in chosen.items())
        found[f"{layer.name}({shown})" if shown else layer.name] = layer.system(**chosen)
    return found


def subjects(what: Declared | System | Derivation | Subject, target: str) -> list[Subject]:
    """Return what there is to verify: a layer is verified for every value of its options."""
    if isinstance(what, Subject):
        return [what]
    if isinstance(what, Derivation):
        derivations = {what.system.name: what}
    elif isinstance(what, System):
        derivations = {what.name: derive(what)}
    else:
        derivations = {name: derive(system) for name, system in variants(what).items()}
    return [s for derived in derivations.items() for s in trials(*derived, [target])]


def trials(name: str, derivation: Derivation, targets: Iterable[str]) -> list[Subject]:
    """Return a derivation on trial on each target, with no axis fixed to a large length."""
    opened = with_open_lengths(derivation, LONGEST)
    oracles = Oracles(opened)
    return [Subject(opened, target, oracles, name=name) for target in targets]


def verify(
    what: Declared | System | Derivation | Subject,
    target: str = "numpy",
    *,
    examples: int = 20,
    seed: int = 0,
    checks: Iterable[str] | None = None,
) -> Report:
    """Return what every check finds about a layer, a System or a derivation.

    Args:
        what: The equations, or what was derived from them; a layer for every value of its options.
        target: Where the derived formulas are run: "numpy", "torch" or "reference".
        examples: How many instances each check tries.
        seed: The same seed draws the same instances.
        checks: Names of the checks to run; all that apply by default.
    """
    chosen = [CHECKS[name] for name in (CHECKS if checks is None else checks)]
    rows = [
        search(check, subject, examples, seed)
        for subject in subjects(what, target)
        for check in chosen
        if check.applies_to(subject.target)
    ]
    return Report(tuple(rows))


def replay(
    derivation: Derivation,
    check: str,
    instance: Instance | None,
    *,
    target: str = "numpy",
    truth: System | None = None,
) -> Outcome:
    """Return what a check finds at one instance.

    Args:
        derivation: What is on trial.
        check: The name of the check.
        instance: The point; None for a check that needs none.
        target: Where the formulas are run.
        truth: The System that says what is right, if it is not that of the derivation.
    """
    oracles = None if truth is None else Oracles(derive(truth, derivation.wrt))
    return CHECKS[check].run(Subject(derivation, target, oracles), instance)


class _FoundError(Exception):
    """Raised inside Hypothesis so that it simplifies the instance."""


def search(check: Check, subject: Subject, examples: int = 20, seed: int = 0) -> Row:
    """Return the row of one check, with the simplest instance at which it fails."""
    start = perf_counter()
    outcomes: list[tuple[Instance | None, Outcome]] = []
    if check.once:
        outcomes.append((None, check.run(subject, None)))
    else:
        _try_instances(check, subject, examples, seed, outcomes)
    seconds = perf_counter() - start
    last, found = outcomes[-1]
    undecided = sum(o.verdict == "cannot tell" for _, o in outcomes)
    if found.is_wrong:
        where = "" if last is None else f" [{last}]"
        verdict, detail, kind = "wrong", found.detail + where, found.kind
        program = script(check, subject, last, found.detail)
    else:
        verdict = "cannot tell" if undecided == len(outcomes) else "ok"
        detail, kind, program = found.detail if verdict != "ok" else "", "", ""
    return Row(
        subject.name,
        check.name,
        subject.target,
        len(outcomes),
        undecided,
        max(o.ulps for _, o in outcomes),
        seconds,
        verdict,
        kind,
        detail,
        program,
    )


def _try_instances(
    check: Check,
    subject: Subject,
    examples: int,
    seed: int,
    outcomes: list[tuple[Instance | None, Outcome]],
) -> None:
    """Run a check at drawn instances; a wrong outcome, if any, is the last and the simplest."""
    import hypothesis  # noqa: PLC0415 (a development tool, heavy)

    from symgrad.verification.strategies import instances  # noqa: PLC0415 (it imports Hypothesis)

    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        verbosity=hypothesis.Verbosity.quiet,
    )
    @hypothesis.seed(seed)
    @hypothesis.given(instances(subject.system, **check.draws))
    def one(instance: Instance) -> None:
        outcome = check.run(subject, instance)
        outcomes.append((instance, outcome))
        if outcome.is_wrong:
            raise _FoundError(outcome.detail)

    try:
        one()
    except _FoundError:
        pass
    except hypothesis.errors.Flaky:
        # Right and wrong at the same instance: the function is not one. Keep a wrong outcome.
        outcomes.append(next(pair for pair in reversed(outcomes) if pair[1].is_wrong))
    except hypothesis.errors.Unsatisfiable:
        outcomes.append((None, Outcome("cannot tell", 0.0, "no instance of this kind exists")))
