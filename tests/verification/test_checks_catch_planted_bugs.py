"""No check is trusted until it has caught a planted bug, and no planted bug may get away.

`pytest -rP` on this file prints the scores.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest

from symgrad.autodiff.derive import derive
from symgrad.verification.checks import CHECKS
from symgrad.verification.faults import FAULTS, HARMLESS
from symgrad.verification.mutants import MUTATIONS, mutants
from symgrad.verification.scoring import (
    LEAST,
    Effort,
    Score,
    joined,
    score,
    score_everything,
    score_faults,
)
from tests.differentiated import DIFFERENTIATED

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

#: The checks in the order in which a bug is put to them: those that notice most, first.
FIRST = (
    "vjp is the transpose of jvp",
    "vjp equals the adjoint",
    "vjp equals finite differences",
    "short axes are right",
)

#: Small layers on which every check is tried on every bug.
SAMPLE = ("tanh", "softmax")


@cache
def derivation(layer: str) -> Derivation:
    return derive(DIFFERENTIATED[layer].system())


def listed(found: Score) -> str:
    return "\n".join(f"{p.layer}: {p.name}" for p in found.survivors)


@pytest.mark.parametrize("layer", DIFFERENTIATED)
def test_every_wrong_backward_is_noticed(layer: str) -> None:
    effort = Effort(examples=6, first_only=True)
    found = score(derivation(layer), [CHECKS[name] for name in FIRST], effort=effort)
    assert found.planted
    assert not found.survivors, listed(found)


@pytest.mark.parametrize("layer", DIFFERENTIATED)
def test_every_wrong_forward_is_noticed(layer: str) -> None:
    checks = [CHECKS["forward equals the interpreter"]]
    effort = Effort(examples=6, per_kind=2, first_only=True)
    found = score(derivation(layer), checks, side="forward", effort=effort)
    assert found.planted
    assert not found.survivors, listed(found)


@pytest.mark.parametrize("target", ["numpy", pytest.param("torch", marks=pytest.mark.torch)])
def test_every_fault_of_code_is_noticed(target: str) -> None:
    checks = [c for c in CHECKS.values() if c.applies_to(target) and not c.once]
    found = score_faults(derivation("softmax"), checks, target=target, effort=Effort(6))
    assert len(found.planted) == len(FAULTS)
    assert not found.survivors, listed(found)


def test_a_fault_that_finds_nothing_to_spoil_is_listed_as_none() -> None:
    """A loss has one number for a cotangent: there is one way for it to lie in memory."""
    assert set(HARMLESS) <= set(FAULTS)
    checks = [CHECKS["vjp equals the adjoint"], CHECKS["layouts do not matter"]]
    found = score_faults(derivation("mse"), checks, effort=Effort(4))
    assert "assumes a layout" in {p.name for p in found.equivalent}
    rows = score_faults(derivation("tanh"), checks, effort=Effort(8))
    assert not rows.equivalent
    assert "assumes a layout" not in {p.name for p in rows.survivors}


def test_everything_is_planted_under_the_name_of_the_variant() -> None:
    found = score_everything("mine", derivation("relu"), "numpy", Effort(2, 1))
    assert {p.layer for p in found.planted} == {"mine"}
    assert set(FAULTS) | {"wrong sign", "missing gradient"} <= {p.kind for p in found.planted}
    assert found.killed >= LEAST, listed(found)


@pytest.mark.torch
def test_every_check_notices_some_bug() -> None:
    everything = list(CHECKS.values())
    found: list[Score] = []
    for layer in SAMPLE:
        effort = Effort(examples=4, per_kind=1)
        found.append(score(derivation(layer), everything, target="torch", effort=effort))
        found.append(
            score(derivation(layer), everything, target="torch", side="forward", effort=effort)
        )
    found.append(score_faults(derivation("softmax"), everything, target="torch", effort=Effort(4)))
    total = joined(found)
    sys.stdout.write(f"{total}\n")
    assert not [name for name, count in total.by_check().items() if not count]


def test_every_kind_of_mistake_is_planted_in_some_layer() -> None:
    planted = {m.kind for layer in DIFFERENTIATED for m in mutants(derivation(layer), per_kind=1)}
    assert not set(MUTATIONS) - planted
    assert len(MUTATIONS) >= 25
