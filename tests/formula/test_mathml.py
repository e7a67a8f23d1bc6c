"""MathML is well-formed, says everything that LaTeX says, and looks like the reviewed one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from symgrad.autodiff.derive import derive
from symgrad.formula.boxes import SYMBOLS, Leaf, Row, Script
from symgrad.formula.latex import latex_box
from symgrad.formula.layout import boxed_sides
from symgrad.formula.mathml import (
    bold_digits,
    math,
    mathml,
    mathml_box,
    mathml_equation,
    mathml_system,
)
from symgrad.formula.matrix import matrix_system
from symgrad.ir.text import parse, parse_expression
from symgrad.layers.registry import LAYERS, Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from symgrad.formula.boxes import Box

LOOKED_UP = ["linear", "softmax", "cross_entropy", "leaky_relu", "layer_norm", "attention", "adam"]
#: How many children each element has that takes a fixed number.
ARITY = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2}

SCALARS = [
    ("a + b", "<mi>a</mi><mo>+</mo><mi>b</mi>"),
    ("a * b", "<mi>a</mi><mo>\u2062</mo><mi>b</mi>"),
    ("-a", "<mo>\u2212</mo><mi>a</mi>"),
    ("a / b", "<mfrac><mi>a</mi><mi>b</mi></mfrac>"),
    ("a ** 2", "<msup><mi>a</mi><mn>2</mn></msup>"),
    ("sqrt(a)", "<msqrt><mi>a</mi></msqrt>"),
    (
        "exp(a)",
        "<mrow><mi>exp</mi><mo>\u2061</mo><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow></mrow>",
    ),
    ("rate * a", '<mi>rate</mi><mo lspace="0.17em">\u2062</mo><mi>a</mi>'),
    ("alpha < b", "<mrow><mo>[</mo><mi>\u03b1</mi><mo>&lt;</mo><mi>b</mi><mo>]</mo></mrow>"),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS, ids=[text for text, _ in SCALARS])
def test_scalar_term(text: str, expected: str) -> None:
    assert mathml(parse_expression(text)) == f"<math>{expected}</math>"


def leaves(box: Box) -> Iterator[Leaf]:
    """Yield the leaves of a formula."""
    if isinstance(box, Leaf):
        yield box
        return
    fields = vars(box).values()
    for child in (c for f in fields for c in (f if isinstance(f, tuple) else (f,))):
        if child is not None and not isinstance(child, str):
            yield from leaves(child)


def spelled(leaf: Leaf) -> str:
    """Return the characters that a leaf has to show."""
    if leaf.kind == "symbol":
        return SYMBOLS[leaf.text][1]
    if leaf.kind == "bold":
        return bold_digits(leaf.text)
    return leaf.text.replace("'", "\u2032")


def check(element: str, boxes: list[Box]) -> None:
    """Fail unless an element is well-formed MathML that shows every leaf of a formula, in order."""
    tree = ElementTree.fromstring(element)
    for node in tree.iter():
        if node.tag in ARITY:
            assert len(node) == ARITY[node.tag], ElementTree.tostring(node)
        if node.tag in ("mi", "mn", "mo", "mtext"):
            assert len(node) == 0
            assert node.text
        else:
            assert not (node.text or "").strip(), "text outside of a token"
    shown = "".join(tree.itertext())
    at = 0
    for leaf in (leaf for box in boxes for leaf in leaves(box)):
        at = shown.index(spelled(leaf), at) + len(spelled(leaf))
    for opening, closing in ("()", "[]"):
        assert shown.count(opening) == shown.count(closing)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: str(layer.name))
def test_every_formula_of_every_layer(layer: Layer) -> None:
    derivation = derive(layer.system())
    for system in (derivation.system, derivation.backward):
        for equation in system.equations:
            check(mathml_equation(equation), list(boxed_sides(equation)))
        for pair in matrix_system(system)[0]:
            for box in pair or ():
                check(math(mathml_box(box)), [box])
    for step in derivation.steps:
        check(mathml_equation(step.after), list(boxed_sides(step.after)))


@pytest.mark.parametrize("name", LOOKED_UP)
def test_formulas_are_the_golden_ones(name: str, golden: Callable[[str, str], None]) -> None:
    derivation = derive(LAYERS[name].system())
    both = (derivation.system, derivation.backward)
    text = "\n".join(mathml_system(s).replace("<mtd>", "\n  <mtd>") for s in both)
    golden(f"mathml/{name}.html", text + "\n")


def test_the_check_sees_what_is_missing() -> None:
    box = Row((Leaf("a", "letter"), Leaf("+"), Leaf("b", "letter")), "space")
    whole = math(mathml_box(box))
    check(whole, [box])
    with pytest.raises(ValueError, match="substring"):
        check(whole.replace("<mi>b</mi>", ""), [box])
    with pytest.raises(AssertionError):
        check("<math><msub><mi>a</mi></msub></math>", [Leaf("a", "letter")])
    with pytest.raises(ElementTree.ParseError):
        check(whole.replace("</mi>", "", 1), [box])


def test_an_exponent_and_an_index_share_their_base() -> None:
    equation = parse("Y[n] = X[n] ** 2").equations[0]
    assert "<msubsup><mi>X</mi><mi>n</mi><mn>2</mn></msubsup>" in mathml_equation(equation)


def test_a_script_of_a_script_is_braced_in_latex() -> None:
    inner = Script(Leaf("E", "letter"), below=Leaf("1", "number"))
    assert latex_box(Script(inner, below=Leaf("n", "letter"))) == "{E_{1}}_{n}"


def test_long_sums_break_at_their_signs() -> None:
    text = "Y = " + " + ".join(f"sum[i](A{k}[i] * exp(B{k}[i]) / C{k}[i])" for k in range(9))
    element = mathml_equation(parse(text).equations[0])
    rows = re.findall(r"<mtr>", element)
    assert len(rows) > 1
    check(element, list(boxed_sides(parse(text).equations[0])))
