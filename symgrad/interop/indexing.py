"""Rows of the operator table: positions that are data, and tensors written into others."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.shapes import flattened, reshaped, select, shifted, sliced, unsqueeze
from symgrad.interop.sheet import NoRowError, Operand
from symgrad.interop.table import (
    broadcast_shape, need, operator, read_at, swapped,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Sheet


def row_of(index: Operand) -> Operand:
    """Return a single position as one of a row.

    Raises:
        NoRowError: If the positions are computed.
    """
    if index.values is None:
        raise NoRowError("positions that are computed")
    return index


@operator("index_select")
def index_select(sheet: Sheet, x: Operand, dim: int, index: Operand) -> Operand:
    """Return what stands at given positions of an axis."""
    at = x.axis(dim)
    flat = sheet.input(np.atleast_1d(_values(index)), "T")
    places, _ = sheet.index(flat, x.shape[at] if x.rank else 1)
    letter = places.letters[0]
    if not x.rank:
        return sheet.define([], [], x.here)
    letters = swapped(x.letters, {at: letter})
    shape = swapped(x.shape, {at: places.shape[0]})
    return sheet.define(letters, shape, x.at(swapped(x.letters, {at: places.here})))


def _values(index: Operand) -> Any:
    if index.values is None:
        raise NoRowError("positions that are computed")
    return index.values


@operator("gather")
def gather(
    sheet: Sheet, x: Operand, dim: int, index: Operand, sparse_grad: bool = False  # noqa: ARG001
) -> Operand:
    """Return along an axis what stands at a position of its own for each place."""
    if not x.rank or not index.rank:
        need(not x.rank and not index.rank, "ranks that differ")
        return sheet.define((), (), x.here)
    at = x.axis(dim)
    places, _ = sheet.index(index, x.shape[at])
    read = [
        c if n == m else shifted(c, axis)
        for c, axis, n, m in zip(places.letters, x.letters, places.shape, x.shape, strict=True)
    ]
    read[at] = places.here
    return sheet.define(places.letters, places.shape, x.at(read))


@operator("take_along_dim")
def take_along_dim(sheet: Sheet, x: Operand, indices: Operand, dim: int | None = None) -> Operand:
    """Return along an axis what stands at a position of its own for each place."""
    values = _values(indices)
    if dim is None:
        x, values, dim = flattened(sheet, x), values.ravel(), 0
    at = x.axis(dim)
    full = list(broadcast_shape([swapped(x.shape, {at: 1}), swapped(values.shape, {at: 1})]))
    full[at] = values.shape[at]
    index = sheet.input(np.broadcast_to(values, full), "T")
    places, _ = sheet.index(index, x.shape[at])
    read: list[object] = [
        c if n == m else 0 for c, n, m in zip(places.letters, places.shape, x.shape, strict=True)
    ]
    read[at] = places.here
    return sheet.define(places.letters, places.shape, x.at(read))


@operator("take")
def take(sheet: Sheet, x: Operand, index: Operand) -> Operand:
    """Return what stands at positions among all elements."""
    flat = flattened(sheet, x)
    places, _ = sheet.index(index, flat.shape[0])
    return sheet.define(places.letters, places.shape, flat.at([places.here]))


@operator("masked_select")
def masked_select(sheet: Sheet, x: Operand, mask: Operand) -> Operand:
    """Return the elements where a mask is set, in a row."""
    shape = broadcast_shape([x.shape, mask.shape])
    found = np.nonzero(np.broadcast_to(_values(mask), shape))
    skip = len(shape) - x.rank
    row = sheet.letter()
    places = []
    for axis, length in enumerate(x.shape):
        index = sheet.input(found[axis + skip] if length > 1 else 0 * found[axis + skip], "T")
        places.append(sheet.index(index, length)[0].at([row]))
    many = len(found[0]) if found else int(_values(mask))
    if not places:
        sheet.fix(row, many)
    return sheet.define([row], [many], x.at(places))


@operator("__getitem__")
def getitem(sheet: Sheet, x: Operand, key: Any) -> Operand:
    """Return what a key of numbers, slices, None, ... and tensors names."""
    keys = list(key) if isinstance(key, (list, tuple)) else [key]
    if isinstance(key, list) and keys and all(isinstance(k, int) for k in keys):
        keys = keys if _was_tuple(key) else [sheet.input(np.array(keys), "T")]
    keys = [sheet.input(np.array(k), "T") if isinstance(k, list) else k for k in keys]
    used = sum(
        (k.rank if isinstance(k, Operand) and k.kind == "bool" else 1)
        for k in keys
        if k is not None and k is not Ellipsis
    )
    if not any(k is Ellipsis for k in keys):
        keys.append(Ellipsis)
    at = next(n for n, k in enumerate(keys) if k is Ellipsis)
    keys[at : at + 1] = [slice(None)] * (x.rank - used)
    dim, advanced = 0, {}
    for k in keys:
        if isinstance(k, slice):
            found = range(x.shape[dim])[k]
            x = sliced(sheet, x, dim, found.start if len(found) else 0, len(found), found.step)
            dim += 1
        elif k is None:
            x = unsqueeze(sheet, x, dim)
            dim += 1
        elif isinstance(k, int):
            x = select(sheet, x, dim, k)
        else:
            for values in np.nonzero(_values(k)) if k.kind == "bool" else [_values(k)]:
                advanced[dim] = values
                dim += 1
    return gathered(sheet, x, advanced) if advanced else x


def _was_tuple(key: object) -> bool:
    return getattr(key, "was_tuple", True)


def gathered(sheet: Sheet, x: Operand, advanced: dict[int, Any]) -> Operand:
    """Return what stands where some axes have positions that broadcast."""
    arrays = np.broadcast_arrays(*advanced.values())
    shape = arrays[0].shape
    letters = sheet.letters(len(shape))
    read: list[object] = list(x.letters)
    for dim, values in zip(advanced, arrays, strict=True):
        index = sheet.input(np.ascontiguousarray(values), "T")
        read[dim] = sheet.index(index, x.shape[dim])[0].at(letters)
    dims = list(advanced)
    rest = [d for d in range(x.rank) if d not in advanced]
    first = dims[0] if dims == list(range(dims[0], dims[0] + len(dims))) else 0
    front = [d for d in rest if d < first]
    back = [d for d in rest if d >= first]
    left = [*(x.letters[d] for d in front), *letters, *(x.letters[d] for d in back)]
    lengths = [*(x.shape[d] for d in front), *shape, *(x.shape[d] for d in back)]
    return sheet.define(left, lengths, x.at(read))


@operator("index", "_unsafe_index")
def index_(sheet: Sheet, x: Operand, indices: Sequence[Any]) -> Operand:
    """Return what stands at positions of some axes."""
    advanced: dict[int, Any] = {}
    dim = 0
    for k in indices:
        if k is None:
            dim += 1
            continue
        for values in np.nonzero(_values(k)) if k.kind == "bool" else [_values(k)]:
            advanced[dim] = values
            dim += 1
    return gathered(sheet, x, advanced)


# Writing into a tensor


def _landing(sheet: Sheet, x: Operand, dim: int, index: Operand) -> tuple[int, Operand, str, str]:
    """Return the axis, the positions, their letter, and that one is the place on the left."""
    at = x.axis(dim)
    flat = sheet.input(np.atleast_1d(_values(index)), "T")
    places, _ = sheet.index(flat, x.shape[at])
    letter = places.letters[0]
    return at, places, letter, f"{places.here} == {x.letters[at]}"


@operator("index_add")
def index_add(
    sheet: Sheet, x: Operand, dim: int, index: Operand, source: Operand, *, alpha: Any = 1
) -> Operand:
    """Add slices at positions of an axis."""
    x, source = _line(sheet, x), _line(sheet, source)
    at, _, letter, here = _landing(sheet, x, dim, index)
    read = source.at(swapped(x.letters, {at: letter}))
    factor = "" if alpha == 1 else f"{alpha} * "
    value = f"{x.here} + {factor}sum[{letter}](where({here}, {read}, 0))"
    return sheet.define(x.letters, x.shape, value)


def _line(sheet: Sheet, x: Operand) -> Operand:
    return x if x.rank else reshaped(sheet, x, [1])


@operator("index_copy")
def index_copy(sheet: Sheet, x: Operand, dim: int, index: Operand, source: Operand) -> Operand:
    """Put slices at positions of an axis; no position twice."""
    at, _, letter, here = _landing(sheet, x, dim, index)
    read = source.at(swapped(x.letters, {at: letter}) if source.rank else ())
    value = f"where(any[{letter}]({here}), sum[{letter}](where({here}, {read}, 0)), {x.here})"
    return sheet.define(x.letters, x.shape, value)


@operator("index_fill")
def index_fill(sheet: Sheet, x: Operand, dim: int, index: Operand, value: Any) -> Operand:
    """Put a number at positions of an axis."""
    scalar = not x.rank
    x = _line(sheet, x)
    _, _, letter, here = _landing(sheet, x, dim, index)
    put = value.here if isinstance(value, Operand) else str(value)
    made = sheet.define(x.letters, x.shape, f"where(any[{letter}]({here}), {put}, {x.here})")
    return reshaped(sheet, made, []) if scalar else made


def _scattered(
    sheet: Sheet, x: Operand, dim: int, index: Operand, source: Any
) -> tuple[Operand, str, list[str], str]:
    """Return x, the condition that an element lands here, what is summed over, what is read."""
    index = sheet.input(np.reshape(_values(index), index.shape or (1,)), "T")
    x = _line(sheet, x)
    at = x.axis(dim)
    places, _ = sheet.index(index, x.shape[at])
    row = places.letters[at]
    read = list(x.letters)
    inside = []
    for axis, letter in enumerate(x.letters):
        if axis == at:
            read[axis] = row
        elif index.shape[axis] != x.shape[axis]:
            inside.append(f"{letter} < size[{places.letters[axis]}]")
            read[axis] = shifted(letter, places.letters[axis])
    lands = f"{places.at(read)} == {x.letters[at]}"
    condition = f"where({' and '.join(inside)}, {lands}, 1 == 0)" if inside else lands
    if not isinstance(source, Operand):
        return x, condition, [row], str(source)
    source = _line(sheet, source)
    there = list(read)
    for axis, letter in enumerate(source.letters):
        if source.shape[axis] != index.shape[axis]:
            there[axis] = shifted(row if axis == at else x.letters[axis], letter)
    value = source.at(there)
    if inside:
        value = f"where({' and '.join(inside)}, {value}, 0)"
    return x, condition, [row], value


@operator("scatter_add")
def scatter_add(sheet: Sheet, x: Operand, dim: int, index: Operand, src: Operand) -> Operand:
    """Add elements at a position of their own along an axis."""
    if not index.values.size if index.values is not None else False:
        return sheet.define(x.letters, x.shape, x.here)
    scalar = not x.rank
    x, condition, (row,), value = _scattered(sheet, x, dim, index, src)
    added = f"sum[{row}](where({condition}, {value}, 0))"
    made = sheet.define(x.letters, x.shape, f"{x.here} + {added}")
    return reshaped(sheet, made, []) if scalar else made


@operator("scatter")
def scatter(
    sheet: Sheet, x: Operand, dim: int, index: Operand, src: Any = None, *,
    value: Any = None, reduce: str | None = None,
) -> Operand:  # fmt: skip
    """Put elements at a position of their own along an axis; no position twice."""
    source = src if value is None else value
    if reduce == "add" and isinstance(source, Operand):
        return scatter_add(sheet, x, dim, index, source)
    if index.values is not None and not index.values.size:
        return sheet.define(x.letters, x.shape, x.here)
    scalar = not x.rank
    x, condition, (row,), read = _scattered(sheet, x, dim, index, source)
    any_ = f"any[{row}]({condition})"
    if reduce is None:
        made = f"where({any_}, sum[{row}](where({condition}, {read}, 0)), {x.here})"
    elif reduce == "add":
        made = f"{x.here} + sum[{row}](where({condition}, {read}, 0))"
    else:
        made = f"{x.here} * prod[{row}](where({condition}, {read}, 1))"
    out = sheet.define(x.letters, x.shape, made)
    return reshaped(sheet, out, []) if scalar else out


@operator("put")
def put(
    sheet: Sheet, x: Operand, index: Operand, source: Operand, accumulate: bool = False
) -> Operand:
    """Put elements at positions among all."""
    flat, values = flattened(sheet, x), flattened(sheet, source)
    places, _ = sheet.index(sheet.input(_values(index).ravel(), "T"), prod(x.shape))
    row = places.letters[0]
    here = f"{places.here} == {flat.letters[0]}"
    added = f"sum[{row}](where({here}, {values.at([row])}, 0))"
    value = f"{flat.here} + {added}"
    if not accumulate:
        value = f"where(any[{row}]({here}), {added}, {flat.here})"
    return reshaped(sheet, sheet.define(flat.letters, flat.shape, value), x.shape)


@operator("index_put", "_unsafe_index_put", "_index_put_impl")
def index_put(
    sheet: Sheet, x: Operand, indices: Sequence[Any], values: Operand, accumulate: bool = False
) -> Operand:
    """Put elements at positions of some axes."""
    arrays = [
        part
        for k in indices
        for part in ([None] if k is None else np.nonzero(_values(k)) if k.kind == "bool" else [_values(k)])
    ]  # fmt: skip
    need(all(a is not None for a in arrays), "an axis without positions before one that has them")
    spread = np.broadcast_arrays(*arrays)
    shape = spread[0].shape
    letters = sheet.letters(len(shape))
    tests = []
    for dim, found in enumerate(spread):
        index = sheet.input(np.ascontiguousarray(found), "T")
        tests.append(f"{sheet.index(index, x.shape[dim])[0].at(letters)} == {x.letters[dim]}")
    rest = x.letters[len(arrays) :]
    full = (*shape, *x.shape[len(arrays) :])
    read = read_at(values, (*letters, *rest), full)
    here, bound = " and ".join(tests), ", ".join(letters)
    if not letters:
        return sheet.define(x.letters, x.shape, f"where({here}, {read}, {x.here})")
    added = f"sum[{bound}](where({here}, {read}, 0))"
    value = f"where(any[{bound}]({here}), {added}, {x.here})"
    return sheet.define(x.letters, x.shape, f"{x.here} + {added}" if accumulate else value)


@operator("select_scatter")
def select_scatter(sheet: Sheet, x: Operand, src: Operand, dim: int, index: int) -> Operand:
    """Put a tensor at one place of an axis."""
    at = x.axis(dim)
    read = src.at(c for k, c in enumerate(x.letters) if k != at)
    return sheet.define(
        x.letters, x.shape, f"where({x.letters[at]} == {index % x.shape[at]}, {read}, {x.here})"
    )


@operator("slice_scatter")
def slice_scatter(
    sheet: Sheet, x: Operand, src: Operand, dim: int = 0, start: Any = None, end: Any = None,
    step: int = 1,
) -> Operand:  # fmt: skip
    """Put a tensor at a part of an axis."""
    at = x.axis(dim)
    found = range(x.shape[at])[slice(start, end, step)]
    letter, there = x.letters[at], src.letters[at]
    first = found.start
    if not len(found):
        return sheet.define(x.letters, x.shape, x.here)
    place = f"({letter} - {first}) // {step}" if step > 1 else f"{letter} - {first}"
    test = f"{letter} >= {first} and {letter} < {first + step * len(found)}"
    if step > 1:
        test += f" and ({letter} - {first}) % {step} == 0"
    read = src.at(swapped(x.letters, {at: f"size[{there}] - size[{there}] + {place}"}))
    return sheet.define(x.letters, x.shape, f"where({test}, {read}, {x.here})")


@operator("diagonal_scatter")
def diagonal_scatter(
    sheet: Sheet, x: Operand, src: Operand, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Operand:
    """Put a tensor on a diagonal of two axes."""
    first, second = x.axis(dim1), x.axis(dim2)
    row, column = x.letters[first], x.letters[second]
    length = src.letters[-1]
    place = row if offset >= 0 else column
    rest = [c for k, c in enumerate(x.letters) if k not in (first, second)]
    read = src.at([*rest, shifted(place, length)])
    test = f"{column} == {row} + {offset} and {place} < size[{length}]"
    return sheet.define(x.letters, x.shape, f"where({test}, {read}, {x.here})")


@operator("as_strided", "as_strided_copy")
def as_strided(
    sheet: Sheet, x: Operand, size: Any, stride: Any, storage_offset: int | None = None
) -> Operand:
    """Return elements at regular distances in the row of all."""
    flat = flattened(sheet, x)
    letters = [sheet.fixed(n) for n in size]
    terms = [f"{s} * {c}" for s, c in zip(stride, letters, strict=True)]
    place = " + ".join([*terms, str(storage_offset or 0)])
    if len(size) == 1 and list(stride) == [1] and not storage_offset:
        place = shifted(letters[0], flat.letters[0])
    return sheet.define(letters, list(size), flat.at([place]))


@operator("repeat_interleave")
def repeat_interleave(
    sheet: Sheet, x: Operand, repeats: Any, dim: int | None = None, *,
    output_size: int | None = None,  # noqa: ARG001
) -> Operand:  # fmt: skip
    """Return each place of an axis several times in a row."""
    if dim is None:
        x, dim = flattened(sheet, x), 0
    x = _line(sheet, x)
    at = x.axis(dim)
    counts = repeats if isinstance(repeats, int) else _values(repeats)
    index = sheet.input(np.repeat(np.arange(x.shape[at]), counts), "T")
    return index_select(sheet, x, at, index)


@operator("nn.functional.embedding")
def nn_embedding(
    sheet: Sheet, index: Operand, weight: Operand, padding_idx: int | None = None,
    max_norm: float | None = None, norm_type: float = 2.0,  # noqa: ARG001
    scale_grad_by_freq: bool = False, sparse: bool = False,  # noqa: ARG001
) -> Operand:  # fmt: skip
    """Return the row of each index; that of the padding has no gradient."""
    need(max_norm is None and not scale_grad_by_freq, "max_norm and scale_grad_by_freq")
    return embedding(sheet, weight, index, -1 if padding_idx is None else padding_idx % weight.shape[0])


@operator("embedding")
def embedding(
    sheet: Sheet, weight: Operand, index: Operand, padding_idx: int = -1,
    scale_grad_by_freq: bool = False, sparse: bool = False,  # noqa: ARG001
) -> Operand:  # fmt: skip
    """Return the row of each index; that of the padding has no gradient."""
    need(not scale_grad_by_freq, "scale_grad_by_freq")
    places, _ = sheet.index(index, weight.shape[0])
    column = weight.letters[1]
    read = weight.at([places.here, column])
    if padding_idx >= 0:
        read = f"where({places.here} == {padding_idx}, stop({read}), {read})"
    return sheet.define((*places.letters, column), (*places.shape, weight.shape[1]), read)
