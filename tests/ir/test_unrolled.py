"""Systems written out at concrete sizes mean what the interpreter means."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.interpreter import evaluate
from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.text import parse
from symgrad.ir.unrolled import Unrolled
from symgrad.ir.visit import elements

SYSTEMS = [
    "Y[n] = sum[i](X[n, i] ** 2) * size[i] + n",
    "Y[n] = max[i](X[n, i]) - min[i](X[n, i]) + logsumexp[i](X[n, i])",
    "Y[n] = sum[i, i <= n](X[n, i]) + prod[i](X[n, i])",
    "M[n] = mean[i](X[n, i])\nY[n, i] = where(X[n, i] > M[n], exp(X[n, i]), M[n] * i)",
    "Y[n, i] = read(X[n, i - 1], outside=0) + X[n, i]",
]


@pytest.mark.parametrize("text", SYSTEMS)
def test_entries_have_the_values_of_the_interpreter(text: str) -> None:
    system = parse(text)
    sizes = {"n": 2, "i": 3}
    x = np.random.default_rng(0).normal(size=(2, 3))
    expected = evaluate(system, {"X": x})["Y"]
    unrolled = Unrolled(system, sizes, {})
    for place in unrolled.places("Y"):
        entry = unrolled.entry("Y", place)
        assert all(e.tensor == "X" for e in elements(entry))
        scalar = System(
            "entry",
            (Tensor("X", shape=system.tensor("X").shape),),
            (Equation("V", (), entry),),
            ("V",),
        )
        value = evaluate(scalar, {"X": x})["V"]
        assert value == pytest.approx(expected[place], rel=1e-12)
