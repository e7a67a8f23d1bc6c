"""The builder gives the Systems that the text gives: the text itself, run as Python, proves it."""

from __future__ import annotations

import ast
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from symgrad.errors import InputError, SymgradError
from symgrad.ir.builder import Builder, Tensor, fn, inf, pi, red, size
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.text import parse
from tests.rewriting.random_systems import texts

REDUCTIONS = ("sum", "prod", "max", "min", "mean", "logsumexp", "softmax", "var", "norm")


def built(text: str) -> Builder:
    """Run the equations of a text as Python over the objects of a builder."""
    build = Builder()
    module = ast.parse(text)
    names: dict[str, Any] = {"size": size, "pi": pi, "inf": inf}
    names |= {r: getattr(red, r) for r in REDUCTIONS}
    names |= {f: getattr(fn, f) for f in (*FUNCTIONS, "sqrt", "where")}
    read = {t.value.id for t in ast.walk(module)
            if isinstance(t, ast.Subscript) and isinstance(t.value, ast.Name)}  # fmt: skip
    inside = {n for t in ast.walk(module) if isinstance(t, ast.Subscript) for n in _letters(t)}
    inside -= read
    names |= {letter: build.indices(letter)[0] for letter in inside}
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and node.id not in {*names, "real", "index"}:
            names[node.id] = build.tensors(node.id)[0]
    for statement in module.body:
        if isinstance(statement, ast.AnnAssign):
            assert isinstance(statement.target, ast.Name)
            kind, _, _ = ast.unparse(statement.annotation).partition("[")
            axes = _letters(statement.annotation)
            build.declare(statement.target.id, kind, *(names[a] for a in axes))
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = eval(ast.unparse(statement.value), {}, names)
            names[statement.targets[0].id].define(value)
        else:
            exec(ast.unparse(statement), {}, names)
    return build


def _letters(node: ast.expr) -> list[str]:
    if not isinstance(node, ast.Subscript):
        return []
    return [n.id for n in ast.walk(node.slice) if isinstance(n, ast.Name)]


@given(text=texts())
def test_operators_give_the_system_of_the_text(text: str) -> None:
    assert built(text).system() == parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]",
        "Y[..., k] = X[..., k] - logsumexp[j](X[..., j])",
        "Y[i] = where(X[i] > 0, X[i], 0.01 * X[i])",
        "Y[i] = -X[i] ** 2 / (1 + 2 ** X[i]) - X[i] / 3",
        "Y[n] = X[n] * (X[n] == 1) + (X[n] != 2) * (X[n] <= 3) + (X[n] >= a[n])",
        "L = mean[n]((X[n] - T[n]) ** 2) / sqrt(size[n])",
        "P[n, k] = softmax[k](X[n, k] / sqrt(2 * pi))",
    ],
)
def test_each_form_of_the_language_has_its_operators(text: str) -> None:
    assert built(text).system() == parse(text)


def test_declarations_lengths_and_outputs() -> None:
    build = Builder()
    n, c, h = build.indices("n c h")
    target = build.declare("T", "index(c)", n)
    scores, loss, flat = build.tensors("X L Y")
    build.length(h, 3)
    flat[h] = h * 1
    loss[()] = -red.mean[n](scores[n, target[n]])
    system = build.system("picked", loss, flat)
    text = "T: index(c)[n]\nsize[h] = 3\nY[h] = h * 1\nL = -mean[n](X[n, T[n]])\nreturn L, Y"
    assert system == parse(text, name="picked")
    assert c is not h


def test_numbers_are_exact() -> None:
    build = Builder()
    n = build.indices("n")[0]
    x, y = build.tensors("X Y")
    y[n] = x[n] * Fraction(1, 3) + 0.1 - Fraction(-2)
    assert build.system() == parse("Y[n] = X[n] * (1 / 3) + 0.1 - -2")


def test_a_term_is_no_condition_of_python() -> None:
    x = Builder().tensors("X")[0]
    with pytest.raises(InputError, match=r"fn\.where"):
        bool(x > 0)


@pytest.mark.parametrize("operand", [None, "x", [1], True, 1j])
def test_a_foreign_operand_is_refused(operand: Any) -> None:
    x: Tensor = Builder().tensors("X")[0]
    with pytest.raises(InputError, match="index the tensor"):
        _ = x + operand


def test_an_error_is_the_one_of_the_text() -> None:
    build = Builder()
    n, o, i = build.indices("n o i")
    x, w, y = build.tensors("X W Y")
    y[n, o] = x[n, i] * w[o, i]
    with pytest.raises(SymgradError, match="reduce it"):
        build.system()
