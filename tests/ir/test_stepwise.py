"""A recurrence written out step by step is the same function, at every length of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from symgrad.autodiff.derive import derive
from symgrad.errors import UnsupportedError
from symgrad.interpreter import evaluate
from symgrad.ir.check import time_slots
from symgrad.ir.sizes import length_of
from symgrad.ir.stepwise import stepwise, time_axes
from symgrad.ir.text import parse
from tests.autodiff.test_recurrences import LENGTHS, TEXTS

if TYPE_CHECKING:
    from symgrad.ir.equation import System


def drawn(system: System, sizes: dict[str, int]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for tensor in system.inputs:
        shape = [length_of(s, sizes) or 0 for s in tensor.shape]
        whole = not tensor.is_real
        arrays[tensor.name] = rng.integers(0, 4, shape) if whole else rng.normal(size=shape)
    return arrays


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
@pytest.mark.parametrize("side", ["system", "backward"])
@pytest.mark.parametrize("name", TEXTS)
def test_it_is_the_same_function(name: str, side: str, steps: int) -> None:
    text, options = TEXTS[name]
    derivation = derive(parse(text, options=options))
    system: System = getattr(derivation, side)
    axes = time_axes([derivation.system, derivation.backward])
    sizes = {**LENGTHS, **dict.fromkeys(axes, steps)}
    written = stepwise(system, dict.fromkeys(axes, steps))
    assert not time_slots(written.equations)
    assert all(e.is_main for e in written.equations)
    arrays = drawn(system, sizes)
    for output, value in evaluate(system, arrays, sizes=sizes).items():
        if steps:
            found = evaluate(written, arrays, sizes=sizes)[output]
            np.testing.assert_allclose(found, value, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("size[t] = 3\nH[t] = H[t-1] * X[t]\nH[-1] = 1", "size"),
        ("H[t] = where(t > k, H[t-1], X[t])\nk: int", "H"),
    ],
)
def test_what_cannot_be_written_out_is_refused(text: str, given: str) -> None:
    with pytest.raises(UnsupportedError, match=given):
        stepwise(parse(text), {"t": 2})


def test_a_system_without_time_stays_as_it_is() -> None:
    system = parse("Y[n] = X[n] ** 2")
    assert time_axes([system]) == ()
    assert stepwise(system, {}) == system
