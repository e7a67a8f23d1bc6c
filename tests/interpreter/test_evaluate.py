"""What the interpreter computes is what the equations say."""

from __future__ import annotations

from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from symgrad.errors import EmptyReductionError, IndexRangeError
from symgrad.interpreter import evaluate
from symgrad.interpreter.numbers import FLOAT64, mpmath_numbers
from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.functions import FUNCTIONS, ScalarFunction
from symgrad.ir.terms import Call, Element
from symgrad.ir.text import parse
from tests.ir.texts import TEXTS
from tests.rewriting.random_systems import random_inputs, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
v = np.array([0.5, 1.0, 2.0])
w = np.array([0.5, -1.0, 2.0])

#: Text of TEXTS, inputs, expected output, as NumPy has it.
MEANINGS: dict[str, tuple[dict[str, Any], Callable[[], Any]]] = {
    "scalars": ({"X": v, "beta": 2.0}, lambda: 2 * np.sqrt(5.25)),
    "self_attention": (
        {"X": X.reshape(1, 2, 3)}, lambda: (X @ X.T).reshape(1, 2, 2)),
    "diagonal": (
        {"X": X[:, :2], "A": X[:, 1:]}, lambda: np.diag(X) + X[:, 1:] @ np.diag(X)),
    "cumulative": ({"X": X}, lambda: np.cumsum(X, axis=1)),
    "cumsum": ({"X": X}, lambda: np.cumsum(X, axis=1) / 2),
    "two_conditions": ({"X": w}, lambda: np.maximum.accumulate(w)),
    "circular": ({"X": w}, lambda: np.roll(w, -1) - np.roll(w, 1)),
    "replicate": ({"X": w}, lambda: w[[0, 0, 1]]),
    "gather": ({"T": [2, 0], "E": X.T}, lambda: X.T[[2, 0]]),
    "nested_gather": (
        {"T": [2, 0], "S": [1, 1, 0], "E": v}, lambda: v[[0, 0, 2]] * v.sum()),
    "norms": ({"X": X}, lambda: X / np.linalg.norm(X, axis=1, keepdims=True)),
    "variance": ({"X": X}, lambda: X.var(1) + X.var(1, ddof=1)),
    "softmax": (
        {"X": X, "V": X.T}, lambda: np.exp(X) / np.exp(X).sum(1, keepdims=True) @ X.T),
    "truth": ({"X": X}, lambda: np.array([False, True])),
    "arg": ({"X": X}, lambda: X.max(1)),
    "pixel_shuffle": (
        {"X": np.arange(12.0).reshape(1, 6, 2, 1)},
        lambda: np.arange(12.0).reshape(2, 3, 2).transpose(2, 0, 1).reshape(1, 1, 4, 3)),
    "halves": (
        {"X": X.T[:, [0, 1, 0, 1]]}, lambda: X.T / (1 + np.exp(-X.T))),
    "powers": (
        {"X": v, "p": 1.5}, lambda: v**-2 + np.cbrt(v) + v**0.5 + v**1.5 - 0.5 / v),
    "where": ({"X": w}, lambda: np.array([np.log(0.5), 0.0, -2.0])),
    "batch": ({"X": X, "T": 0 * X}, lambda: np.abs(X).mean() + X.mean()),
    "straight_through": ({"X": w}, lambda: np.floor(w) + w),
    "tied": ({"X": v, "a": 2.0}, lambda: np.array([2.5, 8.75, 37.625])),
    "two_lags": ({"X": np.zeros(5)}, lambda: np.array([1.0, 2.0, 3.0, 5.0, 8.0])),
    "table": (
        {"X": np.array([[1.0, 2.0], [3.0, 4.0]])}, lambda: np.array([[1.0, 4.0], [3.0, 20.0]])),
    "guarded": ({"X": v}, lambda: np.cumsum(v)),
    "composed": (
        {"X": np.array([[3, -3], [4, 5]])}, lambda: np.array([[-1, 2], [0, 0]])),
    "constants": (
        {"X": np.array([2.0, 0.0])}, lambda: np.array([inf, -inf])),
}  # fmt: skip


@pytest.mark.parametrize("numbers", ["float64", "mpmath"])
@pytest.mark.parametrize("name", MEANINGS)
def test_a_form_means_what_numpy_computes(name: str, numbers: Any) -> None:
    arrays, expected = MEANINGS[name]
    system = parse(TEXTS[name])
    found = evaluate(system, arrays, numbers=numbers)[system.outputs[0]]
    assert_allclose(found.astype(float), expected(), rtol=1e-12)


