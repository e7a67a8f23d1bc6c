"""Curves are drawn for what is a curve, from values that the generated code computes."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from symgrad.autodiff.derive import derive
from symgrad.handbook.plots import curve, is_curve
from symgrad.ir.text import parse
from symgrad.layers.registry import LAYERS

CURVES = {"relu", "sigmoid", "tanh", "leaky_relu", "softplus", "silu", "gelu"}


def drawn(name: str) -> str | None:
    system = LAYERS[name].system()
    return curve(system, derive(system))


def test_activations_are_curves() -> None:
    found = {name for name, entry in LAYERS.items() if is_curve(entry.system())}
    assert found >= CURVES
    assert not found & {"softmax", "linear", "mse", "layer_norm", "adam", "logsumexp", "huber"}


@pytest.mark.parametrize(
    "text",
    [
        "Y[...] = X[...] * Z[...]",
        "Y = sum[...](X[...])",
        "Y[..., k] = X[..., k]",
        "Y[...] = a * X[...]",
    ],
)
def test_other_maps_are_no_curves(text: str) -> None:
    assert not is_curve(parse(text))
    assert curve(parse(text), derive(parse(text))) is None


def test_curve_is_an_element_with_the_colours_of_the_page() -> None:
    svg = drawn("relu")
    assert svg is not None
    tree = ElementTree.fromstring(svg.replace("xlink:", ""))
    assert tree.tag.endswith("svg")
    assert {"var(--value)", "var(--slope)", "var(--ink)"} <= set(re.findall(r"var\([^)]*\)", svg))
    assert "#0" not in svg
    assert "relu" in svg
    assert drawn("relu") == svg


def test_a_jump_of_the_slope_is_not_joined() -> None:
    def pieces(name: str) -> int:
        svg = drawn(name)
        assert svg is not None
        path = next(p for p in re.findall(r"<path[^>]*>", svg) if "stroke-dasharray" in p)
        return path.count("M ")

    assert pieces("tanh") == 1
    assert pieces("relu") == 2
