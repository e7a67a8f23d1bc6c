"""Every layer obeys every law, on every target: nothing here names a layer or a check."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import settings

import symgrad.layers  # noqa: F401 (fills the table)
from symgrad.layers.registry import LAYERS
from symgrad.verification.checks import CHECKS
from symgrad.verification.subject import Subject
from symgrad.verification.targets import TARGETS
from symgrad.verification.verify import derivation_of, search

#: A proof about the formulas is the same on every target.
CASES = [
    pytest.param(layer, check.name, target, id=f"{layer}-{check.name.replace(' ', '_')}-{target}")
    for layer in LAYERS
    for check in CHECKS.values()
    for target in TARGETS
    if target != "reference" and check.applies_to(target)
    if not (check.once and target != "numpy")
]


@cache
def subject(layer: str, target: str) -> Subject:
    return Subject(derivation_of(LAYERS[layer]), target)


@pytest.mark.parametrize(("layer", "check", "target"), CASES)
def test_layer(layer: str, check: str, target: str) -> None:
    # Half of the profile's examples: the other half are those of the other target.
    examples = max(1, settings.default.max_examples // 2) if settings.default else 10
    row = search(CHECKS[check], subject(layer, target), examples)
    assert row.verdict == "ok", f"{row.detail}\n\n{row.script}"
