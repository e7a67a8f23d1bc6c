"""Values respect the declared kind, whatever the pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgrad.verification.values import COTANGENTS, HUGE, KINDS, PATTERNS, values

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

EVERY = PATTERNS | HUGE | COTANGENTS

LAWS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "real": lambda a: a < np.inf,  # a mask is minus infinity
    "positive": lambda a: a > 0,
    "nonnegative": lambda a: a >= 0,
    "unit": lambda a: (a >= 0) & (a <= 1),
    "simplex": lambda a: (a >= 0) & (a.sum(axis=-1, keepdims=True) == 1),
    "symmetric": lambda a: a == a.swapaxes(-1, -2),
    "spd": lambda a: np.linalg.eigvalsh(a) > 0,
}


def test_every_real_kind_has_a_law() -> None:
    assert set(LAWS) == set(KINDS)


@pytest.mark.parametrize("pattern", [*PATTERNS, *HUGE])
@pytest.mark.parametrize("kind", LAWS)
@given(seed=st.integers(0, 100), size=st.integers(1, 5))
def test_values_are_of_their_kind(kind: str, pattern: str, seed: int, size: int) -> None:
    array = values(np.random.default_rng(seed), kind, (2, size, size), pattern)
    assert np.all(LAWS[kind](array))


def test_a_mask_hides_entries_and_whole_rows_and_only_of_real_numbers() -> None:
    rng = np.random.default_rng(0)
    hidden = np.isinf(values(rng, "real", (50, 3), "masked"))
    assert 0.2 < hidden.mean() < 0.6
    assert hidden.all(axis=-1).any()
    assert not hidden.any(axis=-1).all()
    assert np.isfinite(values(rng, "positive", (50, 3), "masked")).all()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_probabilities_sum_to_one_in_single_precision_too(pattern: str) -> None:
    rows = values(np.random.default_rng(1), "simplex", (4, 5), pattern).astype(np.float32)
    assert np.all(rows.sum(axis=-1) == np.float32(1))


@pytest.mark.parametrize("pattern", PATTERNS)
@given(limit=st.integers(1, 4))
def test_an_index_stays_below_its_limit(pattern: str, limit: int) -> None:
    found = values(np.random.default_rng(2), "index", (20,), pattern, limit)
    assert found.min() >= 0
    assert found.max() < limit


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0), (2, 3)])
def test_every_pattern_has_every_shape(name: str, shape: tuple[int, ...]) -> None:
    assert EVERY[name](np.random.default_rng(3), shape).shape == shape
