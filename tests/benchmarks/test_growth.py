"""What the depth benchmark measures in seconds, asserted in counts."""

from __future__ import annotations

import ast

import pytest

from symgrad.autodiff.derive import derive, derive_closed
from symgrad.codegen.generate import generate
from tests.benchmarks.depth import perceptron


def derived_parts(layers: int) -> int:
    """Return how many distinct parts are derived for a perceptron."""
    system = perceptron(layers)
    derive_closed.cache_clear()
    derive(system, system.params)
    return derive_closed.cache_info().misses


def statements(layers: int) -> int:
    """Return the number of statements in the code for a perceptron."""
    system = perceptron(layers)
    module = ast.parse(generate(derive(system, system.params), "numpy"))
    return sum(isinstance(node, ast.stmt) for node in ast.walk(module))


@pytest.mark.parametrize("layers", [4, 12])
def test_equal_layers_are_derived_once(layers: int) -> None:
    assert derived_parts(layers) == derived_parts(3)


def test_code_grows_by_the_same_amount_with_each_layer() -> None:
    lengths = [statements(layers) for layers in (4, 6, 8)]
    assert lengths[2] - lengths[1] == lengths[1] - lengths[0] > 0
