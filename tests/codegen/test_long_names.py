"""Long names make long lines, which are split; that changes no meaning."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

from symgrad.codegen.generate import build_function
from symgrad.ir.text import parse

FIRST = "the_first_of_two_tensors_with_a_name_that_is_long"
SECOND = "the_second_of_two_tensors_with_a_name_that_is_long"
ORDERS = ["".join(p) for p in permutations("bkj")]
RESULTS = ["".join(p) for p in permutations("bij")]


def as_input(array: Any, target: str) -> Any:
    if target == "numpy":
        return array
    import torch  # noqa: PLC0415 (only the cases of torch need it)

    return torch.from_numpy(array)


@pytest.mark.parametrize("target", ["numpy", pytest.param("torch", marks=pytest.mark.torch)])
@pytest.mark.parametrize("second", ORDERS)
def test_a_product_with_long_names_is_that_of_einsum(second: str, target: str) -> None:
    rng = np.random.default_rng(0)
    lengths = dict.fromkeys("bijk", 2)  # equal, or a wrong shape would give it away
    left = rng.normal(size=[lengths[x] for x in "bik"])
    right = rng.normal(size=[lengths[x] for x in second])
    for result in RESULTS:
        terms = f"{FIRST}[b, i, k] * {SECOND}[{', '.join(second)}]"
        system = parse(f"Y[{', '.join(result)}] = sum[k]({terms})", name="product")
        made = build_function(system, target)
        found = np.asarray(made.forward(as_input(left, target), as_input(right, target)))
        wanted = np.einsum(f"bik,{second}->{result}", left, right)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
