"""Every declared layer and loss has the values of its torch counterpart, judged by the interpreter.

Optimizers follow torch over whole sequences in tests/training/test_optimizers.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from hypothesis import given
from hypothesis import strategies as st
from symgrad.interpreter import evaluate

from symgrad.ir.terms import BATCH
from symgrad.layers import optimizer
from symgrad.layers.registry import LAYERS, Layer

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.torch

#: The counterpart of each layer, over its inputs in order.
TORCH: dict[str, Callable[..., torch.Tensor]] = {
    "linear": F.linear,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky_relu": F.leaky_relu,
    "softplus": F.softplus,
    "silu": F.silu,
    "gelu": F.gelu,
    "softmax": lambda x: F.softmax(x, dim=-1),
    "log_softmax": lambda x: F.log_softmax(x, dim=-1),
    "logsumexp": lambda x: torch.logsumexp(x, dim=-1),
    "layer_norm": lambda x, g, b: F.layer_norm(x, g.shape, g, b),
    "rms_norm": lambda x, g: F.rms_norm(x, g.shape, g, eps=1e-5),
    "l2_normalize": lambda x: F.normalize(x, dim=-1),
    "cross_entropy": lambda x, t: F.cross_entropy(x.reshape(-1, x.shape[-1]), t.reshape(-1)),
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "bce_with_logits": F.binary_cross_entropy_with_logits,
    "huber": F.huber_loss,
}
OPTIMIZERS = {e.name for e in vars(optimizer).values() if isinstance(e, Layer)}


def test_every_layer_has_a_counterpart() -> None:
    assert set(TORCH) == set(LAYERS) - OPTIMIZERS


@pytest.mark.parametrize("name", TORCH)
@given(st.lists(st.integers(1, 4), max_size=2), st.data(), st.integers(0, 2**32 - 1))
def test_the_interpreter_agrees_with_torch(
    name: str, batch: list[int], data: st.DataObject, seed: int
) -> None:
    system = LAYERS[name].system()
    sizes = {axis: data.draw(st.integers(1, 5), axis) for axis in system.axes if axis != BATCH}
    rng = np.random.default_rng(seed)
    arrays: dict[str, Any] = {}
    for tensor in system.inputs:
        if tensor.default is not None:
            continue
        shape = [n for a in tensor.axes for n in (batch if a == BATCH else [sizes[a]])]
        if tensor.kind == "index":
            assert tensor.limit is not None
            arrays[tensor.name] = rng.integers(0, sizes[tensor.limit], shape)
        else:
            arrays[tensor.name] = 3 * rng.standard_normal(shape)
    found = evaluate(system, arrays)[system.outputs[0]]
    expected = TORCH[name](*(torch.from_numpy(np.array(a)) for a in arrays.values()))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-10, atol=1e-12)
