"""Torch's own operators against the equations, to second order in every mode."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from symgrad.ir.text import options_of, parse
from symgrad.layers.registry import LAYERS
from symgrad.verification.instances import Instance
from symgrad.verification.operators import PATHS, Operator, with_defaults
from symgrad.verification.strategies import drawn
from tests.layers.counterparts import TORCH
from tests.verification.upstream import IS_AFFECTED, MISSING, WRONG

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.torch

#: Every operator with every combination of its static options.
CASES = {
    f"{name}{list(values) or ''}": (name, dict(zip(options, values, strict=True)))
    for name in TORCH
    for options in (options_of(LAYERS[name].text),)
    for values in product(*options.values())
}

#: How many points for each path: every order costs more than the one below.
POINTS = {0: 4, 1: 3, 2: 1}
#: Some of the points that are drawn have entries of -inf: there torch's gradients may be nan.
_DRAWN = 12


def operator(name: str, options: Mapping[str, object]) -> Operator:
    """Return a torch function that takes no run-time scalars: torch has them as defaults."""
    system = LAYERS[name].system(**options)
    scalars = [t.default is not None for t in system.inputs]

    def function(*arguments: Any) -> Any:
        given = [a for a, scalar in zip(arguments, scalars, strict=True) if not scalar]
        return TORCH[name](*given, **options)

    return Operator(system, function)


@cache
def points(case: str) -> tuple[Instance, ...]:
    name, options = CASES[case]
    system = LAYERS[name].system(**options)
    found = drawn(system, _DRAWN, smooth=True, layouts=False, lengths=(2, 3, 1))
    finite = [p for p in found if all(np.isfinite(a).all() for a in p.inputs.values())]
    assert len(finite) >= max(POINTS.values())
    return tuple(map(with_defaults, finite))


#: What is wrong in this torch is in test_upstream_defects.py.
COMPARED = [
    pytest.param(case, path, id=f"{case}-{path or 'value'}")
    for case, (name, _) in CASES.items()
    for path in PATHS
    if not (IS_AFFECTED and path in (*WRONG.get(name, ()), *MISSING.get(name, ())))
]


@pytest.mark.parametrize(("case", "path"), COMPARED)
def test_torch_agrees_with_the_equations(case: str, path: str) -> None:
    name, options = CASES[case]
    for point in points(case)[-POINTS[len(path)] :]:
        outcome = operator(name, options).compare(point, path)
        assert not outcome.is_wrong, f"{outcome.detail}\n{point}"


@pytest.mark.parametrize(
    ("name", "path"), [(name, path) for name, paths in MISSING.items() for path in sorted(paths)]
)
def test_what_is_not_implemented_says_so(name: str, path: str) -> None:
    def compare() -> str:
        return operator(name, {}).compare(points(f"{name}")[-1], path).verdict

    if IS_AFFECTED:
        with pytest.raises(NotImplementedError, match="forward AD"):
            compare()
    else:
        assert compare() == "ok"


CUBE = parse("Y[n] = X[n]**3", name="cube")
POINT = Instance(CUBE, {"n": 2}, (), {"X": np.array([1.5, -2.0])}, {})


class Wrong(torch.autograd.Function):
    """A cube whose derivatives of order `order` and above are wrong, in reverse mode."""

    order = 1

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        return x**3

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], _: Any) -> None:
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, bar: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        # What is saved is taken for a constant: wrong from the second order on.
        return 3 * x.detach() ** 2 * bar if Wrong.order == 2 else 3 * x * bar


@pytest.mark.parametrize(("order", "right", "wrong"), [(1, [""], ["R"]), (2, ["", "R"], ["RR"])])
def test_a_wrong_derivative_is_noticed_at_its_order(
    order: int, right: list[str], wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wrong, "order", order)
    bad = Operator(CUBE, Wrong.apply)
    assert {bad.compare(POINT, path).verdict for path in right} == {"ok"}
    assert {bad.compare(POINT, path).verdict for path in wrong} == {"wrong"}


def test_a_wrong_value_is_noticed() -> None:
    outcome = Operator(CUBE, lambda x: x**3 * (1 + 1e-14)).compare(POINT, "")
    assert outcome.verdict == "wrong"
    assert "Y at (n=0)" in outcome.detail


@pytest.mark.parametrize("path", ["RRR", "FFF", "FRF", "RFFR"])
def test_higher_orders_are_compared_too(path: str) -> None:
    assert Operator(CUBE, lambda x: x**3).compare(POINT, path).verdict == "ok"
