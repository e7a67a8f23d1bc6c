"""The invariants of a System find what breaks them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.terms import Element, Expr, Index
from symgrad.ir.text import parse
from symgrad.ir.wellformed import defects

GOOD = parse("Y[n] = sum[i](X[n, i] * W[i])\nZ[n] = Y[n] + 1", params=("W",))
n, i, opened = Index("n", "n"), Index("i", "i"), Index("i", "i", -1)


def with_value(value: Expr) -> System:
    return GOOD.with_equations([GOOD.equations[0], Equation("Z", (n,), value)])


@pytest.mark.parametrize(
    ("system", "words"),
    [
        (replace(GOOD, outputs=("Q",)), "output Q does not exist"),
        (replace(GOOD, outputs=()), "no output"),
        (replace(GOOD, params=("b",)), "parameter b is no input"),
        (replace(GOOD, inputs=(*GOOD.inputs, Tensor("Y"))), "Y is defined twice"),
        (replace(GOOD, inputs=(*GOOD.inputs, Tensor("W"))), "W is defined twice"),
        (replace(GOOD, equations=(*GOOD.equations, GOOD.equations[0])), "Y is defined twice"),
        (with_value(Element("Y", (i,))), "i is free on the right"),
        (with_value(Element("Y", (opened,))), "i (opened) is free"),
        (with_value(Element("Y", (n, n))), "reads Y with 2 index(es)"),
        (with_value(Element("Q", (n,))), "reads Q with 1 index(es)"),
        (GOOD.with_equations([Equation("Y", (n, n), Element("W", (n,)))]), "a letter twice"),
        (
            replace(GOOD, equations=(Equation("H", (Element("t"),), Element("W", (n,))),)),
            "H has initial values and no definition",
        ),
        (replace(GOOD, sizes=(("h", i),)), "a length that mentions an index"),
    ],
)
def test_a_defect_is_found(system: System, words: str) -> None:
    assert any(words in defect for defect in defects(system))


def test_a_good_system_has_none() -> None:
    assert defects(GOOD) == []
