"""The derived backward passes cost no more than the best known by hand; counts are closed forms."""

from __future__ import annotations

import pytest

from symgrad.autodiff.derive import derive
from symgrad.ir.terms import Compare
from symgrad.ir.text import parse
from symgrad.ir.visit import walk
from symgrad.layers.registry import get
from symgrad.lowering.cost import CostSheet, cost_sheet
from symgrad.lowering.lower import lower
from symgrad.lowering.ops import Contract, Map, labels
from symgrad.lowering.schedule import schedule

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
        ("X: real[j]\nsize[i] = size[j] - 1\nY[i] = X[i + 1] - W[i]", "size[i]", 0, "0"),
        ("size[i] = size[j]\nY[n, i] = sum[j, j <= i](X[n, j])", "size[i] * size[n]", 1, "0"),
        (
            "Y[m] = sum[h, p]((2*h + p == m) * X[h, p]) + w[m]",
            "size[m] + size[h] * size[p]",
            0,
            "0",
        ),
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


CONVOLUTION = """
K: real[o, c, p, q]
X: real[n, c, y, x]
{sizes}
X_bar[n, c, y, x] = sum[o, {bound}](Y_bar[n, o, {h}, {w}] * K[o, c, {p}, {q}]) + 0 * X[n, c, y, x]
return X_bar
"""
#: The adjoint of a convolution with padding 1, solved for the kernel's or the output's letters.
ADJOINTS = {
    "stride 2": CONVOLUTION.format(
        sizes="size[h] = (size[y] + 2 - size[p]) // 2 + 1\n"
        "size[w] = (size[x] + 2 - size[q]) // 2 + 1",
        bound="h, w, 0 <= y+1-2*h, y+1-2*h < size[p], 0 <= x+1-2*w, x+1-2*w < size[q]",
        h="h", w="w", p="y+1-2*h", q="x+1-2*w",
    ),
    "stride 1": CONVOLUTION.format(
        sizes="Y_bar: real[n, o, h, w]\nsize[h] = size[y] + 3 - size[p]\n"
        "size[w] = size[x] + 3 - size[q]",
        bound="p, q, 0 <= y+1-p, y+1-p < size[h], 0 <= x+1-q, x+1-q < size[w]",
        h="y+1-p", w="x+1-q", p="p", q="q",
    ),
    "dilation 3": CONVOLUTION.format(
        sizes="",
        bound="h, w, (y+1-2*h) % 3 == 0, 0 <= (y+1-2*h)//3, (y+1-2*h)//3 < size[p], "
        "0 <= x-w, x-w < size[q]",
        h="h", w="w", p="(y+1-2*h)//3", q="x-w",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ADJOINTS)
def test_the_adjoint_of_a_convolution_costs_what_the_forward_does(name: str) -> None:
    """One product of matrices; no array has a letter of the input and one of the output."""
    program = schedule(lower(parse(ADJOINTS[name], internal=True)))
    products = [op for op in program.ops if isinstance(op, Contract)]
    assert len(products) == 1
    axes = {i.axis for op in products for e in (op.left, op.right) for i in labels(e)}
    assert axes == set("nocyxpq" if name == "stride 1" else "nochwpq")
    for op in program.ops:
        found = {i.axis for i in labels(op.out)}
        assert not found & {"y", "x"} or not found & {"h", "w"}, op
        if isinstance(op, Map):
            assert not any(isinstance(e, Compare) for e in walk(op.value)), "a mask"


def test_the_adjoint_of_a_maximum_masks_windows_only() -> None:
    text = """
    A: int[n, h]
    w: real[y]
    size[p] = 3
    X_bar[n, y] = sum[h, 0 <= y+1-2*h, y+1-2*h < size[p]](Y_bar[n, h] * (A[n, h] == y+1-2*h))
    return X_bar
    """
    sheet = cost_sheet(parse(text, internal=True))
    assert str(sheet.elementwise) == "2 * size[h] * size[n] * size[p]"
