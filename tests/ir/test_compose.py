"""Composition joins the right axes and no others, and does not depend on grouping."""

from __future__ import annotations

from itertools import count, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symgrad.errors import CompositionError
from symgrad.interpreter import evaluate
from symgrad.ir.compose import compose
from symgrad.ir.equation import System
from symgrad.ir.rename import rename_system
from symgrad.ir.terms import BATCH, Const
from symgrad.ir.text import parse
from symgrad.layers.registry import get

if TYPE_CHECKING:
    from collections.abc import Sequence

LINEAR = get("linear")
ELEMENTWISE = ("relu", "sigmoid", "tanh", "softmax", "log_softmax")


@st.composite
def chains(draw: st.DrawFn, least: int = 1) -> list[System]:
    """Draw parts that fit: linear maps with fitting lengths or none, and maps of a row."""
    parts: list[System] = []
    length = draw(st.integers(1, 5))
    for _ in range(draw(st.integers(least, 6))):
        if draw(st.booleans()):
            after = draw(st.integers(1, 5))
            parts.append(LINEAR(length, after))
            length = after
        else:
            parts.append(get(draw(st.sampled_from(ELEMENTWISE))).system())
    return parts


def canonical(system: System) -> System:
    """Rename tensors and axes by order of appearance, so that only structure is left."""
    numbers = count()
    names = {n: f"T{next(numbers)}" for n in [t.name for t in system.inputs] + [*system.defined]}
    axes = {a: f"a{k}" for k, a in enumerate(a for a in system.axes if a != BATCH)}
    renamed = rename_system(system, names, axes)
    return System(
        "",
        renamed.inputs,
        renamed.equations,
        renamed.outputs,
        renamed.params,
        tuple(sorted(renamed.sizes)),
    )


@given(chains(least=3), st.data())
def test_composition_is_associative_up_to_names(parts: list[System], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(parts) - 1))
    flat = canonical(compose(*parts))
    for nested in (
        compose(compose(*parts[:cut], name="a"), *parts[cut:]),
        compose(*parts[:cut], compose(*parts[cut:], name="b")),
        compose(compose(*parts[:cut], name="a"), compose(*parts[cut:], name="b")),
    ):
        assert canonical(nested) == flat


@given(chains())
def test_only_joints_unify_axes(parts: list[System]) -> None:
    system = compose(*parts)
    lengths = [p.sizes for p in parts if p.sizes]
    weights = [system.tensor(p) for p in system.params if p.endswith("W")]
    assert len({a for w in weights for a in w.axes}) == len(lengths) + bool(lengths)
    for before, after in pairwise(weights):
        assert before.axes[0] == after.axes[1]
        assert before.axes[1] not in after.axes


@given(chains(), st.lists(st.integers(0, 3), max_size=2), st.integers(0, 2**32 - 1))
def test_a_composition_computes_the_parts_in_turn(
    parts: list[System], batch: list[int], seed: int
) -> None:
    system = compose(*parts)
    rng = np.random.default_rng(seed)
    features = next((int(_number(p)) for p in parts if p.sizes), 3)
    x = rng.standard_normal((*batch, features))
    sizes = {a: int(e.value) for a, e in system.sizes if isinstance(e, Const)}
    arrays = {
        name: rng.standard_normal([sizes[a] for a in system.tensor(name).axes])
        for name in system.params
    }
    found = evaluate(system, {"X": x, **arrays})[system.outputs[0]]
    rest = list(arrays.values())
    for part in parts:
        own = {name: rest.pop(0) for name in part.params}
        x = evaluate(part, {"X": x, **own})[part.outputs[0]]
    np.testing.assert_allclose(found, x, rtol=1e-12, atol=1e-14)


def _number(part: System) -> int:
    length = dict(part.sizes)["i"]
    assert isinstance(length, Const)
    return int(length.value)


