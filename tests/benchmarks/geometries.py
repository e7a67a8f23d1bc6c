"""Every geometry of windows in one dimension, many in two and three: code against torch."""

from __future__ import annotations

import sys
from time import perf_counter

import numpy as np

from tests.codegen.geometries import calls, check, drawn_geometry, every_geometry

_DRAWN = 200


def main() -> None:
    """Check generated code against torch for every geometry; print how many calls were compared."""
    start = perf_counter()
    rng = np.random.default_rng(0)
    texts = compared = 0
    for geometry in every_geometry():
        compared += check(geometry, list(calls(geometry)))
        texts += 1
    sys.stdout.write(f"one dimension: {texts} texts, {compared} calls agree\n")
    for rank in (2, 3):
        compared = 0
        for _ in range(_DRAWN):
            geometry = drawn_geometry(rng, rank)
            every = list(calls(geometry, 3))
            chosen = rng.choice(len(every), min(len(every), 4), replace=False)
            compared += check(geometry, [every[k] for k in chosen])
        sys.stdout.write(f"{rank} dimensions: {_DRAWN} texts, {compared} calls agree\n")
    sys.stdout.write(f"{perf_counter() - start:.0f} s\n")
