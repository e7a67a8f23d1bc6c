"""What is printed reads back as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from symgrad.autodiff.derive import derive
from symgrad.errors import IntegerError, TextLimitError
from symgrad.ir.alike import same_system
from symgrad.ir.build import collect
from symgrad.ir.equation import Equation
from symgrad.ir.serial import dump_json, load_json
from symgrad.ir.text import parse
from symgrad.ir.visit import rebuild
from symgrad.ir.wellformed import defects
from symgrad.layers.registry import LAYERS
from tests.autodiff.test_recurrences import TEXTS as RECURRENCES
from tests.ir.texts import TEXTS, every_choice
from tests.rewriting.random_systems import texts

if TYPE_CHECKING:
    from symgrad.ir.equation import System
    from symgrad.ir.terms import Expr


def read_back(system: System) -> System:
    return parse(str(system), name=system.name, params=system.params, internal=True)


def normal(system: System) -> System:
    """Return a System with every sum and product sorted and collected."""

    def visit(expr: Expr) -> Expr:
        return collect(rebuild(expr, visit))

    equations = (Equation(e.target, e.indices, visit(e.value)) for e in system.equations)
    return replace(system, equations=tuple(equations))


@pytest.mark.parametrize("name", TEXTS)
def test_every_form_for_every_option(name: str) -> None:
    for options in every_choice(TEXTS[name]):
        system = parse(TEXTS[name], options=options)
        assert read_back(system) == system
        assert load_json(dump_json(system)) == system


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_for_every_option(name: str) -> None:
    for options in every_choice(LAYERS[name].text):
        system = LAYERS[name].system(**options)
        assert read_back(system) == system
        assert load_json(dump_json(system)) == system


@pytest.mark.parametrize("name", LAYERS)
def test_derived_systems_up_to_the_order_of_operands(name: str) -> None:
    derivation = derive(LAYERS[name].system())
    for system in (derivation.forward, derivation.backward):
        assert same_system(normal(read_back(system)), normal(system))
        assert load_json(dump_json(system)) == system


# The cotangents of `two_lags` are zero, and an input that nothing reads does not come back.
@pytest.mark.parametrize("name", sorted(set(RECURRENCES) - {"two_lags"}))
def test_backward_systems_of_recurrences(name: str) -> None:
    text, options = RECURRENCES[name]
    derivation = derive(parse(text, options=options))
    for system in (derivation.forward, derivation.backward):
        assert defects(system) == []
        assert read_back(read_back(system)) == read_back(system)
        assert same_system(normal(read_back(system)), normal(system))
        assert load_json(dump_json(system)) == system


@given(texts())
def test_random_systems(text: str) -> None:
    system = parse(text)
    assert read_back(system) == system
    assert load_json(dump_json(system)) == system


_ATOMS = """
X[n] | Z[n, 0] | n | size[n] | 2 | 0.5 | 1e-12 | pi | s | (2/3) | -1 | 10000000000
""".strip().split(" | ")
_SHAPES = (
    """
({} + {}) | ({} - {}) | ({} * {}) | ({} / ({}**2 + 1)) | (-{} + {}) | maximum({}, {})
where({} > 0, {}, inf) | ({} * -{}) | ({} < {}) | (1 / ({})**2 - {}) | {}**0.5 + {}**-3
{} / size[n] * {} | ({} - {}) // 3 % size[n]
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)
_SUMS = (
    """
sum[j]({} * A[n, j]) - {} | mean[j, k](B[j, k] * {}) / {}
mean[m](C[m] * {}) * mean[m](C[m]**2 * {})
""".strip()
    .replace("\n", " | ")
    .split(" | ")
)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    """Draw an expression over the letter n."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(_ATOMS))
    if draw(st.integers(0, 4)) == 0:
        parts = [draw(st.sampled_from(_ATOMS)) for _ in range(2)]
        return draw(st.sampled_from(_SUMS)).format(*parts)
    parts = [draw(expressions(depth - 1)) for _ in range(2)]
    return draw(st.sampled_from(_SHAPES)).format(*parts)


@given(expressions())
def test_random_expressions(text: str) -> None:
    try:
        system = parse(f"Z: real[n, i]\nY[n] = X[n] + {text}")
    except (IntegerError, TextLimitError):  # `//` of reals, nested powers, division by 0
        assume(condition=False)
    assert read_back(system) == system
