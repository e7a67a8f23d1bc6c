"""Rows of the operator table: positions that are data, and tensors written into others."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.parts import select
from symgrad.interop.shapes import empty, expanded, flattened, reshaped, shifted, sliced, unsqueeze
from symgrad.interop.sheet import NoRowError, Operand
from symgrad.interop.table import broadcast_shape, need, operator, swapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from symgrad.interop.sheet import Sheet


@operator("index_select")
def index_select(sheet: Sheet, x: Operand, dim: int, index: Operand) -> Operand:
    """Return what stands at given positions of an axis."""
    at = x.axis(dim)
    flat = sheet.input(np.atleast_1d(values_of(index)), "T")
    places, _ = sheet.index(flat, x.shape[at] if x.rank else 1)
    letter = places.letters[0]
    if not x.rank:
        return sheet.define([], [], x.here)
    letters = swapped(x.letters, {at: letter})
    shape = swapped(x.shape, {at: places.shape[0]})
    return sheet.define(letters, shape, x.at(swapped(x.letters, {at: places.here})))


def values_of(index: Operand) -> NDArray[Any]:
    """Return the positions or the mask that an input is.

    Raises:
        NoRowError: If it is computed.
    """
    if index.values is None:
        raise NoRowError("positions that are computed")
    return index.values


@operator("gather")
def gather(
    sheet: Sheet, x: Operand, dim: int, index: Operand, sparse_grad: bool = False
) -> Operand:
    """Return along an axis what stands at a position of its own for each place."""
    if not x.rank or not index.rank:
        made = reshaped(sheet, x, []) if not index.rank else expanded(sheet, x, index.shape)
        return made if made.rank or x.rank else sheet.define((), (), x.here)
    at = x.axis(dim)
    if not prod(index.shape):
        return empty(sheet, x, index.shape)
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
    values = values_of(indices)
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
    if not shape:
        x, shape = line(sheet, x), (1,)
    found = np.nonzero(np.broadcast_to(values_of(mask), shape))
    skip = len(shape) - x.rank
    row = sheet.letter()
    places = []
    for axis, length in enumerate(x.shape):
        index = sheet.input(found[axis + skip] if length > 1 else 0 * found[axis + skip], "T")
        places.append(sheet.index(index, length)[0].at([row]))
    many = len(found[0]) if found else int(values_of(mask))
    if not places:
        sheet.fix(row, many)
    return sheet.define([row], [many], x.at(places))


@operator("__getitem__")
def getitem(sheet: Sheet, x: Operand, key: Any) -> Operand:
    """Return what a key of numbers, slices, None, ... and tensors names."""
    keys = list(key) if isinstance(key, tuple) else [key]
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
            for values in np.nonzero(values_of(k)) if k.kind == "bool" else [values_of(k)]:
                advanced[dim] = values
                dim += 1
    return gathered(sheet, x, advanced) if advanced else x


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
        for values in np.nonzero(values_of(k)) if k.kind == "bool" else [values_of(k)]:
            advanced[dim] = values
            dim += 1
    return gathered(sheet, x, advanced)


def line(sheet: Sheet, x: Operand) -> Operand:
    """Return a number as a row of one."""
    return x if x.rank else reshaped(sheet, x, [1])


@operator("as_strided", "as_strided_copy")
def as_strided(
    sheet: Sheet, x: Operand, size: Any, stride: Any, storage_offset: int | None = None
) -> Operand:
    """Return elements at regular distances in the row of all."""
    need(x.name not in sheet.views, "the storage behind a view")
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
    output_size: int | None = None,
) -> Operand:  # fmt: skip
    """Return each place of an axis several times in a row."""
    if dim is None:
        x, dim = flattened(sheet, x), 0
    x = line(sheet, x)
    at = x.axis(dim)
    counts = repeats if isinstance(repeats, int) else values_of(repeats)
    index = sheet.input(np.repeat(np.arange(x.shape[at]), counts), "T")
    return index_select(sheet, x, at, index)


@operator("nn.functional.embedding")
def nn_embedding(
    sheet: Sheet, index: Operand, weight: Operand, padding_idx: int | None = None,
    max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Operand:  # fmt: skip
    """Return the row of each index; that of the padding has no gradient."""
    need(max_norm is None and not scale_grad_by_freq, "max_norm and scale_grad_by_freq")
    return embedding(
        sheet, weight, index, -1 if padding_idx is None else padding_idx % weight.shape[0]
    )


@operator("embedding")
def embedding(
    sheet: Sheet, weight: Operand, index: Operand, padding_idx: int = -1,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Operand:  # fmt: skip
    """Return the row of each index; that of the padding has no gradient."""
    need(not scale_grad_by_freq, "scale_grad_by_freq")
    places, _ = sheet.index(index, weight.shape[0])
    column = weight.letters[1]
    read = weight.at([places.here, column])
    if padding_idx >= 0:
        read = f"where({places.here} == {padding_idx}, stop({read}), {read})"
    return sheet.define((*places.letters, column), (*places.shape, weight.shape[1]), read)
