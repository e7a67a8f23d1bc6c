"""Implicit equations: the interpreter solves what it can check, everything else refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from symgrad import errors
from symgrad.autodiff.adjoint import adjoint_system
from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.codegen.generate import build_function
from symgrad.interpreter import evaluate
from symgrad.ir.compose import compose
from symgrad.ir.rename import rename_system
from symgrad.ir.serial import dump_json, load_json
from symgrad.ir.text import parse
from symgrad.ir.wellformed import defects
from symgrad.rewriting.equality import equivalent

DECLARED = "A: real[i, j]\nB: real[i, k]\n"
SOLVE = parse(DECLARED + "sum[j](A[i, j] * Z[j, k]) == B[i, k]", name="solve")
FORMS = {
    "solve": str(SOLVE),
    "scalar": "a: real\nb: real\na * z + 1 == b",
    "batched": "A: real[..., i, i]\nB: real[..., i]\nsum[j](A[..., i, j] * Z[..., j]) == B[..., i]",
    "used": DECLARED + "sum[j](A[i, j] * Z[j, k]) == B[i, k]\nY[j] = sum[k](Z[j, k])",
    "lyapunov": """
        A: real[i, i]
        Q: real[i, i]
        sum[j](A[i, j] * Z[j, k]) + sum[j](Z[i, j] * A[k, j]) == Q[i, k]
        """,
    "both sides": "A: real[i, i]\nB: real[i]\nZ[i] == sum[j](A[i, j] * Z[j]) + B[i]",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_round_trips(text: str) -> None:
    system = parse(text)
    assert defects(system) == []
    assert parse(str(system)) == system
    assert load_json(dump_json(system)) == system


@given(seed=st.integers(0, 1000), size=st.integers(0, 4), columns=st.integers(0, 3))
def test_a_linear_system_is_solved(seed: int, size: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(size, size)), rng.normal(size=(size, columns))
    expected = np.linalg.solve(a, b)
    scale = 1e-12 * np.linalg.cond(a) if size else 0.0
    found = evaluate(SOLVE, {"A": a, "B": b})["Z"]
    assert_allclose(found, expected, rtol=scale, atol=scale, strict=True)


def test_fifty_digits() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(3, 3)), rng.normal(size=(3, 2))
    found = evaluate(SOLVE, {"A": a, "B": b}, numbers="mpmath")["Z"]
    rest = np.array([[sum(a[i, j] * found[j, k] for j in range(3)) - b[i, k] for k in range(2)]
                     for i in range(3)])  # fmt: skip
    assert abs(rest).max() < 1e-45


def test_other_forms_are_solved() -> None:
    rng = np.random.default_rng(3)
    a, b, q = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3)), rng.normal(size=(3, 3))
    batched = evaluate(parse(FORMS["batched"]), {"A": a, "B": b})["Z"]
    assert_allclose(batched, np.linalg.solve(a, b[..., None])[..., 0])
    found = evaluate(parse(FORMS["lyapunov"]), {"A": a[0], "Q": q})["Z"]
    assert_allclose(a[0] @ found + found @ a[0].T, q)
    fixed = evaluate(parse(FORMS["both sides"]), {"A": a[1], "B": b[1]})["Z"]
    assert_allclose(fixed, np.linalg.solve(np.eye(3) - a[1], b[1]))
    assert evaluate(parse(FORMS["scalar"]), {"a": 2.0, "b": 4.0})["z"] == 1.5
    used = evaluate(parse(FORMS["used"]), {"A": a[0], "B": q})["Y"]
    assert_allclose(used, np.linalg.solve(a[0], q).sum(axis=1))


@pytest.mark.parametrize(
    ("text", "arrays", "words"),
    [
        (FORMS["solve"], {"A": np.ones((2, 2)), "B": np.ones((2, 1))}, "singular"),
        (FORMS["solve"], {"A": np.zeros((1, 1)), "B": np.zeros((1, 1))}, "singular"),
        (FORMS["solve"], {"A": np.ones((2, 3)), "B": np.ones((2, 1))}, "2 equations for 3"),
        ("a: real\nz * z == a", {"a": 4.0}, "not linear"),
        ("a: real\nabs(z) == a", {"a": 4.0}, "not linear"),
        ("a: real[n]\nexp(z[n]) == a[n]", {"a": np.ones(2)}, "not linear"),
        ("a: real[n]\nz[n] * z[n] == a[n]", {"a": np.ones(2)}, "not linear"),
    ],
)
@pytest.mark.parametrize("numbers", ["float64", "mpmath"])
def test_what_has_not_one_solution_is_refused(
    text: str, arrays: dict[str, Any], words: str, numbers: Any
) -> None:
    with pytest.raises(errors.SolveError, match=words):
        evaluate(parse(text), arrays, numbers=numbers)


@pytest.mark.parametrize("make", [derive, derive_jvp, adjoint_system])
def test_derivatives_are_refused(make: Any) -> None:
    with pytest.raises(errors.UnsupportedError, match="an implicit equation"):
        make(SOLVE)


def test_code_is_refused() -> None:
    with pytest.raises(errors.UnsupportedError, match="an implicit equation"):
        build_function(SOLVE, "numpy")


def test_equality_is_left_open() -> None:
    other = parse(str(SOLVE).replace("== B[i, k]", "== 2 * B[i, k]"))
    assert equivalent(SOLVE, other).answer == "cannot tell"


def test_renaming_and_composition_keep_it() -> None:
    renamed = rename_system(SOLVE, {"Z": "X"}, {"k": "c"})
    assert str(renamed.equations[0]) == "sum[j](A[i, j] * X[j, c]) == B[i, c]"
    both = compose(("one", SOLVE), ("two", parse("Y[n, m] = 2 * X[n, m]")), name="both")
    a, b = np.diag([2.0, 4.0]), np.ones((2, 1))
    found = evaluate(both, {"A": a, "B": b})
    assert next(iter(found.values())).tolist() == [[1.0], [0.5]]
