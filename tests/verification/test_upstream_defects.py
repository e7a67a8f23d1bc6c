"""Defects of torch that the oracles find. With a torch that has none of them, drop its version.

A test fails as soon as torch is right where it was wrong, and in a version that is not listed in
`upstream.AFFECTED` as soon as it is wrong.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from symgrad.ir.text import parse
from symgrad.verification.instances import Instance
from symgrad.verification.operators import Operator
from tests.verification.upstream import IS_AFFECTED, WRONG

pytestmark = pytest.mark.torch

LAYER_NORM = parse(
    """
    eps: positive = 1e-5
    M[n] = mean[d](X[n, d])
    S[n] = mean[d]((X[n, d] - M[n]) ** 2)
    Y[n, d] = g[d] * (X[n, d] - M[n]) / sqrt(S[n] + eps) + b[d]
    """,
    name="layer_norm",
)
BATCH_NORM = parse(
    """
    eps: positive = 1e-5
    M[d] = mean[n](X[n, d])
    S[d] = mean[n]((X[n, d] - M[d]) ** 2)
    Y[n, d] = g[d] * (X[n, d] - M[d]) / sqrt(S[d] + eps) + b[d]
    """,
    name="batch_norm",
)
LDEXP = parse("E: int[n]\nY[n] = X[n] * pow(2, E[n])", name="ldexp")

RNG = np.random.default_rng(0)
NORM_POINT = {
    "eps": np.array(1e-5),
    "X": RNG.normal(size=(3, 4)),
    "g": RNG.normal(size=4),
    "b": RNG.normal(size=4),
}
LDEXP_POINT = {"X": RNG.normal(size=4), "E": np.array([-3, -1, 0, 2])}

OPERATORS = {
    "layer_norm": Operator(LAYER_NORM, lambda eps, x, g, b: F.layer_norm(x, g.shape, g, b, eps)),
    "batch_norm": Operator(
        BATCH_NORM, lambda eps, x, g, b: F.batch_norm(x, None, None, g, b, training=True, eps=eps)
    ),
    "ldexp": Operator(LDEXP, lambda e, x: torch.ldexp(x, e)),
}
POINTS = {
    "layer_norm": Instance(LAYER_NORM, {"n": 3, "d": 4}, (), NORM_POINT, {}),
    "batch_norm": Instance(BATCH_NORM, {"n": 3, "d": 4}, (), NORM_POINT, {}),
    "ldexp": Instance(LDEXP, {"n": 4}, (), LDEXP_POINT, {}),
}

#: Every way to differentiate up to three times: each is right, or listed as wrong.
PATHS = ["".join(letters) for order in range(4) for letters in product("FR", repeat=order)]


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p or "value")
@pytest.mark.parametrize("name", OPERATORS)
def test_torch_is_wrong_where_it_is_known_to_be_and_nowhere_else(name: str, path: str) -> None:
    outcome = OPERATORS[name].compare(POINTS[name], path)
    known = IS_AFFECTED and path in WRONG[name]
    assert outcome.verdict == ("wrong" if known else "ok"), outcome.detail


def by_hand(x: torch.Tensor) -> torch.Tensor:
    """Normalise the rows by plain operations, whose derivatives of every order are right."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p or "value")
def test_the_same_normalisation_by_plain_operations_is_right(path: str) -> None:
    """The oracle is not what is wrong: another spelling in torch agrees with it everywhere."""
    plain = Operator(LAYER_NORM, lambda _, x, g, b: g * by_hand(x) + b)
    assert plain.compare(POINTS["layer_norm"], path).verdict == "ok"


def test_differences_say_so_too() -> None:
    """Neither of our oracles is needed to see it: the tangent is right, its slope is not."""
    x, v, w = (torch.from_numpy(RNG.normal(size=(2, 4))) for _ in range(3))

    def tangent(at: torch.Tensor) -> torch.Tensor:
        return torch.func.jvp(lambda z: F.layer_norm(z, (4,)), (at,), (v,))[1]

    step = 1e-6
    slope = (tangent(x + step * w) - tangent(x - step * w)) / (2 * step)
    nested = torch.func.jvp(tangent, (x,), (w,))[1]
    assert torch.allclose(slope, nested, rtol=1e-4, atol=1e-4) != IS_AFFECTED


def test_ldexp_is_right_with_exponents_that_are_floats() -> None:
    floats = Operator(LDEXP, lambda e, x: torch.ldexp(x, e.to(x.dtype)))
    assert {floats.compare(POINTS["ldexp"], path).verdict for path in PATHS} == {"ok"}


@pytest.mark.parametrize("threshold", [20, 100])
def test_softplus_is_linear_above_its_threshold(threshold: int) -> None:
    """Not a defect, for it is documented; the oracle sees the 1e-11 that it costs at 25."""
    system = parse("Y[n] = softplus(X[n])", name="softplus")
    point = Instance(system, {"n": 1}, (), {"X": np.array([25.0])}, {})
    outcome = Operator(system, lambda x: F.softplus(x, threshold=threshold)).compare(point, "")
    assert outcome.verdict == ("wrong" if threshold == 20 else "ok")
