"""Layouts change where values lie, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.verification.layouts import EXPANDED, LAYOUTS, with_layout

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(shape=SHAPES)
def test_values_stay(layout: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape)
    assert np.array_equal(with_layout(array, layout), array)


@pytest.mark.parametrize("layout", [*LAYOUTS, EXPANDED])
def test_the_memory_is_new_and_may_be_written(layout: str) -> None:
    array = np.ones((3, 2, 4))
    found = with_layout(array, layout)
    assert not np.shares_memory(found, array)
    assert found.flags.writeable


@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_every_layout_but_the_first_is_not_contiguous(layout: str) -> None:
    assert not with_layout(np.ones((3, 2, 4)), layout).flags.c_contiguous


def test_expanded_has_stride_zero() -> None:
    array = np.broadcast_to(np.arange(3.0), (4, 3))
    found = with_layout(array, EXPANDED)
    assert found.strides[0] == 0
    assert np.array_equal(found, array)


def test_the_gaps_of_a_sliced_array_are_poisoned() -> None:
    base = with_layout(np.ones((2, 3)), "sliced").base
    assert base is not None
    assert np.isnan(base).sum() == base.size - 6
