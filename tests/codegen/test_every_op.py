"""Every operation on every target means what the interpreter says, float32 staying float32."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symgrad.codegen.generate import build_function
from symgrad.interpreter import evaluate
from symgrad.ir.kinds import tensor_kinds
from symgrad.ir.terms import Const
from symgrad.lowering.lower import lower
from symgrad.lowering.ops import Contract, Gather, Map, Reduce, Scatter
from symgrad.lowering.window_ops import Stack
from tests.codegen.cases import CASES, TABLES, arrays_for

if TYPE_CHECKING:
    from symgrad.codegen.generate import Generated

TARGETS = ("numpy", "torch")
TOLERANCE = {"float64": 1e-11, "float32": 2e-4}


@cache
def generated(name: str, target: str) -> Generated:
    return build_function(CASES[name].system, target)


#: What an array that holds no real numbers has for a type.
WHOLE = {"int": ("int32", "int64"), "index": ("int32", "int64"), "bool": ("bool",)}


def run(code: Generated, arrays: dict[str, Any], target: str, dtype: str) -> dict[str, np.ndarray]:
    """Run a generated function on arrays turned into the target's."""
    made = {k: convert(a, target, dtype) for k, a in arrays.items()}
    lengths = {k: a for k, a in arrays.items() if isinstance(a, int)}
    results = code.forward(
        *(made.get(n, lengths.get(n)) for n in code.forward_arguments if n in arrays)
    )
    results = results if isinstance(results, tuple) else (results,)
    return {k: np.asarray(r) for k, r in zip(code.forward_results, results, strict=True)}


def convert(array: Any, target: str, dtype: str) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    array = array.astype(dtype) if array.dtype.kind == "f" else array
    return torch.tensor(array) if target == "torch" else array


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_generated_code_means_what_the_interpreter_says(name: str, data: st.DataObject) -> None:
    case = CASES[name]
    system = case.system
    axes = sorted({*system.axes, *(t.limit for t in system.inputs if t.limit)})
    lengths = st.integers(case.smallest, 3)
    known = {a: int(e.value) for a, e in system.sizes if isinstance(e, Const)}
    sizes = {a: known[a] if a in known else data.draw(lengths, label=a) for a in axes}
    if any(sizes[t.limit] == 0 for t in system.inputs if t.limit):
        sizes = {a: max(s, 1) for a, s in sizes.items()}  # no index is below 0
    arrays = arrays_for(system, sizes, data.draw(st.integers(0, 2**16), label="seed"))
    expected = evaluate(system, arrays, sizes=sizes)
    kinds = tensor_kinds(system)
    for target, (dtype, tolerance) in product(TARGETS, TOLERANCE.items()):
        found = run(generated(name, target), arrays, target, dtype)
        for key, value in expected.items():
            where = f"{key} on {target} in {dtype}"
            assert found[key].dtype in (dtype, *WHOLE.get(kinds[key], ())), where
            assert kinds[key] not in WHOLE or found[key].dtype != dtype, where
            assert found[key].shape == np.shape(value), where
            np.testing.assert_allclose(found[key], value, tolerance, tolerance, err_msg=where)


@pytest.mark.parametrize(
    ("table", "op"),
    [
        ("contract", Contract),
        ("map", Map),
        ("reduce", Reduce),
        ("gather", Gather),
        ("scatter", Scatter),
        ("stack", Stack),
    ],
)
def test_the_cases_of_an_op_lower_to_it(table: str, op: type) -> None:
    made = [type(o) for name in TABLES[table] for o in lower(CASES[f"{table}: {name}"].system).ops]
    assert made.count(op) >= len(TABLES[table]) // 2
