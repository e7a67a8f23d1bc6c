"""The table of checks, and the decorator that fills it.

In: functions that test a law at an instance. Out: `CHECKS`. This module knows no law.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.verification.outcome import Outcome, wrong
from symgrad.verification.subject import DefectError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from symgrad.verification.instances import Instance
    from symgrad.verification.subject import Subject

    Function = Callable[..., Outcome]


@dataclass(frozen=True, eq=False)
class Check:
    """A law, and how it is tested.

    Attributes:
        name: What holds.
        proves: What follows from it, in a sentence.
        function: Tests it, given a subject and an instance; without an instance if `once`.
        once: Whether there is one answer for the derivation, at no instance.
        targets: Where it applies; empty for everywhere.
        draws: Which instances it needs: arguments of `strategies.instances`.
    """

    name: str
    proves: str
    function: Function
    once: bool = False
    targets: tuple[str, ...] = ()
    draws: Mapping[str, Any] = field(default_factory=dict)

    def applies_to(self, target: str) -> bool:
        """Return whether the check makes sense on a target."""
        return not self.targets or target in self.targets

    def run(self, subject: Subject, instance: Instance | None) -> Outcome:
        """Return what the check finds; an exception of what is on trial is a defect."""
        try:
            with np.errstate(all="ignore"):  # infinities are judged, not announced
                return self.function(subject) if self.once else self.function(subject, instance)
        except DefectError as error:
            return wrong(str(error), "exception")


#: Every check, by name.
CHECKS: dict[str, Check] = {}


def check(
    proves: str, *, once: bool = False, targets: tuple[str, ...] = (), **draws: Any
) -> Callable[[Function], Function]:
    """Collect a function as a check, named after it; the arguments are fields of `Check`."""

    def collect(function: Function) -> Function:
        name = function.__name__.replace("_", " ")
        CHECKS[name] = Check(name, proves, function, once, targets, draws)
        return function

    return collect