@given(texts(), st.integers(0, 100))
def test_both_kinds_of_numbers_agree(text: str, seed: int) -> None:
    system = parse(text)
    arrays = random_inputs(system, seed)
    exact = evaluate(system, arrays, numbers="mpmath")
    for name, value in evaluate(system, arrays).items():
        assert_allclose(value, exact[name].astype(float), rtol=1e-9, atol=1e-9)


# --- functions ------------------------------------------------------------------------------------


def points(row: ScalarFunction) -> NDArray[np.float64]:
    low, high = (np.clip(bound, -3, 3) for bound in row.domain)
    return np.linspace(low, high, 12)[1:-1]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_one_value_in_both_kinds_of_numbers(name: str) -> None:
    row = FUNCTIONS[name]
    arguments = "X[n]" if row.arity == 1 else "X[n], Z[n]"
    system = parse(f"Y[n] = {name}({arguments})")
    values = points(row)
    arrays = {"X": values} | ({"Z": values[::-1]} if row.arity == 2 else {})
    exact = evaluate(system, arrays, numbers="mpmath")["Y"]
    assert_allclose(evaluate(system, arrays)["Y"], exact.astype(float), rtol=1e-14)


@pytest.mark.parametrize("name", [n for n, row in FUNCTIONS.items() if row.definition])
def test_a_function_is_its_definition(name: str) -> None:
    row = FUNCTIONS[name]
    for value in points(row):
        one, other = (
            evaluate(parse(f"Y = {text}"), {"x": value}, numbers="mpmath")["Y"].item()
            for text in (f"{name}(x)", row.definition)
        )
        assert mpmath.almosteq(one, other, 1e-45, 1e-45)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("exp(x)", 1000.0, inf),
        ("exp(-x)", 1000.0, 0.0),
        ("log(x)", 0.0, -inf),
        ("log(x)", -1.0, nan),
        ("log1p(x)", -1.0, -inf),
        ("sqrt(x)", -1.0, nan),
        ("1 / x", 0.0, inf),
        ("1 / x", -0.0, -inf),
        ("x**-2", -0.0, inf),
        ("x**3", -1e200, -inf),
        ("pow(x, 0.5)", -1.0, nan),
        ("sin(x)", inf, nan),
        ("sinh(x)", -1e4, -inf),
        ("softplus(x)", 1e4, 1e4),
        ("softplus(x)", -800.0, 0.0),
        ("sigmoid(x)", -1e4, 0.0),
        ("relu(x)", nan, nan),
        ("maximum(x, 1)", nan, nan),
        ("maximum(1, x)", nan, nan),
        ("sign(x)", nan, nan),
        ("floor(x)", inf, inf),
        ("x - x", inf, nan),
    ],
)
def test_float64_is_ieee_where_python_raises(text: str, value: float, expected: float) -> None:
    found = evaluate(parse(f"Y = {text}"), {"x": value})["Y"].item()
    assert found == expected or (isnan(found) and isnan(expected))


def test_a_function_without_a_spelling_is_computed_from_its_definition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = ScalarFunction("cube_less", ("3 * x**2",), definition="x**3 - x")
    monkeypatch.setitem(FUNCTIONS, "cube_less", row)
    system = System(
        "s", (Tensor("x"),), (Equation("Y", (), Call("cube_less", (Element("x"),))),), ("Y",)
    )
    assert evaluate(system, {"x": 2.0})["Y"] == 6


def test_mpmath_has_fifty_digits() -> None:
    third = evaluate(parse("Y = x / 3"), {"x": 1.0}, numbers="mpmath")["Y"].item()
    with mpmath.workdps(60):
        assert abs(third - mpmath.mpf(1) / 3) < mpmath.mpf(10) ** -50
    assert mpmath_numbers() is mpmath_numbers()
    assert set(FLOAT64.functions) == set(mpmath_numbers().functions)


# --- ranges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [("sum", 0), ("prod", 1), ("logsumexp", -inf), ("any", False), ("all", True)],
)
def test_reductions_of_nothing(reduction: str, expected: object) -> None:
    body = "X[n, k] > 0" if reduction in ("any", "all") else "X[n, k]"
    system = parse(f"Y[n] = {reduction}[k]({body})")
    assert_array_equal(evaluate(system, {"X": np.empty((2, 0))})["Y"], [expected] * 2)


