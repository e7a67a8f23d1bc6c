"""The derived backward passes cost no more than the best known by hand; counts are closed forms."""

from __future__ import annotations

import pytest

from symgrad.autodiff.derive import derive
from symgrad.ir.text import parse
from symgrad.layers.registry import get
from symgrad.lowering.cost import CostSheet, cost_sheet

#: Layer, axes of its input, element-wise operations an element, reductions, what may be saved.
TARGETS = [
    ("softmax", "k", 4, 1, ["P"]),
    ("log_softmax", "k", 3, 1, ["P", "Y"]),
    ("cross_entropy", "c", 2, 0, ["P T"]),
    ("layer_norm", "d", 8, 2, ["H R g", "X M R g"]),
    ("rms_norm", "d", 6, 1, ["H R g", "X R g"]),
    ("l2_normalize", "d", 5, 1, ["U N"]),
    ("tanh", "", 3, 0, ["Y"]),
    ("sigmoid", "", 3, 0, ["Y"]),
]


def backward_sheet(layer: str) -> CostSheet:
    return cost_sheet(derive(get(layer).system(), ["X"]).backward)


@pytest.mark.parametrize(("layer", "axes", "operations", "reductions", "saved"), TARGETS)
def test_the_derived_backward_meets_the_best_known_count(
    layer: str, axes: str, operations: int, reductions: int, saved: list[str]
) -> None:
    sheet = backward_sheet(layer)
    assert sheet.per_element("...", *axes) <= operations
    assert sheet.reductions <= reductions
    names = {name for name, _ in sheet.saved}
    assert any(names <= set(choice.split()) for choice in saved)
    assert sheet.contractions == 0


@pytest.mark.parametrize(
    ("text", "elementwise", "reductions", "flops"),
    [
        ("Y[n] = X[n] + W[n]", "size[n]", 0, "0"),
        ("Y[n] = tanh(X[n])", "size[n]", 0, "0"),
        ("Y[n] = X[n]**3", "2 * size[n]", 0, "0"),
        ("Y[n] = 1 / X[n]", "size[n]", 0, "0"),
        ("Y[n] = X[n] / W[n]", "size[n]", 0, "0"),
        ("Y[n] = sqrt(X[n])", "size[n]", 0, "0"),
        ("Y[n] = X[n] - W[n]", "size[n]", 0, "0"),
        ("Y[n] = X[n] * (W[n] > 0)", "2 * size[n]", 0, "0"),
        ("Y[n, d] = 2 * a[n] * X[n, d]", "size[d] * size[n] + size[n]", 0, "0"),
        ("Y[n] = tanh(X[n]) * (1 - tanh(X[n]))", "3 * size[n]", 0, "0"),
        ("Y[n] = sum[k](X[n, k])", "size[k] * size[n]", 1, "0"),
        ("Y[n] = sum[k](X[n, k]**2)", "2 * size[k] * size[n]", 1, "0"),
        ("Y[n] = mean[k](X[n, k])", "size[n] + size[k] * size[n]", 1, "0"),
        ("Y[n, o] = sum[i](X[n, i] * W[o, i])", "0", 0, "2 * size[i] * size[n] * size[o]"),
        ("T: index(k)[n]\nY[n, k] = X[n, k] - (T[n] == k)", "size[k] * size[n]", 0, "0"),
        ("T: index(k)[n]\nY[n] = X[n, T[n]]", "0", 0, "0"),
    ],
)
def test_counts(text: str, elementwise: str, reductions: int, flops: str) -> None:
    sheet = cost_sheet(parse(text))
    wanted = sorted(elementwise.split(" + "))
    assert sorted(str(sheet.elementwise).split(" + ")) == wanted
    assert sheet.reductions == reductions
    assert str(sheet.flops) == flops


def test_a_sheet_reads_as_text() -> None:
    assert str(backward_sheet("softmax")).splitlines() == [
        "element-wise operations: 4 * size[...] * size[k]",
        "reductions:              1",
        "matrix products:         0",
        "saved elements:          P: size[...] * size[k]",
    ]
