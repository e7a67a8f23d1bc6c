"""Every layer obeys every law, on every target: nothing here names a layer or a check."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from symgrad.autodiff.derive import derive
from symgrad.verification.checks import CHECKS
from symgrad.verification.verify import search, trials, variants
from tests.differentiated import DIFFERENTIATED

if TYPE_CHECKING:
    from symgrad.ir.equation import System
    from symgrad.verification.subject import Subject

TARGETS = ("numpy", "torch")

#: Every layer with every combination of its static options.
SYSTEMS: dict[str, System] = {
    name: system for layer in DIFFERENTIATED.values() for name, system in variants(layer).items()
}

#: Whatever applies; a proof about the formulas is the same on every target.
CASES = [
    pytest.param(
        name,
        check.name,
        target,
        id=f"{name}-{check.name.replace(' ', '_')}-{target}",
        marks=[pytest.mark.torch] if target == "torch" else [],
    )
    for name in SYSTEMS
    for check in CHECKS.values()
    for target in (TARGETS[:1] if check.once else TARGETS)
    if check.applies_to(target)
]


@cache
def subjects(name: str) -> dict[str, Subject]:
    """Return a layer on each target; they draw the same points, and share what is true there."""
    return {s.target: s for s in trials(name, derive(SYSTEMS[name]), TARGETS)}


@pytest.mark.parametrize(("name", "check", "target"), CASES)
def test_layer(name: str, check: str, target: str) -> None:
    # The targets share the examples of the profile.
    examples = (settings.default or settings()).max_examples // len(TARGETS)
    row = search(CHECKS[check], subjects(name)[target], examples)
    assert row.verdict == "ok", f"{row.detail}\n\n{row.script}"
