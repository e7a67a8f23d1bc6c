"""The door to SymPy: what it lets through, that no text does, and proofs at small sizes."""

from __future__ import annotations

import ast
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import symgrad
from symgrad import symbolic
from symgrad.ir.build import add, call, const, element, mul, power
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import Element
from symgrad.ir.text import parse, parse_expression
from symgrad.rewriting.equality import equivalent
from symgrad.symbolic import from_sympy, numeric, scalar_proof, to_sympy, typed

if TYPE_CHECKING:
    from symgrad.ir.terms import Expr

PACKAGE = Path(symgrad.__file__).parent
EVIL = "__import__('pathlib').Path('pwned').touch()"


# --- no text reaches SymPy -----------------------------------------------------------------------


def refused() -> list[Any]:
    """Return the ways of handing a text to the door."""
    door: list[tuple[str, Any]] = [
        ("to_sympy", lambda: to_sympy(EVIL)),  # type: ignore[arg-type]
        ("inside a term", lambda: to_sympy(mul(element("x"), EVIL))),
        ("from_sympy", lambda: from_sympy(EVIL, {})),
        ("numeric", lambda: numeric(EVIL, {})),
        ("numeric, a value", lambda: numeric(sympy.Integer(1), {sympy.Integer(1): EVIL})),  # type: ignore[dict-item]
        ("rational", lambda: symbolic.rational(EVIL)),  # type: ignore[arg-type]
        ("typed", lambda: typed(EVIL)),
        ("typed, later", lambda: typed(sympy.Integer(1), EVIL)),
        ("cases", lambda: symbolic.cases(sympy.true, EVIL, EVIL)),
        ("a leaf", lambda: symbolic.Translator(lambda _: EVIL)(add(element("x"), element("y")))),
        ("derivative", lambda: symbolic.derivative(EVIL)),
        ("scalar_proof", lambda: scalar_proof(EVIL, EVIL, {})),  # type: ignore[arg-type]
        ("not a value", lambda: typed(1.5)),
    ]
    return [pytest.param(way, id=name) for name, way in door]


@pytest.mark.parametrize("way", refused())
def test_a_text_is_refused(way: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((TypeError, AttributeError, KeyError)):
        way()
    assert not (tmp_path / "pwned").exists()


def test_names_of_tensors_never_reach_sympy() -> None:
    shown = to_sympy(mul(Element(EVIL), Element("lambda: 0")))
    assert {type(s) for s in shown.expr.free_symbols} == {sympy.Dummy}
    assert {s.name for s in shown.expr.free_symbols} == {"s"}


def calls_into_sympy(tree: ast.AST) -> list[ast.Call]:
    """Return the calls of what belongs to SymPy, and of methods that parse texts."""
    parsing = {"subs", "xreplace", "diff", "replace", "evalf", "has", "sympify", "S"}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if (isinstance(owner, ast.Name) and owner.id == "sympy") or node.func.attr in parsing:
                found.append(node)
    return found


def test_the_door_calls_nothing_that_parses_and_passes_no_literal_text() -> None:
    tree = ast.parse((PACKAGE / "symbolic.py").read_text(encoding="utf-8"))
    calls = calls_into_sympy(tree)
    names = {node.func.attr for node in calls if isinstance(node.func, ast.Attribute)}
    assert {"Add", "Mul", "Pow", "Rational", "diff"} <= names, "the test must see the calls"
    forbidden = {"sympify", "S", "parse_expr", "Symbol", "symbols", "var", "Function", "lambdify"}
    assert not names & forbidden
    texts = {
        argument.value
        for node in calls
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }
    assert texts == {"s"}, "the one text is the name of a Dummy"


def test_no_other_module_imports_sympy() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.name == "symbolic.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not [a for a in node.names if a.name.split(".")[0] == "sympy"], path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] != "sympy", path


# --- there and back ------------------------------------------------------------------------------


def test_every_function_passes_the_door() -> None:
    for name, row in FUNCTIONS.items():
        shown = to_sympy(call(name, *map(element, ("x", "z")[: row.arity])))
        assert isinstance(shown.expr, sympy.Basic), name


def test_symbols_are_real_and_positive_where_declared() -> None:
    shown = to_sympy(parse_expression("X[n] * a + size[n] + sum[k](V[k])"), positive=["a"])
    by_text = {str(node): made for made, node in shown.symbols.items()}
    assert all(made.is_real for made in by_text.values())
    assert by_text["a"].is_positive
    assert by_text["X[n]"].is_positive is None
    assert by_text["size[n]"].is_integer
    assert set(by_text) == {"X[n]", "a", "size[n]", "sum[k](V[k])"}


leaves = st.one_of(
    st.sampled_from([element("x"), element("y"), element("z")]),
    st.fractions(-3, 3, max_denominator=4).map(const),
)
polynomials: st.SearchStrategy[Expr] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(add, inner, inner),
        st.builds(mul, inner, inner),
        st.builds(
            power, st.builds(add, st.just(element("x")), st.just(const(5))), st.integers(-2, 3)
        ),
    ),
    max_leaves=8,
)


