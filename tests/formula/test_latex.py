"""LaTeX says what the text says, with as few parentheses as a textbook."""

from __future__ import annotations

import re

import pytest

from symgrad.formula.latex import latex, latex_equation, latex_name, latex_system
from symgrad.ir.text import parse, parse_expression
from symgrad.layers.registry import LAYERS, Layer

SCALARS = [
    ("a + b * c", r"a + b c"),
    ("(a + b) * c", r"\left(a + b\right) c"),
    ("a - (b - c)", r"a - \left(b - c\right)"),
    ("a * (b - c)", r"a \left(b - c\right)"),
    ("-a", r"-a"),
    ("-(a + b)", r"-\left(a + b\right)"),
    ("a * (-b)", r"-a b"),
    ("a / b", r"\frac{a}{b}"),
    ("(a + b) / (c * d)", r"\frac{a + b}{c d}"),
    ("1 / a", r"\frac{1}{a}"),
    ("a ** 2", r"a^{2}"),
    ("(a * b) ** 2", r"\left(a b\right)^{2}"),
    ("tanh(a) ** 2", r"\left(\tanh\left(a\right)\right)^{2}"),
    ("sqrt(a + b)", r"\sqrt{a + b}"),
    ("1 / sqrt(a)", r"\frac{1}{\sqrt{a}}"),
    ("a / 2", r"\frac{a}{2}"),
    ("2 * a / 3", r"\frac{2 a}{3}"),
    ("abs(a)", r"\left|a\right|"),
    ("sigmoid(a)", r"\sigma\left(a\right)"),
    ("maximum(a, b)", r"\max\left(a, b\right)"),
    ("pow(a, b)", r"a^{b}"),
    ("floor(a)", r"\left\lfloor a \right\rfloor"),
    ("a > 0", r"\left[a > 0\right]"),
    ("a <= 0 or not b < 1", r"\left[a \leq 0 \vee \neg\left(b < 1\right)\right]"),
    ("eps + gamma + pi", r"\varepsilon + \gamma + \pi"),
    ("1e-5 * a", r"10^{-5} a"),
    ("0.125 * a", r"\frac{a}{8}"),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS, ids=[text for text, _ in SCALARS])
def test_scalar_term(text: str, expected: str) -> None:
    assert latex(parse_expression(text)) == expected


ROWS = [
    ("Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]", r"Y_{no} = \sum_{i} X_{ni} W_{oi} + b_{o}"),
    ("Y[n] = sum[i](X[n, i] + 1)", r"Y_{n} = \sum_{i} \left(X_{ni} + 1\right)"),
    ("Y[n] = -sum[i](X[n, i])", r"Y_{n} = -\sum_{i} X_{ni}"),
    ("Y[n] = b[n] - sum[i](X[n, i])", r"Y_{n} = b_{n} - \sum_{i} X_{ni}"),
    ("Y[n] = sum[i](-X[n, i])", r"Y_{n} = \sum_{i} \left(-X_{ni}\right)"),
    ("Y[n] = sum[i](X[n, i]) * b[n]", r"Y_{n} = b_{n} \sum_{i} X_{ni}"),
    (
        "Y[n] = sum[i](X[n, i]) * sum[i](Z[n, i])",
        r"Y_{n} = \left(\sum_{i} X_{ni}\right) \sum_{i} Z_{ni}",
    ),
    ("Y[n] = sum[i](X[n, i]) ** 2", r"Y_{n} = \left(\sum_{i} X_{ni}\right)^{2}"),
    ("Y[n] = mean[i](X[n, i])", r"Y_{n} = \frac{1}{|i|} \sum_{i} X_{ni}"),
    ("Y[n] = max[i](X[n, i])", r"Y_{n} = \max_{i}\left(X_{ni}\right)"),
    (
        "X: real[n, (g, c)]\nW: real[g, c]\nY[n, g] = sum[c](X[n, (g, c)] * W[g, c])",
        r"Y_{ng} = \sum_{c} X_{n,\left(g,c\right)} W_{gc}",
    ),
    (
        "X: real[j]\nY[i] = X[i // 2] + Z[i]",
        r"Y_{i} = X_{\left\lfloor \frac{i}{2} \right\rfloor} + Z_{i}",
    ),
    ("X: real[j]\nY[i] = X[(i + 1) % 2] + Z[i]", r"Y_{i} = X_{\left(i + 1\right) \bmod 2} + Z_{i}"),
    ("Y[..., k] = exp(X[..., k])", r"Y_{\ldots,k} = \exp\left(X_{\ldots,k}\right)"),
]


@pytest.mark.parametrize(("text", "expected"), ROWS, ids=[text for text, _ in ROWS])
def test_equation(text: str, expected: str) -> None:
    assert latex_equation(parse(text).equations[0]) == expected


def test_bound_letter_differs_from_those_around_it() -> None:
    text = "P[n, k] = exp(X[n, k]) / sum[j](exp(X[n, j]))"
    nested = parse(text + "\nZ[n, j] = sum[k](P[n, k]) * X[n, j]").equations[1]
    assert latex_equation(nested) == r"Z_{nj} = X_{nj} \sum_{k} P_{nk}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("X_bar", r"\bar{X}"),
        ("fc1.W_bar", r"\bar{W}^{\mathrm{fc1}}"),
        ("X_dot", r"\dot{X}"),
        ("H_new", r"H^{\mathrm{new}}"),
        ("V_new_total_bar", r"\bar{V}^{\mathrm{new\ total}}"),
        ("fc1.E1", r"E_{1}^{\mathrm{fc1}}"),
        ("weight_decay", r"\mathrm{weight\_decay}"),
        ("beta1", r"\beta_{1}"),
        ("X_bar_bar", r"\bar{\bar{X}}"),
        ("E1", "E_{1}"),
    ],
)
def test_name(name: str, expected: str) -> None:
    assert latex_name(name) == expected


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: str(layer.name))
def test_every_layer_has_balanced_latex(layer: Layer) -> None:
    text = latex_system(layer.system())
    assert text.count("{") == text.count("}")
    assert len(re.findall(r"\\left", text)) == len(re.findall(r"\\right", text))


def test_an_implicit_equation_keeps_its_sides() -> None:
    text = "A: real[i, i]\nB: real[i]\nsum[j](A[i, j] * Z[j]) == B[i]"
    assert latex_equation(parse(text).equations[0]) == r"\sum_{j} A_{ij} Z_{j} = B_{i}"


def test_words_beside_each_other_have_a_space() -> None:
    assert latex(parse_expression("rate * slope * x")) == r"\mathrm{rate} \, \mathrm{slope} x"
