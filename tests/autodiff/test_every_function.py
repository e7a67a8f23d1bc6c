"""Every row of the table of scalar functions, against SymPy, mpmath, NumPy and torch."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from symgrad.codegen.generate import build_function
from symgrad.interpreter import evaluate
from symgrad.ir.functions import FUNCTIONS, ScalarFunction
from symgrad.ir.show import show
from symgrad.ir.text import parse
from symgrad.rewriting.equality import equivalent
from symgrad.symbolic import derivative

if TYPE_CHECKING:
    from symgrad.ir.equation import System

ROWS = list(FUNCTIONS.values())
#: Their derivative is a convention, and not that of their value.
DETACHED = ("stop", "straight_through")
SLOPES = [row for row in ROWS if row.name not in DETACHED]
ULPS = 4

mp = mpmath.mp.clone()
mp.dps = 50


def name_of(row: ScalarFunction) -> str:
    return row.name


#: Both signs, log-uniform between 1e-8 and 1e4, and never where a kink is.
magnitudes = st.builds(
    lambda sign, exponent: sign * 10.0**exponent,
    st.sampled_from((-1.0, 1.0)),
    st.floats(-8, 4, allow_nan=False),
)


def inside(row: ScalarFunction, x: float) -> float:
    low, high = row.domain
    return x if low < x < high else low + abs(x)


def arguments(row: ScalarFunction, x: float, z: float) -> dict[str, float]:
    if row.name == "pow":
        z = math.copysign(min(abs(z), 20.0), z)
    return {"x": inside(row, x)} | ({"z": z} if row.arity == 2 else {})


@cache
def system(text: str) -> System:
    return parse(text)


def call_text(row: ScalarFunction) -> str:
    return f"{row.name}(x, z)" if row.arity == 2 else f"{row.name}(x)"


@cache
def slope_system(row: ScalarFunction, argument: int) -> System:
    return parse(f"y = {call_text(row)}\nD = {row.derivatives[argument]}\nreturn y, D")


def at(found: System, values: dict[str, Any]) -> dict[str, Any]:
    given_values = {t.name: np.asarray(values[t.name], dtype=object) for t in found.inputs}
    results = evaluate(found, given_values, numbers="mpmath")
    return {name: value[()] for name, value in results.items()}


def value_at(row: ScalarFunction, values: dict[str, Any]) -> Any:
    return at(system(f"y = {call_text(row)}"), {k: mp.mpf(v) for k, v in values.items()})["y"]


def is_smooth(row: ScalarFunction, values: dict[str, float]) -> bool:
    """Return whether no kink and no jump is near."""
    if row.name == "floor":
        return abs(values["x"] - round(values["x"])) > 1e-9
    distance = values["x"] - values.get("z", 0.0)
    return not row.kinks or all(abs(distance - k) > 1e-9 for k in row.kinks)


@pytest.mark.parametrize("row", SLOPES, ids=name_of)
@given(x=magnitudes, z=magnitudes)
def test_the_derivative_row_is_the_slope(row: ScalarFunction, x: float, z: float) -> None:
    values = arguments(row, x, z)
    assume(is_smooth(row, values))
    for k, argument in enumerate(values):
        exact = {name: mp.mpf(v) for name, v in values.items()}
        row_says = at(slope_system(row, k), exact)["D"]

        def along(t: Any, argument: str = argument, exact: dict[str, Any] = exact) -> Any:
            return value_at(row, exact | {argument: t})

        step = mp.mpf(2) ** -70 * min(1, abs(exact[argument]) or 1)
        slope = (along(exact[argument] + step) - along(exact[argument] - step)) / (2 * step)
        scale = abs(slope) + abs(value_at(row, exact))
        assert abs(slope - row_says) <= 1e-18 * scale, (values, argument)


@pytest.mark.parametrize("row", SLOPES, ids=name_of)
def test_sympy_finds_the_same_derivative(row: ScalarFunction) -> None:
    found = [derivative(row.name, k) for k in range(row.arity)]
    assert row.piecewise or None not in found, "SymPy must be able to say no only at kinks"
    for k, term in enumerate(found):
        if term is not None:
            ours = parse(f"y = {call_text(row)}\nD = {row.derivatives[k]}")
            verdict = equivalent(ours, f"D = {show(term)}")
            assert verdict, f"{row.derivatives[k]} against {show(term)}: {verdict}"


def test_detached_functions_have_the_derivative_that_their_name_says() -> None:
    assert FUNCTIONS["stop"].derivatives == ("0",)
    assert FUNCTIONS["straight_through"].derivatives == ("0", "1")
    assert value_at(FUNCTIONS["stop"], {"x": 0.3}) == mp.mpf(0.3)
    assert value_at(FUNCTIONS["straight_through"], {"x": 0.3, "z": 0.7}) == mp.mpf(0.3)


@pytest.mark.parametrize("row", [r for r in ROWS if r.definition is not None], ids=name_of)
@given(x=magnitudes, z=magnitudes)
def test_the_definition_is_the_function(row: ScalarFunction, x: float, z: float) -> None:
    exact = {name: mp.mpf(v) for name, v in arguments(row, x, z).items()}
    defined = at(system(f"y = {row.definition}"), exact)["y"]
    value = value_at(row, exact)
    assert abs(defined - value) <= 1e-38 * (1 + abs(value))


@pytest.mark.parametrize("row", ROWS, ids=name_of)
@given(x=magnitudes, z=magnitudes)
def test_the_mpmath_spelling_is_the_function(row: ScalarFunction, x: float, z: float) -> None:
    exact = {name: mp.mpf(v) for name, v in arguments(row, x, z).items()}
    spelled = eval(row.mpmath.format(x="x", z="z"), {"mp": mp}, exact)
    value = value_at(row, exact)
    assert abs(spelled - value) <= 1e-38 * (1 + abs(value))


@cache
def compiled(row: ScalarFunction, target: str) -> Any:
    text = f"Y[n] = {row.name}(X[n], Z[n])" if row.arity == 2 else f"Y[n] = {row.name}(X[n])"
    return build_function(parse(text, name="values"), target).forward


def units_in_last_place(computed: float, exact: Any) -> float:
    nearest = float(exact)
    return float(abs(mp.mpf(computed) - exact) / mp.mpf(np.spacing(max(abs(nearest), 1e-307))))


def generated_value(row: ScalarFunction, values: dict[str, float], target: str) -> float:
    vectors = [np.array([v]) for v in values.values()]
    if target == "torch":
        import torch  # noqa: PLC0415 (only where it is installed)

        return float(compiled(row, target)(*map(torch.from_numpy, vectors))[0])
    return float(compiled(row, target)(*vectors)[0])


@pytest.mark.parametrize("target", ["numpy", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.parametrize("row", ROWS, ids=name_of)
@given(x=magnitudes, z=magnitudes)
def test_generated_values_are_exact_to_a_few_units(
    row: ScalarFunction, target: str, x: float, z: float
) -> None:
    values = arguments(row, x, z)
    exact = value_at(row, values)
    assume(abs(exact) < 1e300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        computed = generated_value(row, values, target)
    assert units_in_last_place(computed, exact) <= ULPS, (values, computed, exact)


@pytest.mark.torch
@pytest.mark.parametrize("row", [r for r in ROWS if r.at_kink], ids=name_of)
@pytest.mark.parametrize("place", [0.0, 2.0])
def test_the_convention_at_a_kink_is_that_of_torch(row: ScalarFunction, place: float) -> None:
    import torch  # noqa: PLC0415 (only where it is installed)

    x = torch.tensor(place, dtype=torch.float64, requires_grad=True)
    z = torch.tensor(place, dtype=torch.float64, requires_grad=True)
    inputs = (x, z)[: row.arity]
    eval(row.torch.format(x="x", z="z"), {"torch": torch}, {"x": x, "z": z}).backward()
    exact = {name: mp.mpf(place) for name in ("x", "z")[: row.arity]}
    ours = [float(at(slope_system(row, k), exact)["D"]) for k in range(row.arity)]
    assert ours == [float(t.grad) for t in inputs if t.grad is not None]


def test_every_kink_states_its_convention() -> None:
    for row in ROWS:
        assert bool(row.kinks) <= bool(row.at_kink), row.name
        assert (row.numpy and row.torch and row.mpmath) or row.name == "erf", row.name
