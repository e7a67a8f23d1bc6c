"""Arrays whose axes are labelled by indices, for the exact evaluation of Systems.

In: NumPy arrays with one leading axis of draws. Out: the same, aligned, added and multiplied modulo
a prime. The module knows no terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.ir.terms import Index

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Labelled:
    """An array over draws and labelled axes.

    Attributes:
        data: Shape (draws or 1, one length for each label).
        axes: The labels.
        ok: Where the value is defined, in the shape of `data`; None means everywhere.
    """

    data: Array
    axes: tuple[Index, ...] = ()
    ok: NDArray[np.bool_] | None = None


def scalar(value: float) -> Labelled:
    """Return a number as an array without axes."""
    return Labelled(np.array([value]))


def all_axes(values: Sequence[Labelled]) -> tuple[Index, ...]:
    """Return the labels of all values, each once."""
    first = values[0].axes
    if all(v.axes == first for v in values):
        return first
    return tuple(dict.fromkeys(a for v in values for a in v.axes))


def spread(array: Array, labels: tuple[Index, ...], axes: tuple[Index, ...]) -> Array:
    """Return an array with its axes in the order of `axes`, missing ones of length 1."""
    if labels == axes:
        return array
    order = [labels.index(a) for a in axes if a in labels]
    moved = array.transpose(0, *(k + 1 for k in order))
    lengths = iter(moved.shape[1:])
    return moved.reshape(array.shape[0], *(next(lengths) if a in labels else 1 for a in axes))


def align(*values: Labelled) -> tuple[tuple[Index, ...], list[Array], NDArray[np.bool_] | None]:
    """Return the common labels, the arrays over them, and where all of them are defined."""
    axes = all_axes(values)
    arrays = [spread(v.data, v.axes, axes) for v in values]
    ok = None
    for v in values:
        if v.ok is not None:
            mine = spread(v.ok, v.axes, axes)
            ok = mine if ok is None else ok & mine
    return axes, arrays, ok


def both(first: Any, second: Any) -> Any:
    """Return where two definedness masks hold; None means everywhere."""
    if first is None:
        return second
    return first if second is None else first & second


def select(condition: Labelled, then: Labelled, otherwise: Labelled) -> Labelled:
    """Return one of two values at each point; the one not taken need not be defined."""
    axes, (c, a, b), _ = align(condition, then, otherwise)
    c = c != 0
    ok = None if condition.ok is None else spread(condition.ok, condition.axes, axes)
    if then.ok is not None or otherwise.ok is not None:
        good = [np.True_ if v.ok is None else spread(v.ok, v.axes, axes) for v in (then, otherwise)]
        ok = both(ok, np.where(c, good[0], good[1]))
    return Labelled(np.where(c, a, b), axes, ok)


def read(
    tensor: Labelled,
    indices: tuple[Index, ...] | None,
    positions: Sequence[Labelled],
    outside: Labelled | None,
) -> Labelled:
    """Return the elements of an unlabelled tensor.

    Args:
        tensor: The tensor; its axes carry no labels.
        indices: The labels, if the positions are distinct plain indices; else None.
        positions: Integer arrays, one for each axis, if they are not.
        outside: What a read out of range gives; None makes it undefined.
    """
    if indices is not None:
        return Labelled(tensor.data, indices, tensor.ok)
    axes, places, ok = align(*positions)
    inside: Array = np.array(True)
    clipped = []
    for place, length in zip(places, tensor.data.shape[1:], strict=True):
        inside = inside & (place >= 0) & (place < length)
        clipped.append(np.clip(place, 0, max(length - 1, 0)))
    data, known = np.broadcast_arrays(tensor.data, True if tensor.ok is None else tensor.ok)
    if 0 in data.shape[1:]:  # nothing is inside; something must be there to index
        grow = [(0, 0), *((0, int(n == 0)) for n in data.shape[1:])]
        data, known = np.pad(data, grow), np.pad(known, grow)
    draws = np.arange(data.shape[0]).reshape(-1, *(1,) * len(axes))
    found = data[(draws, *clipped)]
    if tensor.ok is not None:
        ok = both(ok, known[(draws, *clipped)])
    value = Labelled(found, axes, ok)
    if bool(inside.all()):
        return value
    if outside is None:
        return Labelled(found, axes, both(ok, inside))
    return select(Labelled(inside.reshape((-1, *inside.shape[1:])), axes), value, outside)


def unlabelled(
    value: Labelled, axes: tuple[Index, ...], lengths: Sequence[Sequence[int]]
) -> Labelled:
    """Return a value as a tensor with the given axes in order, without labels, not read-only.

    Args:
        value: The value.
        axes: Its labels in order.
        lengths: For each axis of the tensor the lengths of the labels that count through it.
    """

    def fill(array: Array) -> Array:
        whole = spread(array, value.axes, axes)
        whole = np.broadcast_to(whole, (whole.shape[0], *(n for axis in lengths for n in axis)))
        return whole.reshape(whole.shape[0], *map(prod, lengths))

    return Labelled(fill(value.data), (), None if value.ok is None else fill(value.ok))


def add(values: list[Labelled], p: int) -> Labelled:
    """Return a sum of values."""
    axes, arrays, ok = align(*values)
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return Labelled(total % p, axes, ok)


def multiply(values: list[Labelled], p: int) -> Labelled:
    """Return a product of values."""
    axes, arrays, ok = align(*values)
    total = arrays[0]
    for array in arrays[1:]:
        total = total * array % p
    return Labelled(total, axes, ok)


def fold(data: Array, op: str, p: int) -> Array:
    """Return the sum or product over the last axis."""
    if op == "sum":
        return data.sum(axis=-1) % p
    total = np.ones(data.shape[:-1], dtype=np.int64)
    for k in range(data.shape[-1]):
        total = total * data[..., k] % p
    return total
