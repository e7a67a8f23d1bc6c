"""At kinks and ties a gradient is what the chosen convention says; values do not depend on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symgrad.autodiff.derive import derive
from symgrad.codegen.generate import build
from symgrad.errors import OptionError
from symgrad.ir.conventions import CONVENTIONS, with_conventions
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.text import parse
from symgrad.rewriting.equality import equivalent

POOL = "X: real[n, y]\nsize[p] = 2\nsize[h] = size[y] // 2\nY[n, h] = max[p](X[n, 2 * h + p]{ties})"
FIRST = POOL.format(ties=', ties="first"')
TIED = {"X": [[1.0, 1.0, 2.0, 3.0]]}
#: A text, its input, and the gradient of the sum of its output by each convention.
CASES: list[tuple[str, dict[str, Any], dict[str, list[float]]]] = [
    ("Y[n] = relu(X[n])", {"X": [0.0, 1.0, -1.0]},
     {"torch": [0, 1, 0], "jax": [0, 1, 0], "share": [0.5, 1, 0]}),
    ("Y[n] = maximum(X[n], 0)", {"X": [0.0, 1.0, -1.0]},
     {"torch": [0.5, 1, 0], "jax": [0.5, 1, 0], "share": [0.5, 1, 0]}),
    ("Y[n] = abs(X[n])", {"X": [0.0, 1.0, -1.0]},
     {"torch": [0, 1, -1], "jax": [0, 1, -1], "share": [0, 1, -1]}),
    (FIRST, TIED,
     {"torch": [1, 0, 0, 1], "jax": [0.5, 0.5, 0, 1], "share": [0.5, 0.5, 0, 1]}),
    (POOL.format(ties=""), TIED,
     {"torch": [0.5, 0.5, 0, 1], "jax": [0.5, 0.5, 0, 1], "share": [0.5, 0.5, 0, 1]}),
]  # fmt: skip


@pytest.mark.parametrize("target", ["numpy", "torch"])
@pytest.mark.parametrize("conventions", CONVENTIONS)
@pytest.mark.parametrize(("text", "inputs", "wanted"), CASES)
def test_the_gradient_is_that_of_the_convention(
    text: str, inputs: dict[str, Any], wanted: dict[str, list[float]], conventions: str, target: str
) -> None:
    made = build(derive(parse(text, name="case"), conventions=conventions), target)
    known: dict[str, Any] = {n: np.array(a) for n, a in inputs.items()}
    if target == "torch":
        torch = pytest.importorskip("torch")
        known = {n: torch.tensor(a) for n, a in known.items()}
    found = made.forward(*(known[n] for n in made.forward_arguments))
    found = found if isinstance(found, tuple) else (found,)
    known |= dict(zip(made.forward_results, found, strict=True))
    known["Y_bar"] = known["Y"] * 0 + 1
    known |= {"y": 4}
    assert made.vjp is not None
    bars = made.vjp(*(known[n] for n in made.vjp_arguments))
    assert np.asarray(bars).ravel().tolist() == wanted[conventions]


@pytest.mark.parametrize("conventions", CONVENTIONS)
def test_values_do_not_depend_on_it(conventions: str) -> None:
    for text, *_ in CASES:
        system = parse(text)
        assert equivalent(system, with_conventions(system, conventions))


def test_what_shares_a_kink_is_the_same_function() -> None:
    rows = [row for row in FUNCTIONS.values() if row.shared]
    assert rows
    for row in rows:
        assert row.kinks
        assert equivalent(f"{row.name}(x)", row.shared)


def test_an_unknown_convention_is_an_error() -> None:
    with pytest.raises(OptionError, match="torch, jax, share"):
        derive(parse("Y[n] = relu(X[n])"), conventions="theano")
