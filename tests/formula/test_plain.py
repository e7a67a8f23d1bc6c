"""Matrix notation as a line of text."""

from __future__ import annotations

import pytest

from symgrad.autodiff.derive import derive
from symgrad.formula.boxes import Accent, Box, Fraction, Leaf, Row, number
from symgrad.formula.layout import boxed
from symgrad.formula.plain import matrix_lines, plain_box
from symgrad.ir.text import parse, parse_expression
from symgrad.layers.registry import LAYERS

TEXTS = {
    "sum[k](A[i, k] * abs(x[k])) / sqrt(y)": "1/sqrt(y) ∑[k] A_(ik) |x_k|",
    "floor(eps) + maximum(a, 2)": "floor(\u03b5) + max(a, 2)",
    "where(x > 0, x, -x)": "(x if x > 0 else -x)",
    "size[n] * x**2": "size[n] x^2",
}


@pytest.mark.parametrize("layer", ["linear", "softmax", "attention", "layer_norm"])
def test_the_gradients_of_layers_in_matrices(layer: str) -> None:
    expected = {
        "linear": ["X_bar = Y_bar W", "W_bar = Y_bar^T X", "b_bar = Y_bar^T 1"],
        "softmax": ["X_bar = P ⊙ (P_bar - (P ⊙ P_bar) 1 1^T)"],
        "attention": [
            "S_bar = P ⊙ (O_bar V^T - (O ⊙ O_bar) 1 1^T)",
            "Q_bar = 1/sqrt(size[d]) S_bar K",
            "K_bar = 1/sqrt(size[d]) S_bar^T Q",
            "V_bar = P^T O_bar",
        ],
        "layer_norm": [
            "H_bar = Y_bar ⊙ (1 g^T)",
            "X_bar = (R 1^T) ⊙ (H_bar - 1/size[d] H ⊙ ((H ⊙ H_bar) 1 1^T) - 1/size[d] H_bar 1 1^T)",
            "g_bar = (H ⊙ Y_bar)^T 1",
            "b_bar = Y_bar^T 1",
        ],
    }
    lines, alone = matrix_lines(derive(LAYERS[layer].system()).backward)
    assert lines == expected[layer]
    assert alone == (layer == "attention")


def test_parentheses_stand_where_they_are_needed() -> None:
    two = Row((Leaf("A", "letter"), Leaf("B", "letter")), "product")
    box: Box = Fraction(two, number(2))
    assert plain_box(box) == "(A B)/2"
    assert plain_box(Fraction(box, two)) == "((A B)/2)/(A B)"
    assert plain_box(Accent(Leaf("A", "letter"), "bar")) == "A_bar"


@pytest.mark.parametrize("text", TEXTS)
def test_every_box_has_a_spelling(text: str) -> None:
    assert plain_box(boxed(parse_expression(text))) == TEXTS[text]


def test_what_has_no_matrix_notation_is_left_out() -> None:
    assert matrix_lines(parse("Y[i] = sum[j](A[i, j, i])")) == ([], False)
