"""Every derived backward System, exactly: dual numbers in prime fields; SymPy at small sizes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

import symgrad.layers  # noqa: F401 (fills the table)
from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.ir.compose import compose
from symgrad.ir.terms import BATCH
from symgrad.layers.registry import LAYERS
from symgrad.rewriting.equality import vjp_is_exact
from symgrad.rewriting.field_judge import one_batch_rank
from symgrad.rewriting.field_point import choose_sizes, tensor_shape
from symgrad.symbolic import scalar_proof
from tests.differentiated import BEYOND_FIELDS, DIFFERENTIATED

if TYPE_CHECKING:
    from symgrad.derivation import Derivation

NETWORKS = {
    "mlp": ("linear", "relu", "linear", "cross_entropy"),
    "deep": ("linear", "tanh", "linear", "sigmoid", "linear", "gelu", "linear", "mse"),
    "normalised": ("linear", "layer_norm", "silu", "linear", "log_softmax"),
}


@cache
def derived(name: str) -> Derivation:
    if name in NETWORKS:
        parts = [(f"p{k}", LAYERS[layer].system()) for k, layer in enumerate(NETWORKS[name])]
        return derive(compose(*parts, name=name))
    return derive(LAYERS[name].system())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", [n for n in (*LAYERS, *NETWORKS) if n not in BEYOND_FIELDS])
def test_the_backward_is_the_transposed_derivative(name: str, seed: int) -> None:
    verdict = vjp_is_exact(derived(name), seed=seed)
    assert verdict.answer == "equal", str(verdict)
    assert verdict.odds is not None
    assert verdict.odds < 1e-20


@pytest.mark.torch
@pytest.mark.parametrize("name", BEYOND_FIELDS)
def test_the_backward_of_other_steps_is_that_of_torch(name: str) -> None:
    code = build(derived(name), "torch", ())
    assert code.vjp is not None
    rng = np.random.default_rng(0)
    letters = {"r": 3, "c": 4}
    values: dict[str, torch.Tensor] = {}
    for tensor in derived(name).system.inputs:
        shape = [letters[a] for a in tensor.axes if a != BATCH]
        if tensor.default is None:
            drawn = torch.from_numpy(np.array(np.abs(rng.standard_normal(shape)) + 0.1))
            values[tensor.name] = drawn.requires_grad_()
        elif tensor.is_real:
            values[tensor.name] = torch.tensor(float(tensor.default), dtype=torch.float64)
    wanted = [n for n in derived(name).wrt if values[n].requires_grad]
    found = code.forward(**{n: values[n] for n in code.forward_arguments if n in values})
    results = dict(zip(code.forward_results, found, strict=True))
    bars = {
        f"{o}_bar": torch.from_numpy(np.array(rng.standard_normal(results[o].shape)))
        for o in derived(name).system.outputs
    }
    theirs = torch.autograd.grad(
        [results[o] for o in derived(name).system.outputs],
        [values[n] for n in wanted],
        list(bars.values()),
    )
    given = {k: v.detach() for k, v in (values | results | bars).items()}
    mine = dict(
        zip(
            derived(name).wrt,
            code.vjp(**{n: given[n] for n in code.vjp_arguments if n in given}),
            strict=True,
        )
    )
    for n, expected in zip(wanted, theirs, strict=True):
        np.testing.assert_allclose(mine[n], expected, rtol=1e-9, atol=1e-12)


#: Axes of which SymPy is shown two entries, others have one: with more it would take minutes.
LONG = {"attention": "k"}


@pytest.mark.parametrize("name", DIFFERENTIATED)
def test_sympy_differentiates_every_layer_to_the_same(name: str) -> None:
    found = derived(name)
    rng = np.random.default_rng(1)
    system, forward, backward = one_batch_rank((found.system, found.forward, found.backward))
    drawn = choose_sizes((system, forward, backward), rng)
    sizes = {a: min(n, 2) if a in LONG.get(name, a) else 1 for a, n in drawn.items()}
    given = {
        t.name: rng.integers(0, 2, tensor_shape(t, sizes)) for t in system.inputs if not t.is_real
    }
    proof = scalar_proof(system, backward, sizes, forward=forward, given=given)
    assert proof, f"{proof.where} differs"
    assert proof.entries > 0
