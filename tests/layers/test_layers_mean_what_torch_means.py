"""Every declared layer and loss has the values and gradients of its torch counterpart.

Optimizers follow torch over whole sequences in tests/training/test_optimizers.py.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import symgrad.layers  # noqa: F401 (fills the table)
from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.interpreter import evaluate
from symgrad.ir.terms import BATCH
from symgrad.ir.text import options_of
from symgrad.layers.registry import LAYERS
from tests.layers.counterparts import TORCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.ir.equation import System

pytestmark = pytest.mark.torch


OPTIMIZERS = {name for name, entry in LAYERS.items() if entry.step}

#: Every layer with every combination of its static options.
CASES = {
    f"{name}{list(values) or ''}": (name, dict(zip(options, values, strict=True)))
    for name in TORCH
    for options in (options_of(LAYERS[name].text),)
    for values in product(*options.values())
}


def test_every_layer_has_a_counterpart() -> None:
    assert set(TORCH) == set(LAYERS) - OPTIMIZERS


@st.composite
def instances(draw: st.DrawFn, system: System) -> tuple[str, dict[str, Any]]:
    """Draw letters for the batch axes of a System and arrays for its inputs."""
    batch = draw(st.lists(st.integers(1, 4), max_size=2))
    sizes = {axis: draw(st.integers(1, 5)) for axis in system.axes if axis != BATCH}
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays: dict[str, Any] = {}
    for tensor in (t for t in system.inputs if t.default is None):
        shape = [n for a in tensor.axes for n in (batch if a == BATCH else [sizes[a]])]
        if tensor.limit is None:
            arrays[tensor.name] = np.array(3 * rng.standard_normal(shape))
        else:
            arrays[tensor.name] = np.array(rng.integers(0, sizes[tensor.limit], shape))
    return "nm"[: len(batch)], arrays


def call(function: Any, names: Sequence[str], results: Sequence[str], values: Any) -> Any:
    """Call a generated function with values by name; return its results by name."""
    found = function(*(values[n] for n in names if n in values))
    return dict(zip(results, found if isinstance(found, tuple) else (found,), strict=True))


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_the_interpreter_agrees_with_torch(case: str, data: st.DataObject) -> None:
    name, options = CASES[case]
    system = LAYERS[name].system(**options)
    _, arrays = data.draw(instances(system))
    found = evaluate(system, arrays)[system.outputs[0]]
    expected = TORCH[name](*(torch.from_numpy(a) for a in arrays.values()), **options)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_generated_gradients_agree_with_autograd(
    case: str, target: str, data: st.DataObject
) -> None:
    name, options = CASES[case]
    system = LAYERS[name].system(**options)
    batch, arrays = data.draw(instances(system))
    wrt = [n for n, a in arrays.items() if a.dtype.kind == "f"]
    derivation = derive(system, wrt)
    tensors = {n: torch.from_numpy(a).requires_grad_(n in wrt) for n, a in arrays.items()}
    expected = TORCH[name](*tensors.values(), **options)
    bar = torch.from_numpy(np.array(np.random.default_rng(0).standard_normal(expected.shape)))
    gradients = torch.autograd.grad(expected, [tensors[n] for n in wrt], bar)

    built = build(derivation, target, batch)
    values: dict[str, Any] = {n: t.detach() for n, t in tensors.items()}
    values[f"{system.outputs[0]}_bar"] = bar
    if target == "numpy":
        values = {n: v.numpy() for n, v in values.items()}
    values |= call(built.forward, built.forward_arguments, built.forward_results, values)
    found = call(built.vjp, built.vjp_arguments, wrt, values)
    value = values[system.outputs[0]]
    np.testing.assert_allclose(value, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    for wanted, ours in zip(gradients, found.values(), strict=True):
        np.testing.assert_allclose(ours, wanted.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_numbers_left_at_their_default_do_not_change_the_type(
    case: str, target: str, data: st.DataObject
) -> None:
    name, options = CASES[case]
    system = LAYERS[name].system(**options)
    batch, arrays = data.draw(instances(system))
    wrt = [n for n, a in arrays.items() if a.dtype.kind == "f"]
    values: dict[str, Any] = {n: a.astype("f4") if n in wrt else a for n, a in arrays.items()}
    shape = evaluate(system, arrays)[system.outputs[0]].shape
    values[f"{system.outputs[0]}_bar"] = np.ones(shape, "f4")
    if target == "torch":
        values = {n: torch.from_numpy(v) for n, v in values.items()}
    built = build(derive(system, wrt), target, batch)
    results = call(built.forward, built.forward_arguments, built.forward_results, values)
    results |= call(built.vjp, built.vjp_arguments, wrt, values | results)
    assert {str(v.dtype).removeprefix("torch.") for v in results.values()} == {"float32"}