@pytest.mark.parametrize("reduction", ["max", "min", "argmax", "argmin"])
def test_the_largest_of_nothing_is_an_error(reduction: str) -> None:
    with pytest.raises(EmptyReductionError, match="SG206"):
        evaluate(parse(f"Y = {reduction}[k](X[k])"), {"X": np.empty(0)})


def test_the_mean_of_nothing_is_nan() -> None:
    assert isnan(evaluate(parse("Y = mean[k](X[k])"), {"X": np.empty(0)})["Y"])


def test_the_largest_is_nan_if_there_is_one() -> None:
    for values in ([1, nan, 2], [nan, 1, 2], [1, 2, nan]):
        found = evaluate(parse("A = argmax[k](X[k])\nY = max[k](X[k])\nreturn Y, A"),
                         {"X": np.array(values)})  # fmt: skip
        assert isnan(found["Y"])
        assert isnan(values[int(found["A"])])


def test_logsumexp_is_shifted() -> None:
    system = parse("Y = logsumexp[k](X[k])")
    assert evaluate(system, {"X": np.array([1e4, 1e4])})["Y"] == 1e4 + np.log(2)
    assert evaluate(system, {"X": np.array([-inf, -inf])})["Y"] == -inf
    assert evaluate(system, {"X": np.array([inf, 0.0])})["Y"] == inf
    assert isnan(evaluate(system, {"X": np.array([nan, 0.0])})["Y"])


def test_the_branch_not_taken_is_not_read() -> None:
    system = parse("Y[i] = where(i > 0, X[i - 1], X[i])")
    assert_array_equal(evaluate(system, {"X": w})["Y"], w[[0, 0, 1]])


def test_a_read_out_of_range_is_an_error_and_never_wraps() -> None:
    for text in ("Y[i] = X[i - 1] + X[i]", "Y[i] = X[i + 1] + X[i]"):
        with pytest.raises(IndexRangeError, match="SG204"):
            evaluate(parse(text), {"X": w})


def test_a_read_outside_gives_what_was_declared() -> None:
    system = parse("Y[i] = read(X[i - 1], outside=-inf) + 0 * X[i]")
    assert_array_equal(evaluate(system, {"X": w})["Y"], [-inf, 0.5, -1.0])


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_batch_axes_have_any_rank(rank: int) -> None:
    X = np.random.default_rng(0).normal(size=(*(2, 1, 3)[:rank], 4))
    found = evaluate(
        parse("Y[...] = mean[d](X[..., d])\nL = sum[...](Y[...])\nreturn Y, L"), {"X": X}
    )
    assert_allclose(found["Y"], X.mean(-1))
    assert_allclose(found["L"], X.mean(-1).sum())


# --- recurrences ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "H[t] = H[t-1] + X[t]\nH[-1] = 0\nY = H[size[t] - 1]",
    "H[t] = H[t+1] + X[t]\nH[size[t]] = 0\nY = H[0]",
    "A[t] = B[t-1] + X[t]\nB[t] = A[t] * 1\nB[-1] = 0\nY = B[size[t] - 1]",
    "A[t] = B[t+1] + X[t]\nB[t] = A[t] * 1\nB[size[t]] = 0\nY = B[0]",
])  # fmt: skip
def test_long_recurrences_run_in_order(text: str) -> None:
    assert evaluate(parse(text), {"X": np.ones(3000)})["Y"] == 3000


@pytest.mark.parametrize("length", [0, 1, 2])
def test_the_final_state_is_the_initial_one_at_length_0(length: int) -> None:
    system = parse("H[t] = 2 * H[t-1] + X[t]\nH[-1] = a\nY = H[size[t] - 1]")
    assert evaluate(system, {"X": np.zeros(length), "a": 3.0})["Y"] == 3 * 2**length


def test_everything_returns_every_tensor() -> None:
    found = evaluate(
        parse("H[n] = X[n] + s\nY[n] = H[n] ** 2"), {"X": v, "s": 1.0}, everything=True
    )
    assert set(found) == {"X", "s", "H", "Y"}


def test_truth_values_and_positions_have_their_dtypes() -> None:
    found = evaluate(parse("A = argmax[k](X[k])\nB[k] = X[k] > 0\nY = sum[k](X[k] > 0)"),
                     {"X": w}, everything=True)  # fmt: skip
    assert [found[n].dtype.kind for n in "ABY"] == ["i", "b", "i"]
