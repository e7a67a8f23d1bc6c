"""What a derivative is at a kink and among ties: torch's choice, jax's, or the middle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symgrad.autodiff.conventions import with_convention
from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.codegen.generate import build
from symgrad.errors import OptionError
from symgrad.interpreter import evaluate
from symgrad.ir.functions import CONVENTIONS, FUNCTIONS
from symgrad.ir.text import parse

FIRST = 'Y = max[k](X[k], ties="first")'
INNER = 'Y = sum[n](relu(max[k](X[k], ties="first") * W[n]))\nW: real[n]'
RELU = "Y = sum[k](relu(X[k]))"
TIED = {"X": np.array([0.0, 1.0, -1.0, 1.0])}

#: Text, convention, the cotangent of X where that of Y is 1.
CHOICES: list[tuple[str, str, list[float]]] = [
    (FIRST, "torch", [0, 1, 0, 0]),
    (FIRST, "jax", [0, 0.5, 0, 0.5]),
    (FIRST, "share", [0, 0.5, 0, 0.5]),
    (RELU, "torch", [0, 1, 0, 1]),
    (RELU, "jax", [0, 1, 0, 1]),
    (RELU, "share", [0.5, 1, 0, 1]),
    ("Y = sum[k](abs(X[k]))", "share", [0, 1, -1, 1]),
    ("Y = sum[k](maximum(X[k], 1))", "jax", [0, 0.5, 0, 0.5]),
    ('Y = min[k, k > 0](-X[k], ties="first")', "share", [0, -0.5, 0, -0.5]),
]


@pytest.mark.parametrize(("text", "convention", "wanted"), CHOICES)
def test_a_convention_decides_at_kinks_and_ties(
    text: str, convention: str, wanted: list[float]
) -> None:
    system = parse(text, name="case")
    derivation = derive(system, conventions=convention)
    code = build(derivation, "numpy")
    assert code.vjp is not None
    results = code.forward(**TIED)
    results = results if isinstance(results, tuple) else (results,)
    known: dict[str, Any] = TIED | dict(zip(code.forward_results, results, strict=True))
    known |= {"Y_bar": np.float64(1), "k": 4}
    assert code.vjp(**{n: known[n] for n in code.vjp_arguments}) == pytest.approx(wanted)
    assert known["Y"] == pytest.approx(evaluate(system, TIED)["Y"])
    pushing = derive_jvp(system, conventions=convention)
    rows = np.eye(4)
    found = [evaluate(pushing, {**TIED, "X_dot": row})["Y_dot"] for row in rows]
    assert found == pytest.approx(wanted)


def test_values_are_the_same_under_each_convention() -> None:
    system = parse(INNER, name="case")
    arrays = {**TIED, "W": np.array([2.0, 0.0, -1.0])}
    values = {float(evaluate(with_convention(system, c), arrays)["Y"]) for c in CONVENTIONS}
    assert values == {2.0}


def test_rows_spell_conventions_that_there_are() -> None:
    for row in FUNCTIONS.values():
        assert {c for c, _ in row.spelled} <= set(CONVENTIONS)


def test_another_convention_is_refused() -> None:
    with pytest.raises(OptionError, match="torch, jax, share"):
        derive(parse("Y = X"), conventions="tensorflow")