@pytest.mark.torch
def test_a_composed_mlp_equals_the_sequential_of_torch() -> None:
    torch.manual_seed(0)
    modules = torch.nn.Sequential(
        torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3), torch.nn.Softmax(dim=-1)
    ).double()
    system = compose(LINEAR(7, 5), get("relu"), LINEAR(5, 3), get("softmax"))
    x = torch.randn(4, 7, dtype=torch.float64)
    weights = [p.detach().numpy() for p in modules.parameters()]
    arrays = {"X": x.numpy(), **dict(zip(system.params, weights, strict=True))}
    found = evaluate(system, arrays)[system.outputs[0]]
    np.testing.assert_allclose(found, modules(x).detach().numpy(), rtol=1e-12)


def test_parts_are_prefixed_and_stay_together() -> None:
    system = compose(
        ("fc1", LINEAR(784, 128)), ("act", get("relu")), ("loss", get("cross_entropy"))
    )
    assert [t.name for t in system.inputs] == ["X", "fc1.W", "fc1.b", "T"]
    assert system.params == ("fc1.W", "fc1.b")
    assert system.defined == ("fc1.Y", "act.Y", "loss.E", "loss.Z", "loss.P", "loss.L")
    assert system.outputs == ("loss.L",)
    assert dict(system.sizes).keys() == {"i", "o"}
    assert system.tensor("T").limit == "o"


def test_repeated_systems_are_numbered() -> None:
    assert compose(LINEAR, get("relu"), LINEAR).params == (
        "linear1.W",
        "linear1.b",
        "linear2.W",
        "linear2.b",
    )


def test_more_layers_than_letters_still_have_distinct_axes() -> None:
    system = compose(*[LINEAR] * 40)
    axes = {a for p in system.params for a in system.tensor(p).axes}
    assert len(axes) == 41
    read = parse(str(system), params=system.params, internal=True)
    assert read.equations == system.equations


def test_inputs_of_two_parts_with_one_name_are_told_apart() -> None:
    gate = parse("Y[..., d] = X[..., d] * M[d]", name="gate")
    assert [t.name for t in compose(gate, gate).inputs] == ["X", "gate1.M", "gate2.M"]


def test_further_outputs_of_a_part_stay_outputs() -> None:
    both = parse("Y[...] = 2 * X[...]\nQ[...] = X[...] ** 2\nreturn Y, Q", name="both")
    assert compose(both, both).outputs == ("both2.Y", "both2.Q", "both1.Q")


@pytest.mark.parametrize(
    ("parts", "shape"),
    [
        ((get("relu"), LINEAR), ("...", "i")),  # the rank of the second part is carried back
        ((LINEAR, parse("Y[m, o] = 2 * X[m, o]", name="double")), ("m", "i")),
        ((parse("Y[m, o] = 2 * X[m, o]", name="double"), LINEAR), ("m", "o")),
        ((parse("Y[m, q, o] = 2 * X[m, q, o]", name="double"), get("softmax")), ("m", "q", "o")),
    ],
)
def test_batch_axes_take_the_rank_of_the_joint(
    parts: Sequence[System], shape: tuple[str, ...]
) -> None:
    assert compose(*parts).inputs[0].axes == shape


@pytest.mark.parametrize(
    ("parts", "given", "fix"),
    [
        ((), "no part", "compose("),
        ((LINEAR(4, 3), LINEAR(5, 2)), "size[o] = 3", "same length"),
        ((("a", LINEAR), ("a", LINEAR)), "'a', 2 time(s)", "name the parts"),
        ((("no name", LINEAR),), "'no name'", "name the parts"),
        ((get("cross_entropy"), LINEAR), "cross_entropy.L", "changes the rank"),
        ((parse("Y[m] = X[m]"), parse("Y[p, q] = X[p, q]")), "Y[m]", "changes the rank"),
        ((LINEAR, parse("T: index(v)[m]\nY[m, d] = W[T[m], d]", params=["W"])), "T", "first one"),
        (
            (parse("Y[p, q] = X[p, q]"), parse("Y[i] = X[i, i]")),
            "[p, q]",
            "as one System",
        ),
    ],
)
def test_parts_that_do_not_fit_are_an_error(parts: Sequence[System], given: str, fix: str) -> None:
    with pytest.raises(CompositionError) as caught:
        compose(*parts)
    row = caught.value.as_dict()
    assert given in str(row["given"]) or given in str(row["where"])
    assert fix in str(row["fix"])
