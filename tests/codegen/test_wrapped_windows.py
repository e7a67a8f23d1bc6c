"""Autograd through generated windows and folds, with lengths that no single axis shows."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import Generated, build
from symgrad.derivation import Derivation
from symgrad.ir.text import parse

#: Primal, backward, the inputs that are differentiated, what is saved, shapes of the inputs.
GROUPED = (
    """
    X: real[n, m]
    size[g] = 2
    size[m] = size[g] * size[c]
    Y[n, g] = sum[c](X[n, (g, c)] * w[g])
    """,
    """
    X: real[n, m]
    size[g] = 2
    size[m] = size[g] * size[c]
    w: real[g]
    X_bar[n, (g, c)] = Y_bar[n, g] * w[g]
    w_bar[g] = sum[n, c](Y_bar[n, g] * X[n, (g, c)])
    return X_bar, w_bar
    """,
    ("X", "w"),
    ((3, 4), (2,)),
)
HIDDEN = (
    """
    X: real[n, m]
    size[g] = 2
    size[m] = size[g] * size[c]
    Y[n, g] = sum[c](X[n, (g, c)] * 3)
    """,
    """
    size[g] = 2
    u: real[c]
    X_bar[n, (g, c)] = 3 * Y_bar[n, g]
    return X_bar
    """,
    ("X",),
    ((3, 4),),
)
CONVOLUTION = (
    """
    X: real[n, c, y]
    K: real[o, c, p]
    size[h] = (size[y] + 2 - size[p]) // 2 + 1
    Y[n, o, h] = sum[c, p](read(X[n, c, 2*h+p-1], outside=0) * K[o, c, p])
    """,
    """
    X: real[n, c, y]
    K: real[o, c, p]
    size[h] = (size[y] + 2 - size[p]) // 2 + 1
    X_bar[n, c, y] = sum[o, h, 0 <= y+1-2*h, y+1-2*h < size[p]](
        Y_bar[n, o, h] * K[o, c, y+1-2*h])
    K_bar[o, c, p] = sum[n, h](Y_bar[n, o, h] * read(X[n, c, 2*h+p-1], outside=0))
    return X_bar, K_bar
    """,
    ("X", "K"),
    ((2, 2, 5), (3, 2, 3)),
)


def wrapped(primal: str, backward: str, wrt: tuple[str, ...]) -> Generated:
    system = parse(primal, name="layer")
    back = parse(backward, name="layer_backward", internal=True)
    saved = tuple(t.name for t in back.inputs if not t.name.endswith("_bar"))
    return build(Derivation(system, system, back, wrt, saved, ()), "torch")


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("case", [GROUPED, HIDDEN, CONVOLUTION])
def test_autograd_goes_through_once_twice_forward_and_batched(case: Any) -> None:
    primal, backward, wrt, shapes = case
    layer = wrapped(primal, backward, wrt).namespace["layer"]
    torch.manual_seed(0)
    inputs = tuple(torch.randn(s, dtype=torch.float64, requires_grad=True) for s in shapes)
    assert gradcheck(layer, inputs, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(layer, inputs)
    first = torch.stack([inputs[0], 2 * inputs[0]])
    batched = torch.vmap(lambda x: layer(x, *inputs[1:]))(first)
    assert torch.allclose(batched[1], layer(2 * inputs[0], *inputs[1:]))


PLACES = {
    "pool": (
        """
        X: real[n, y]
        size[p] = 3
        size[h] = (size[y] - 1) // 2 + 1
        Y[n, h] = max[p](read(X[n, 2 * h + p - 1], outside=-inf), ties="first") ** 2
        """,
        (2, 5),
    ),
    "returned": ("A[n] = argmin[k](X[n, k])\nY[n] = exp(X[n, A[n]])\nreturn Y, A", (3, 4)),
}


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("name", PLACES)
def test_the_place_of_the_largest_is_saved_and_has_no_tangent(name: str) -> None:
    text, shape = PLACES[name]
    derivation = derive(parse(text, name="layer"))
    assert "X" not in derivation.saved
    function = build(derivation, "torch").namespace["layer"]
    torch.manual_seed(0)
    X = torch.randn(shape, dtype=torch.float64, requires_grad=True)

    def value(x: torch.Tensor) -> torch.Tensor:
        found = function(x)
        assert isinstance(found, torch.Tensor) or not found[1].is_floating_point()
        return found if isinstance(found, torch.Tensor) else found[0]

    assert gradcheck(value, (X,), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(value, (X,))
