"""What is refused before anything is computed, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

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

ROWS = parse("P: simplex[..., c]\nL[...] = -sum[c](P[..., c] * X[..., c])", name="rows")
FORM = parse("A: symmetric[i, i]\nY = sum[i, j](A[i, j] * x[i] * x[j])", name="form")
METRIC = parse("A: spd[n, i, i]\nY[n] = sum[i](A[n, i, i])", name="metric")
NOISE = parse("U: uniform[n]\nV: nonnegative[n]\nY[n] = U[n] * V[n] * X[n]", name="noise")
TOP = parse("Y[n] = max[k](X[n, k])", name="top")

ones = np.ones
nan = float("nan")


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


#: System, arrays, class of the error.
MISUSES: list[tuple[Any, dict[str, Any], type[SymgradError]]] = [
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
    (MASK, {"X": ["a", "b"], "M": [True, False]}, errors.DTypeError),
    (MASK, {"X": [[1.0], [1.0, 2.0]], "M": [True, False]}, errors.DTypeError),
    (MASK, {"X": np.array([1.0, None]), "M": [True, False]}, errors.DTypeError),
    (MASK, {"X": np.array([1.0, 1j], object), "M": [True, False]}, errors.DTypeError),
    (MASK, {"X": ones(2, bool), "M": [True, False]}, errors.DTypeError),
    (MASK, {"X": None, "M": [True, False]}, errors.InputError),
    (GATHER, {"T": np.array([0, 2**64]), "X": ones((2, 3))}, errors.DTypeError),
    (GATHER, {"T": np.array([0, 2**63], np.uint64), "X": ones((2, 3))}, errors.IndexRangeError),
    (GATHER, {"T": [0, 0], "X": ones((2, 0))}, errors.IndexRangeError),
    (NOISE, {"U": ones(2) + 1e-9, "V": ones(2), "X": ones(2)}, errors.DomainError),
    (NOISE, {"U": ones(2), "V": -ones(2), "X": ones(2)}, errors.DomainError),
    (NOISE, {"U": ones(2), "V": [nan, -1.0], "X": ones(2)}, errors.DomainError),
    (ROWS, {"P": [0.5, 0.6], "X": ones(2)}, errors.DomainError),
    (ROWS, {"P": [1.5, -0.5], "X": ones(2)}, errors.DomainError),
    (ROWS, {"P": [[0.5, 0.5], [0.5, 0.4]], "X": ones((2, 2))}, errors.DomainError),
    (ROWS, {"P": ones(0), "X": ones(0)}, errors.DomainError),
    (ROWS, {"P": 1.0, "X": ones(1)}, errors.ShapeError),
    (FORM, {"A": [[1.0, 2.0], [2.1, 1.0]], "x": ones(2)}, errors.DomainError),
    (FORM, {"A": ones((2, 3)), "x": ones(2)}, errors.ShapeError),
    (METRIC, {"A": [[[1.0, 2.0], [2.0, 1.0]]]}, errors.DomainError),
    (METRIC, {"A": [[[1.0, 0.5], [0.4, 1.0]]]}, errors.DomainError),
    (METRIC, {"A": np.zeros((1, 2, 2))}, errors.DomainError),
    (TOP, {"X": ones((2, 0))}, errors.EmptyReductionError),
]


@pytest.mark.parametrize(("system", "arrays", "kind"), MISUSES)
def test_bad_calls_are_refused(
    system: Any, arrays: dict[str, Any], kind: type[SymgradError]
) -> None:
    with pytest.raises(kind, match=kind.code) as caught:
        evaluate(system, arrays)
    assert type(caught.value) is kind
    assert caught.value.fix


@pytest.mark.parametrize(
    ("system", "arrays"),
    [
        (ROWS, {"P": np.full((3, 10), 0.1), "X": ones((3, 10))}),
        (ROWS, {"P": np.full(1000, 1e-3, np.float32), "X": ones(1000, np.float32)}),
        (ROWS, {"P": np.full(7, 1 / 7, np.float32).astype(float), "X": ones(7)}),
        (ROWS, {"P": [0.0, 1.0], "X": ones(2)}),
        (ROWS, {"P": ones((0, 2)), "X": ones((0, 2))}),
        (FORM, {"A": [[1.0, 0.1 + 0.2], [0.3, 1.0]], "x": ones(2)}),
        (FORM, {"A": ones((0, 0)), "x": ones(0)}),
        (METRIC, {"A": np.array([[[1e8, 1e4], [1e4, 2.0]]])}),
        (METRIC, {"A": np.full((1, 2, 2), nan)}),
        (NOISE, {"U": [0.0, 1.0], "V": [0.0, nan], "X": ones(2)}),
    ],
)
def test_values_of_a_domain_are_accepted(system: Any, arrays: dict[str, Any]) -> None:
    evaluate(system, arrays)


def test_arrays_are_read_whatever_their_layout_and_never_written_to() -> None:
    held = np.arange(24.0).reshape(4, 6)
    views = {"X": held[::2, ::-3], "W": held[1:, :2]}
    expected = evaluate(LINEAR, {n: v.copy() for n, v in views.items()})["Y"]
    held.flags.writeable = False
    for view in views.values():
        view.flags.writeable = False
    found = evaluate(LINEAR, views, everything=True)
    assert np.array_equal(found["Y"], expected)
    assert found["X"].flags.writeable
    assert not np.shares_memory(found["X"], held)


@pytest.mark.parametrize("make", [float, np.array, np.float64])
def test_a_scalar_may_be_an_array_of_no_axes(make: Any) -> None:
    found = evaluate(SCALAR, {"X": ones(2), "p": make(0.5), "t": np.array(1)})["Y"]
    assert found.tolist() == [0.5e-5] * 2


@pytest.mark.parametrize("length", [-1, 1.5, True, "3"])
def test_lengths_that_are_given_are_whole_numbers(length: Any) -> None:
    with pytest.raises(errors.ShapeError, match="at least 0"):
        evaluate(parse("Y[n] = a", internal=True), {"a": 2.0}, sizes={"n": length})


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1), (2, 3), (5, 2, 3), (4, 1, 1, 1), (0, 1)])
@pytest.mark.parametrize("other", [(), (1, 3), (2, 3), (1, 1, 1)])
def test_batch_axes_broadcast_as_in_numpy(shape: tuple[int, ...], other: tuple[int, ...]) -> None:
    system = parse("Y[..., o] = sum[i](X[..., i] * Z[..., i] * W[o, i])\nM = mean[...](X[..., 0])")
    rng = np.random.default_rng(2)
    x, z, w = rng.random((*shape, 2)), rng.random((*other, 2)), rng.random((4, 2))
    try:
        expected = (x * z) @ w.T
    except ValueError:
        with pytest.raises(errors.ShapeError, match="broadcasts"):
            evaluate(system, {"X": x, "Z": z, "W": w})
        return
    found = evaluate(system, {"X": x, "Z": z, "W": w}, everything=True)
    assert_allclose(found["Y"], expected, strict=True)
    assert found["X"].shape == x.shape
    if expected.size:
        assert_allclose(found["M"], x[..., 0].mean())


def test_batch_axes_that_do_not_broadcast_are_refused() -> None:
    system = parse("Y[...] = X[...] * Z[...]")
    with pytest.raises(errors.ShapeError, match=r"broadcasts to \(2, 3\)"):
        evaluate(system, {"X": ones((2, 3)), "Z": ones((3, 2))})


def test_lengths_that_no_array_shows_can_be_given() -> None:
    system = parse("Y[n] = a", internal=True)
    assert evaluate(system, {"a": 2.0}, sizes={"n": 3})["Y"].tolist() == [2.0] * 3
    with pytest.raises(errors.ShapeError, match="sizes="):
        evaluate(system, {"a": 2.0})


def test_whole_python_numbers_are_real() -> None:
    assert evaluate(parse("Y[n] = X[n] / 2"), {"X": [1, 2]})["Y"].tolist() == [0.5, 1.0]
