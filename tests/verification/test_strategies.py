"""Strategies draw every legal call and no other, and shrink to what a reader can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import find, given, settings

from symgrad.ir.text import parse
from symgrad.verification.kinks import distance_from_kinks, kink_system
from symgrad.verification.layouts import EXPANDED, LAYOUTS
from symgrad.verification.strategies import KINK_DISTANCE, instances
from symgrad.verification.values import COTANGENTS, PATTERNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from symgrad.verification.instances import Instance

LINEAR = parse("Y[..., o] = sum[i](X[..., i] * W[o, i]) + b[o]", name="linear")
KINDS = parse(
    """
    X: real[n, c]
    A: positive[n, c]
    S: simplex[n, c]
    T: index(c)[n]
    M: bool[n, c]
    eps: positive = 1e-5
    Y[n, c] = where(M[n, c], X[n, c] * A[n, c] + S[n, c], X[n, T[n]] + eps)
    """,
    name="kinds",
)
RELU = parse("Y[n] = relu(X[n]) + maximum(X[n], Z[n])", name="kinked")
POOL = parse("Y[n] = max[k](X[n, k])", name="pool")


@given(instances(LINEAR))
def test_shapes_follow_from_lengths(instance: Instance) -> None:
    i, o, batch = instance.lengths["i"], instance.lengths["o"], instance.batch
    assert instance.inputs["X"].shape == (*batch, i)
    assert instance.inputs["W"].shape == (o, i)
    assert instance.cotangents["Y_bar"].shape == (*batch, o)


@given(instances(LINEAR))
def test_drawn_arrays_keep_their_values_in_every_layout(instance: Instance) -> None:
    for name, array in instance.arrays().items():
        assert np.array_equal(array, instance.inputs[name])
    for name, array in instance.seeds().items():
        assert np.array_equal(array, instance.cotangents[name])


@given(instances(KINDS))
def test_values_are_legal(instance: Instance) -> None:
    given = instance.inputs
    assert np.all(given["A"] > 0)
    assert np.all(given["S"].sum(axis=-1) == 1)
    assert given["M"].dtype == np.bool_
    assert given["T"].dtype.kind == "i"
    assert np.all(given["T"] < instance.lengths["c"])
    assert instance.lengths["c"] >= 1


def _drawn(predicate: Callable[[Instance], object], text: str = "") -> Instance:
    system = parse(text) if text else LINEAR
    return find(
        instances(system),
        lambda i: bool(predicate(i)),
        settings=settings(max_examples=3000, database=None),
    )


@pytest.mark.parametrize("rank", range(4))
def test_every_rank_of_the_batch_is_drawn(rank: int) -> None:
    assert _drawn(lambda i: i.rank == rank).rank == rank


def test_inputs_that_broadcast_are_drawn() -> None:
    text = "Y[..., k] = X[..., k] * g[..., k]"
    fewer = _drawn(lambda i: dict(i.own).get("g") == ("b1",) and min(i.batch) > 1, text)
    assert fewer.inputs["g"].shape == fewer.inputs["X"].shape[1:]
    short = _drawn(lambda i: dict(i.own).get("X") == ("b0", "1") and min(i.batch) > 1, text)
    assert short.inputs["X"].shape[1] == 1 < short.inputs["g"].shape[1]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 5])
def test_every_length_is_drawn(length: int) -> None:
    assert _drawn(lambda i: i.lengths["i"] == length).lengths["i"] == length


@pytest.mark.parametrize("layout", [*LAYOUTS[1:], EXPANDED])
@pytest.mark.parametrize("name", ["X", "Y_bar"])
def test_every_layout_is_drawn_for_inputs_and_cotangents(layout: str, name: str) -> None:
    assert _drawn(lambda i: i.layouts.get(name) == layout).layouts[name] == layout


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_is_drawn(pattern: str) -> None:
    assert f"X {pattern}" in _drawn(lambda i: f"X {pattern}" in i.notes).notes


@pytest.mark.parametrize("pattern", COTANGENTS)
def test_every_cotangent_is_drawn(pattern: str) -> None:
    assert f"Y_bar {pattern}" in _drawn(lambda i: f"Y_bar {pattern}" in i.notes).notes


def test_axes_may_be_of_equal_length_too() -> None:
    found = _drawn(lambda i: i.lengths["i"] == i.lengths["o"] > 1)
    assert found.lengths["i"] == found.lengths["o"]


def test_nothing_is_the_maximum_of_nothing() -> None:
    @given(instances(POOL))
    def run(instance: Instance) -> None:
        assert instance.lengths["k"] >= 1

    run()


def test_shrinks_to_one_entry_in_plain_memory() -> None:
    found = _drawn(lambda i: np.any(i.inputs["X"]) and np.any(i.inputs["W"]))
    assert found.rank == 0
    assert set(found.lengths.values()) == {1}
    assert set(found.layouts.values()) <= {"C"}
    assert found.inputs["X"].tolist() == [1.0]


def test_shrinks_to_the_smallest_shape_that_shows_a_transposition() -> None:
    found = _drawn(lambda i: i.lengths["i"] != i.lengths["o"])
    assert sorted(found.lengths.values()) == [1, 2]


@given(instances(RELU, smooth=True))
def test_smooth_points_keep_their_distance_from_kinks(instance: Instance) -> None:
    x, z = instance.inputs["X"], instance.inputs["Z"]
    distances = np.concatenate([np.abs(x), np.abs(x - z), [np.inf]])
    assert distances.min() > KINK_DISTANCE


def test_distance_from_kinks_is_that_of_the_nearest() -> None:
    kinks = kink_system(RELU)
    assert kinks is not None
    arrays = {"X": np.array([3.0, -2.0]), "Z": np.array([2.5, 9.0])}
    assert distance_from_kinks(kinks, arrays, {"n": 2}) == 0.5


def test_a_tie_in_a_maximum_is_a_kink() -> None:
    kinks = kink_system(POOL)
    assert kinks is not None
    apart, tie = np.array([[1.0, 5.0, 4.75]]), np.array([[1.0, 1.0, 0.0]])
    assert distance_from_kinks(kinks, {"X": apart}, {"n": 1, "k": 3}) == 0.25
    assert distance_from_kinks(kinks, {"X": tie}, {"n": 1, "k": 3}) == 0


def test_a_smooth_system_has_no_kinks() -> None:
    assert kink_system(LINEAR) is None


@given(instances(LINEAR, dtype="float32", huge=True))
def test_dtypes_are_as_asked(instance: Instance) -> None:
    arrays = {**instance.inputs, **instance.cotangents}
    assert {a.dtype.name for a in arrays.values()} == {"float32"}
    finite = [np.abs(a[np.isfinite(a)]) for a in arrays.values()]  # a mask is -inf
    assert max(a.max(initial=0) for a in finite) <= 1.1e4


@given(instances(LINEAR, odd=True, lengths=(2, 3, 1)))
def test_odd_instances_lie_in_no_plain_memory(instance: Instance) -> None:
    assert instance.rank >= 2
    assert "C" not in instance.layouts.values()
    assert set(instance.layouts) == {"X", "W", "b", "Y_bar"}


@given(instances(LINEAR, wide=True, lengths=(3, 5), layouts=False))
def test_wide_instances_are_log_uniform(instance: Instance) -> None:
    assert all(note.endswith("log-uniform") for note in instance.notes)
    assert set(instance.layouts.values()) <= {"C"}
