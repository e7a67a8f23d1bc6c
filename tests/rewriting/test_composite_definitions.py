"""Definitions with composite indices on the left, read where their parts show and where not."""

from __future__ import annotations

import numpy as np
import pytest

import symgrad
from symgrad.ir.equation import parts_at
from symgrad.ir.terms import Element
from symgrad.ir.text import parse, parse_expression

SIZES = "size[i] = 2\nsize[j] = 3\nsize[k] = 4\n"
TEXTS = {
    "part by part": "F[(i, j, k)] = X[i, j, k]\nY[i, j, k] = F[(i, j, k)]**2",
    "through another pair": "F[(i, j, k)] = X[i, j, k]\nsize[a] = 4\nsize[b] = 6\n"
    "Y[a, b] = F[6*a + b]**2",
    "by a letter": "F[(i, j, k)] = X[i, j, k]\nY[m] = F[m]**2",
    "the mean of what is composite": "M[(i, j)] = mean[k](X[i, j, k])\nsize[a] = 3\nsize[b] = 2\n"
    "Y[a, b] = M[2*a + b]**2 - mean[k](X[0, 0, k]**2)",
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_gradient_is_that_of_differences(name: str) -> None:
    derivation = symgrad.derive(parse(SIZES + TEXTS[name]))
    X = np.random.default_rng(0).normal(size=(2, 3, 4))
    Y = symgrad.evaluate(derivation.system, {"X": X})["Y"]
    seed = np.random.default_rng(1).normal(size=Y.shape)
    saved = symgrad.evaluate(derivation.forward, {"X": X}) | {"X": X, "Y_bar": seed}
    given = {t.name: saved[t.name] for t in derivation.backward.inputs}
    found = symgrad.evaluate(derivation.backward, given)["X_bar"]
    for place in [(0, 0, 0), (1, 2, 3), (0, 2, 1), (1, 0, 2)]:
        step = np.zeros_like(X)
        step[place] = 1e-6
        ends = [symgrad.evaluate(derivation.system, {"X": X + s})["Y"] for s in (step, -step)]
        slope = np.sum(seed * (ends[0] - ends[1])) / 2e-6
        assert found[place] == pytest.approx(slope, abs=1e-6)


def test_the_parts_of_a_place() -> None:
    system = parse(SIZES + TEXTS["part by part"])
    define = system.equation("F")
    same = Element("F", define.indices)
    assert parts_at(define, same) == {i: i for i in define.letters}
    assert parts_at(define, Element("F", (parse_expression("m"),))) is None
