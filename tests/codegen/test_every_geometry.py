"""Convolutions, transposed convolutions and pools of a seeded sample of geometries against torch.

`python -m tests.benchmarks geometries` goes through all of them.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.ir.text import parse
from tests.codegen.geometries import Geometry, calls, check, drawn_geometry, every_geometry

pytestmark = pytest.mark.torch

EVERY = list(every_geometry())


@pytest.mark.parametrize("kind", ["convolution", "transposed", "max_pool"])
def test_geometries_in_one_dimension(kind: str) -> None:
    rng = np.random.default_rng(len(kind))
    able = [g for g in EVERY if g.kind == kind]
    for k in rng.choice(len(able), 5, replace=False):
        every = list(calls(able[k]))
        chosen = rng.choice(len(every), min(len(every), 8), replace=False)
        assert check(able[k], [every[c] for c in chosen])


@pytest.mark.parametrize("rank", [2, 3])
def test_geometries_in_more_dimensions(rank: int) -> None:
    rng = np.random.default_rng(rank)
    for _ in range(4):
        geometry = drawn_geometry(rng, rank)
        every = list(calls(geometry, 2))
        chosen = rng.choice(len(every), min(len(every), 3), replace=False)
        check(geometry, [every[c] for c in chosen])


@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_a_window_of_padding_alone_has_no_cotangent(target: str) -> None:
    """Torch writes it into the next channel; the equations give it to nothing."""
    geometry = Geometry("max_pool", (3,), (3,), (1,), windows=(2,))
    assert all(lengths != (2,) for _, lengths in calls(geometry))
    code = build(derive(parse(geometry.text(), name="layer")), target)
    assert code.vjp is not None
    made = torch.tensor if target == "torch" else np.asarray
    known = {"X": made([[[1.0, 2.0], [3.0, 4.0]]]), "Y_bar": made([[[5.0], [6.0]]]), "y": 2}
    results = code.forward(known["X"])
    known |= dict(zip(code.forward_results, results, strict=True))
    found = code.vjp(*(known[k] for k in code.vjp_arguments))
    assert np.array_equal(np.asarray(found), np.zeros((1, 2, 2)))
