"""Planted bugs differ from what they were planted in, and are the same in every run."""

from __future__ import annotations

import pytest

from symgrad.autodiff.derive import derive
from symgrad.ir.text import parse
from symgrad.verification.mutants import MUTATIONS, mutants

LAYER = parse(
    """
    M[n] = mean[d](X[n, d])
    Y[n, d] = where(X[n, d] > 0, tanh(X[n, d]) * g[d], X[n, d] * M[n])
    """,
    name="layer",
)
RIGHT = derive(LAYER)


@pytest.mark.parametrize("side", ["forward", "backward"])
def test_one_equation_changes(side: str) -> None:
    found = list(mutants(RIGHT, side="forward" if side == "forward" else "backward"))
    assert found
    for mutant in found:
        mine, right = getattr(mutant.derivation, side), getattr(RIGHT, side)
        pairs = zip(mine.equations, right.equations, strict=True)
        assert sum(a != b for a, b in pairs) == 1, mutant.name


def test_no_two_are_the_same() -> None:
    found = [m.derivation.backward.equations for m in mutants(RIGHT, per_kind=100)]
    assert len(set(found)) == len(found)


def test_every_mutant_has_a_name_of_its_own() -> None:
    names = [m.name for m in mutants(RIGHT)]
    assert len(set(names)) == len(names)


def test_they_are_the_same_every_time() -> None:
    assert [m.name for m in mutants(RIGHT)] == [m.name for m in mutants(RIGHT)]


def test_there_are_no_more_of_a_kind_than_asked_for() -> None:
    kinds = [m.kind for m in mutants(RIGHT, per_kind=2)]
    assert max(kinds.count(k) for k in kinds) == 2


@pytest.mark.parametrize("kind", MUTATIONS)
def test_every_kind_says_what_the_author_did(kind: str) -> None:
    assert MUTATIONS[kind].__doc__
