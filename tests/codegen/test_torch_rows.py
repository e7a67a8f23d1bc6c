"""Derivatives of every form of index, in both modes and on both targets: what torch gives.

Each row of the table goes through the whole way: its value and its VJP by generated NumPy and torch
code, its JVP by generated code, and the derived System by the interpreter.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from symgrad.autodiff.derive import derive
from symgrad.autodiff.tangent import derive_jvp
from symgrad.codegen.generate import build, build_function
from symgrad.interpreter import bind_sizes, evaluate
from symgrad.ir.text import parse
from tests.codegen.running import TARGETS
from tests.codegen.torch_rows import ROWS, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System

pytestmark = pytest.mark.torch


@cache
def derived(name: str) -> Derivation:
    row = ROWS[name]
    return derive(parse(row.text, name="row"), wrt=tuple(row.inputs))


def reals(row: Row, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    if row.tied:
        return {k: rng.integers(-1, 2, s).astype(float) for k, s in row.inputs.items()}
    low = 0.3 if row.positive else -1.0
    return {k: rng.uniform(low, 1, s) for k, s in row.inputs.items()}


def moves(row: Row) -> tuple[np.ndarray[Any, Any], ...]:
    """Return a tangent of each input."""
    rng = np.random.default_rng(4)
    return tuple(rng.normal(size=s) for s in row.inputs.values())


def lengths(derivation: Derivation, known: Mapping[str, Any]) -> dict[str, int]:
    """Return the length of each axis, as the inputs of the primal say."""
    arrays = {t.name: known[t.name] for t in derivation.system.inputs if t.name in known}
    return bind_sizes(derivation.system, arrays)


def called(
    function: Callable[..., Any],
    arguments: tuple[str, ...],
    results: tuple[str, ...],
    known: Mapping[str, Any],
    target: str,
) -> dict[str, Any]:
    """Return what a generated function returns, by name; arrays go in and come out."""
    given = {
        k: torch.tensor(v) if target == "torch" and isinstance(v, np.ndarray) else v
        for k, v in known.items()
        if k in arguments
    }
    found = function(**given)
    rows = found if isinstance(found, tuple) else (found,)
    return {k: np.asarray(v) for k, v in zip(results, rows, strict=True)}


def torch_gives(row: Row, known: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the value, the cotangents of the inputs, and the tangent, by torch."""
    real = tuple(torch.tensor(known[k]) for k in row.inputs)
    data = tuple(torch.tensor(np.asarray(v)) for v in (row.data or {}).values())

    def function(*values: torch.Tensor) -> torch.Tensor:
        return row.function(*values, *data)

    leaves = tuple(r.clone().requires_grad_() for r in real)
    value = function(*leaves)
    seed = torch.tensor(np.random.default_rng(9).normal(size=value.shape))
    back = torch.autograd.grad(value, leaves, seed)
    moves = tuple(torch.tensor(known[f"{k}_dot"]) for k in row.inputs)
    pushed = sum((b * m).sum() for b, m in zip(back, moves, strict=True))
    return value.detach().numpy(), seed.numpy(), back, pushed


def by_interpreter(derivation: Derivation, forward: System, known: dict[str, Any]) -> Any:
    """Return what the derived Systems mean: outputs, cotangents and tangents by name."""
    arrays = {t.name: known[t.name] for t in derivation.forward.inputs}
    found = evaluate(derivation.forward, arrays)
    rest = {**known, **found}
    arrays = {t.name: rest[t.name] for t in derivation.backward.inputs}
    found |= evaluate(derivation.backward, arrays, sizes=lengths(derivation, known))
    arrays = {t.name: known[t.name] for t in forward.inputs}
    return found | evaluate(forward, arrays)


def by_code(derivation: Derivation, forward: System, known: dict[str, Any], target: str) -> Any:
    """Return what generated code gives: outputs, cotangents and tangents by name."""
    code, pushing = build(derivation, target), build_function(forward, target)
    assert code.vjp is not None
    found = called(code.forward, code.forward_arguments, code.forward_results, known, target)
    rest = {**lengths(derivation, known), **known, **found}
    found |= called(code.vjp, code.vjp_arguments, code.vjp_results, rest, target)
    arguments, results = pushing.forward_arguments, pushing.forward_results
    return found | called(pushing.forward, arguments, results, known, target)


@pytest.mark.parametrize("name", ROWS)
def test_value_and_derivatives_are_those_of_torch(name: str) -> None:
    row = ROWS[name]
    derivation = derived(name)
    forward = derive_jvp(derivation.system, wrt=tuple(row.inputs))
    (output,) = derivation.system.outputs
    known: dict[str, Any] = dict(reals(row, 3))
    known |= {f"{k}_dot": v for k, v in zip(row.inputs, moves(row), strict=True)}
    value, seed, back, pushed = torch_gives(row, known)
    known |= {k: np.asarray(v) for k, v in (row.data or {}).items()}
    known[f"{output}_bar"] = seed
    for way in (*TARGETS, "interpreter"):
        if way == "interpreter":
            found = by_interpreter(derivation, forward, known)
        else:
            found = by_code(derivation, forward, known, way)
        assert_allclose(found[output], value, 1e-11, 1e-11, err_msg=way)
        for k, wanted in zip(row.inputs, back, strict=True):
            assert_allclose(found[f"{k}_bar"], wanted, 1e-11, 1e-11, err_msg=f"{k}, {way}")
        assert_allclose((found[f"{output}_dot"] * seed).sum(), pushed, 1e-11, 1e-11, err_msg=way)
