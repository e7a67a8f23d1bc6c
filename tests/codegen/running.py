"""Runs generated functions and the interpreter on the same arrays, over many lengths."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from symgrad.codegen.generate import build_function
from symgrad.errors import SymgradError
from symgrad.interpreter import evaluate
from symgrad.ir.sizes import axes_of, length_of, solve_lengths
from symgrad.ir.terms import Size
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from symgrad.codegen.generate import Generated
    from symgrad.ir.equation import System, Tensor

TARGETS = ("numpy", "torch")


@cache
def system_of(text: str, options: tuple[tuple[str, Any], ...] = ()) -> System:
    return parse(text, name="case", internal=True, options=dict(options))


@cache
def code_of(text: str, target: str, options: tuple[tuple[str, Any], ...] = ()) -> Generated:
    return build_function(system_of(text, options), target)


def lengths_of(system: System, largest: int, most: int) -> Iterator[dict[str, int]]:
    """Yield lengths for all axes: all small ones, or some of them where they are many."""
    fixed = {a for a, _ in system.sizes}
    axes = dict.fromkeys([*system.axes, *(b for _, e in system.sizes for b in axes_of(e))])
    axes.update(dict.fromkeys(b for t in system.inputs for s in t.shape for b in axes_of(s)))
    axes.update(dict.fromkeys(t.limit for t in system.inputs if t.limit))
    free = [a for a in axes if a not in fixed]
    every = list(product(range(largest + 1), repeat=len(free)))
    rng = np.random.default_rng(len(every))
    chosen = rng.choice(len(every), min(len(every), most), replace=False)
    for at in chosen:
        known = dict(zip(free, every[at], strict=True))
        yield solve_lengths([(Size(a), e) for a, e in system.sizes], known)


def arrays_of(
    system: System, sizes: Mapping[str, int], rng: np.random.Generator, low: float = -1.0
) -> dict[str, Any] | None:
    """Return random arrays, None where there are none of these lengths."""
    arrays = {}
    for tensor in system.inputs:
        if tensor.default is None:
            array = _array(tensor, sizes, rng, low)
            if array is None:
                return None
            arrays[tensor.name] = array
    return arrays


def _array(tensor: Tensor, sizes: Mapping[str, int], rng: np.random.Generator, low: float) -> Any:
    lengths = [length_of(s, sizes) for s in tensor.shape]
    shape = [n for n in lengths if n is not None and n >= 0]
    if len(shape) < len(lengths):
        return None
    if tensor.kind == "index":
        limit = sizes[str(tensor.limit)]
        return rng.integers(0, max(limit, 1), shape) if limit or 0 in shape else None
    if tensor.kind == "int":
        return rng.integers(-3, 4, shape)
    if tensor.kind == "bool":
        return rng.random(shape) < 0.5
    return rng.random(shape) if tensor.kind == "uniform" else rng.uniform(low, 1, shape)


def run(
    code: Generated, target: str, arrays: Mapping[str, Any], sizes: Mapping[str, int]
) -> dict[str, Any]:
    """Return what a generated function returns, as arrays."""
    made = {
        k: torch.tensor(v) if target == "torch" and isinstance(v, np.ndarray) else v
        for k, v in arrays.items()
    }
    names = [n for n in code.forward_arguments if n in made or n in sizes]
    results = code.forward(*(made[n] if n in made else sizes[n] for n in names))
    results = results if isinstance(results, tuple) else (results,)
    return {k: np.asarray(r) for k, r in zip(code.forward_results, results, strict=True)}


def agree(
    text: str,
    *,
    largest: int = 3,
    most: int = 30,
    options: Mapping[str, Any] | None = None,
    smallest: int = 0,
    low: float = -1.0,
    targets: tuple[str, ...] = TARGETS,
) -> int:
    """Assert that the targets do what the interpreter does, errors included.

    Returns:
        How many arrays were compared.
    """
    chosen = tuple((options or {}).items())
    system = system_of(text, chosen)
    rng = np.random.default_rng(7)
    compared = 0
    for sizes in lengths_of(system, largest, most):
        if min(sizes.values(), default=1) < smallest and all(n >= 0 for n in sizes.values()):
            continue
        arrays = arrays_of(system, sizes, rng, low)
        if arrays is None:
            continue
        asked = code_of(text, "numpy", chosen).forward_arguments
        given = {a: n for a, n in sizes.items() if n >= 0 and a in asked}
        try:
            expected = evaluate(system, arrays, sizes=given)
        except SymgradError as error:
            _assert_refused(text, chosen, arrays, sizes, error)
            continue
        for target in targets:
            found = run(code_of(text, target, chosen), target, arrays, sizes)
            for name, value in expected.items():
                where = f"{name} on {target} with {sizes}\n{text}"
                assert found[name].shape == value.shape, where
                np.testing.assert_allclose(found[name], value, 1e-11, 1e-11, err_msg=where)
                compared += 1
    return compared


def _assert_refused(
    text: str,
    options: tuple[tuple[str, Any], ...],
    arrays: Mapping[str, Any],
    sizes: Mapping[str, int],
    error: SymgradError,
) -> None:
    for target in TARGETS:
        try:
            run(code_of(text, target, options), target, arrays, sizes)
        except (ValueError, IndexError, RuntimeError):
            continue
        raise AssertionError(f"{target} with {sizes} gives a value where there is none: {error}")
