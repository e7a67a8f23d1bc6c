"""The exact judge and SymPy know recurrences: right ones pass, planted bugs do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from symgrad.autodiff.derive import derive
from symgrad.ir.build import index
from symgrad.ir.text import parse, parse_expression
from symgrad.ir.visit import replace_elements
from symgrad.rewriting.equality import equivalent, vjp_is_exact
from symgrad.verification.mutants import mutants
from symgrad.verification.proofs import sympy_proof
from symgrad.verification.scoring import Effort, score
from tests.autodiff.test_recurrences import TEXTS

SMALL = ("masked", "scan", "tied", "table", "guarded")


@pytest.mark.parametrize("name", TEXTS)
def test_every_derived_recurrence_is_exact(name: str) -> None:
    text, options = TEXTS[name]
    assert vjp_is_exact(derive(parse(text, options=options)))


@pytest.mark.parametrize("name", SMALL)
def test_every_derived_recurrence_is_what_sympy_finds(name: str) -> None:
    text, options = TEXTS[name]
    assert sympy_proof(derive(parse(text, options=options))).verdict == "ok"


@pytest.mark.parametrize("name", ["scan", "rnn"])
def test_planted_bugs_are_noticed_or_proved_harmless(name: str) -> None:
    derivation = derive(parse(TEXTS[name][0]))
    found = score(derivation, [], effort=Effort(examples=1, per_kind=2))
    wrong = [p for p in found.planted if not p.equivalent]
    assert len(wrong) > 20
    rejected = {m.name for m in mutants(derivation, 2) if not vjp_is_exact(m.derivation)}
    assert rejected == {p.name for p in wrong}


@pytest.mark.parametrize(
    ("left", "wrong"),
    [
        ("h_bar", "H_prev_bar[size[t] - 1]"),
        ("h_bar", "0 * H_prev_bar[0]"),
        ("H_total_bar[t]", "H_bar[t] + 2 * H_prev_bar[t + 1]"),
        ("a_bar[t]", "H_total_bar[t] * H[t]"),
        ("H_prev_bar[size[t]]", "h"),
        ("H[-1]", "0"),
    ],
)
def test_a_wrong_boundary_is_caught(left: str, wrong: str) -> None:
    right = derive(parse(TEXTS["scan"][0]))
    value = replace_elements(
        parse_expression(wrong), lambda e: index("t") if e.tensor == "t" else None
    )
    equations = [
        replace(e, value=value) if str(e.element) == left else e for e in right.backward.equations
    ]
    broken = replace(right.backward, equations=tuple(equations))
    assert broken != right.backward
    assert vjp_is_exact(replace(right, backward=broken)).answer == "not equal"


def test_two_spellings_of_a_recurrence_are_equal() -> None:
    first = "H[t] = a * H[t-1] + X[t]\nH[-1] = 0\nY = H[size[t] - 1]"
    second = "G[t] = X[t] + where(t > 0, G[t-1], 0) * a\nY = where(size[t] > 0, G[size[t] - 1], 0)"
    assert equivalent(first, second).answer == "equal"
    assert equivalent(first, second.replace("* a", "* (a + 1)")).answer == "not equal"
