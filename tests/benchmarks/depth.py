"""Time to derive and generate a perceptron of L layers: it grows linearly in L."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING

from symgrad.autodiff.derive import derive, derive_closed
from symgrad.codegen.generate import generate
from symgrad.ir.compose import compose
from symgrad.layers.registry import get

if TYPE_CHECKING:
    from symgrad.ir.equation import System

DEPTHS = (1, 2, 4, 8, 16, 32, 64)
_WIDTH = 8


def perceptron(layers: int) -> System:
    """Return an MLP of `layers` linear layers with ReLU between them, and its loss."""
    parts = []
    for k in range(1, layers + 1):
        parts.append((f"fc{k}", get("linear")(_WIDTH, _WIDTH)))
        if k < layers:
            parts.append((f"act{k}", get("relu").system()))
    return compose(*parts, ("loss", get("cross_entropy").system()), name="mlp")


def measure(layers: int) -> tuple[float, float, int]:
    """Return the seconds to derive and to generate, and how many parts were derived."""
    system = perceptron(layers)
    derive_closed.cache_clear()
    began = perf_counter()
    derivation = derive(system, system.params)
    derived = perf_counter()
    generate(derivation, "numpy")
    return derived - began, perf_counter() - derived, derive_closed.cache_info().misses


def main() -> None:
    """Print the curve."""
    sys.stdout.write("layers  derive s  generate s  total s  ms per layer  parts derived\n")
    for layers in DEPTHS:
        derived, generated, parts = measure(layers)
        total = derived + generated
        sys.stdout.write(
            f"{layers:>6}  {derived:>8.3f}  {generated:>10.3f}  {total:>7.3f}"
            f"  {1000 * total / layers:>12.1f}  {parts:>13}\n"
        )