@given(term=polynomials)
def test_rational_terms_come_back_as_the_same_function(term: Expr) -> None:
    shown = to_sympy(term)
    back = from_sympy(shown.expr, shown.symbols)
    assert equivalent(str(term), str(back))


def test_what_is_no_term_does_not_come_back() -> None:
    x = sympy.Dummy("s")
    for strange in (sympy.Heaviside(x), sympy.gamma(x), sympy.I, sympy.Dummy("s")):
        with pytest.raises(TypeError):
            from_sympy(strange, {})


# --- proofs --------------------------------------------------------------------------------------

LAYER_NORM = parse(
    """
    eps: positive = 1e-5
    M[n]    = mean[d](X[n, d])
    S[n]    = mean[d]((X[n, d] - M[n]) ** 2)
    R[n]    = 1 / sqrt(S[n] + eps)
    H[n, d] = (X[n, d] - M[n]) * R[n]
    """
)
LAYER_NORM_BACK = (
    "X_bar[n, d] = R[n] * (H_bar[n, d] - mean[c](H_bar[n, c])"
    " - H[n, d] * mean[c](H_bar[n, c] * H[n, c]))"
)


@pytest.mark.parametrize("lengths", [(1, 1), (1, 2), (2, 2), (1, 3)])
def test_layer_norm_is_proved_against_sympy(lengths: tuple[int, int]) -> None:
    back = parse(LAYER_NORM_BACK, internal=True)
    proof = scalar_proof(LAYER_NORM, back, dict(zip("nd", lengths, strict=True)))
    assert proof
    assert proof.entries == lengths[0] * lengths[1]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("- H[n, d]", "+ H[n, d]"), ("- mean[c](H_bar[n, c])", ""), ("R[n] *", "2 * R[n] *")],
)
def test_a_wrong_backward_is_not_proved(right: str, wrong: str) -> None:
    assert right in LAYER_NORM_BACK
    back = parse(LAYER_NORM_BACK.replace(right, wrong), internal=True)
    proof = scalar_proof(LAYER_NORM, back, {"n": 1, "d": 2})
    assert not proof
    assert proof.where == "X_bar[0, 0]"


def test_index_data_and_branches_are_unrolled() -> None:
    primal = parse("T: index(c)[n]\nL = sum[n](relu(X[n, T[n]]) + logsumexp[c](X[n, c]))")
    back = parse(
        """
        T: index(c)[n]
        X: real[n, c]
        X_bar[n, c] = L_bar * ((X[n, c] > 0) * (T[n] == c) + exp(X[n, c] - logsumexp[d](X[n, d])))
        """,
        internal=True,
    )
    assert scalar_proof(primal, back, {"n": 2, "c": 3}, given={"T": np.array([2, 0])})


def test_stopped_values_are_constants_to_sympy() -> None:
    primal = parse("Y[n] = stop(X[n] ** 2) * X[n]")
    right = parse("X_bar[n] = X[n] ** 2 * Y_bar[n]", internal=True)
    wrong = parse("X_bar[n] = 3 * X[n] ** 2 * Y_bar[n]", internal=True)
    assert scalar_proof(primal, right, {"n": 2})
    assert not scalar_proof(primal, wrong, {"n": 2})


def test_numbers_are_exact() -> None:
    third = numeric(symbolic.rational(Fraction(1, 3)), {}, 40)
    assert str(third) == "0." + "3" * 40
