"""What is refused before anything is computed, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from symgrad import errors
from symgrad.interpreter import bind_sizes, evaluate
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from symgrad.errors import SymgradError

LINEAR = parse("Y[..., o] = sum[i](X[..., i] * W[o, i])", name="linear")
GATHER = parse("T: index(c)[n]\nL[n] = X[n, T[n]]", name="gather")
GROUPS = parse("X: real[n, (g, c)]\nsize[g] = 2\nY[n, g] = sum[c](X[n, (g, c)])", name="groups")
WINDOW = parse(
    "X: real[y]\nsize[h] = (size[y] - 3) // 2 + 1\nY[h] = X[2*h] + X[2*h+2]", name="window"
)
SCALAR = parse(
    "eps: positive = 1e-5\np: unit = 0.5\nt: int = 0\nY[n] = X[n] * eps * p * t", name="s"
)
MASK = parse("M: bool[n]\nY[n] = where(M[n], X[n], 0)", name="mask")

ones = np.ones


@pytest.mark.parametrize(
    ("system", "arrays", "sizes"),
    [
        (LINEAR, {"X": ones((2, 3, 4)), "W": ones((5, 4))}, {"...": 6, "i": 4, "o": 5}),
        (LINEAR, {"X": ones(4), "W": ones((5, 4))}, {"...": 1, "i": 4, "o": 5}),
        (LINEAR, {"X": ones((0, 0)), "W": ones((5, 0))}, {"...": 0, "i": 0, "o": 5}),
        (GATHER, {"T": [0, 1], "X": ones((2, 3))}, {"n": 2, "c": 3}),
        (GROUPS, {"X": ones((1, 6))}, {"n": 1, "g": 2, "c": 3}),
        (WINDOW, {"X": ones(8)}, {"y": 8, "h": 3}),
        (SCALAR, {"X": ones(2)}, {"n": 2}),
    ],
)
def test_sizes_are_bound(system: Any, arrays: dict[str, Any], sizes: dict[str, int]) -> None:
    assert bind_sizes(system, arrays) == sizes


@pytest.mark.parametrize(
    ("system", "arrays", "kind"),
    [
        (LINEAR, {"X": ones((2, 4))}, errors.InputError),
        (LINEAR, {"X": ones((2, 4)), "W": ones((5, 4)), "b": ones(5)}, errors.InputError),
        (LINEAR, {"X": ones((2, 4)), "W": ones((5, 3))}, errors.ShapeError),
        (LINEAR, {"X": ones((2, 4)), "W": ones(4)}, errors.ShapeError),
        (LINEAR, {"X": 1.0, "W": ones((5, 4))}, errors.ShapeError),
        (LINEAR, {"X": ones((2, 4)), "W": ones((5, 4), np.float32)}, errors.DTypeError),
        (LINEAR, {"X": ones((2, 4)), "W": ones((5, 4), complex)}, errors.DTypeError),
        (LINEAR, {"X": ones((2, 4)), "W": ones((5, 4), int)}, errors.DTypeError),
        (GATHER, {"T": [0, 3], "X": ones((2, 3))}, errors.IndexRangeError),
        (GATHER, {"T": [0, -1], "X": ones((2, 3))}, errors.IndexRangeError),
        (GATHER, {"T": [0.0, 1.0], "X": ones((2, 3))}, errors.DTypeError),
        (GATHER, {"T": [0], "X": ones((2, 3))}, errors.ShapeError),
        (GROUPS, {"X": ones((1, 5))}, errors.DivisibilityError),
        (WINDOW, {"X": ones(0)}, errors.ShapeError),
        (SCALAR, {"X": ones(2), "eps": 0.0}, errors.DomainError),
        (SCALAR, {"X": ones(2), "p": 1.5}, errors.DomainError),
        (SCALAR, {"X": ones(2), "t": 1.5}, errors.DTypeError),
        (SCALAR, {"X": ones(2), "eps": ones(1)}, errors.ShapeError),
        (MASK, {"X": ones(2), "M": [0, 1]}, errors.DTypeError),
    ],
)
def test_bad_calls_are_refused(
    system: Any, arrays: dict[str, Any], kind: type[SymgradError]
) -> None:
    with pytest.raises(kind, match=kind.code) as caught:
        evaluate(system, arrays)
    assert type(caught.value) is kind
    assert caught.value.fix


def test_batch_axes_have_the_same_lengths_everywhere() -> None:
    system = parse("Y[...] = X[...] * Z[...]")
    with pytest.raises(errors.ShapeError, match="as in X"):
        evaluate(system, {"X": ones((2, 3)), "Z": ones((3, 2))})


def test_lengths_that_no_array_shows_can_be_given() -> None:
    system = parse("Y[n] = a", internal=True)
    assert evaluate(system, {"a": 2.0}, sizes={"n": 3})["Y"].tolist() == [2.0] * 3
    with pytest.raises(errors.ShapeError, match="sizes="):
        evaluate(system, {"a": 2.0})


def test_whole_python_numbers_are_real() -> None:
    assert evaluate(parse("Y[n] = X[n] / 2"), {"X": [1, 2]})["Y"].tolist() == [0.5, 1.0]
