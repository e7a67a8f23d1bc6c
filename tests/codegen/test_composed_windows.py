"""Windows, pools and maps of channels composed: the gradient of the chain is torch's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.ir.compose import compose
from symgrad.ir.text import parse
from tests.codegen.running import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from symgrad.ir.equation import System

    Torch = Callable[[Mapping[str, Any]], Any]


def conv(name: str, groups: int) -> System:
    text = f"""
    X: real[n, (g, c), y]
    K: real[(g, o), c, p]
    size[g] = {groups}
    size[h] = size[y]
    Y[n, (g, o), h] = sum[c, p](read(X[n, (g, c), h + p - 1], outside=0) * K[(g, o), c, p])
    """
    return parse(text, name=name, params=("K",))


RELU = parse("Y[...] = maximum(X[...], 0)", name="relu")
SCALE = parse("Y[n, c, y] = X[n, c, y] * w[c]", name="scale", params=("w",))
POOL = parse("X: real[n, c, y]\nsize[p] = 2\nsize[h] = size[y] // 2\n"
             "Y[n, c, h] = max[p](X[n, c, 2 * h + p])", name="pool")  # fmt: skip


def torch_conv(x: Any, kernel: Any, groups: int) -> Any:
    return functional.conv1d(x, kernel, padding=1, groups=groups)


#: The parts, shapes of the parameters, and the same in torch.
CHAINS: dict[str, tuple[list[Any], dict[str, tuple[int, ...]], Torch]] = {
    "groups, relu": (
        [conv("conv", 2), RELU],
        {"X": (2, 4, 6), "conv.K": (6, 2, 3)},
        lambda t: torch.relu(torch_conv(t["X"], t["conv.K"], 2)),
    ),
    "groups, scale, pool": (
        [conv("conv", 2), SCALE, POOL],
        {"X": (2, 4, 6), "conv.K": (6, 2, 3), "scale.w": (6,)},
        lambda t: functional.max_pool1d(
            torch_conv(t["X"], t["conv.K"], 2) * t["scale.w"][:, None], 2
        ),
    ),
    "pool, conv": (
        [POOL, conv("conv", 1)],
        {"X": (2, 3, 6), "conv.K": (4, 3, 3)},
        lambda t: torch_conv(functional.max_pool1d(t["X"], 2), t["conv.K"], 1),
    ),
    "conv, relu, pool, conv, relu": (
        [conv("a", 2), RELU, POOL, conv("b", 1), ("act", RELU)],
        {"X": (2, 4, 6), "a.K": (6, 2, 3), "b.K": (5, 6, 3)},
        lambda t: torch.relu(
            torch_conv(
                functional.max_pool1d(torch.relu(torch_conv(t["X"], t["a.K"], 2)), 2), t["b.K"], 1
            )
        ),
    ),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CHAINS)
def test_the_gradient_of_a_chain_is_torch_s(name: str, target: str) -> None:
    parts, shapes, theirs = CHAINS[name]
    derivation = derive(compose(*parts, name="chain"))
    rng = np.random.default_rng(1)
    arrays = {n: rng.normal(size=shape) for n, shape in shapes.items()}
    leaves = {n: torch.tensor(a, requires_grad=True) for n, a in arrays.items()}
    result = theirs(leaves)
    weight = torch.tensor(rng.normal(size=tuple(result.shape)))
    gradients = torch.autograd.grad(result, list(leaves.values()), weight)

    made = build(derivation, target)
    as_array = torch.tensor if target == "torch" else np.asarray
    known = {n: as_array(a) for n, a in arrays.items()}
    found = made.forward(*(known[n] for n in made.forward_arguments))
    found = found if isinstance(found, tuple) else (found,)
    known |= dict(zip(made.forward_results, found, strict=True))
    output = derivation.system.outputs[0]
    np.testing.assert_allclose(known[output], result.detach(), rtol=1e-12, atol=1e-13)
    known[f"{output}_bar"] = as_array(weight.numpy())
    assert made.vjp is not None
    bars = made.vjp(*(known[n] for n in made.vjp_arguments))
    pairs = dict(zip(made.vjp_results, bars, strict=True))
    for tensor, gradient in zip(leaves, gradients, strict=True):
        np.testing.assert_allclose(pairs[f"{tensor}_bar"], gradient, rtol=1e-11, atol=1e-12)
