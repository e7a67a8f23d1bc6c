"""Rows of the operator table: tensors written into others, at positions that are data."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.indexing import line, values_of
from symgrad.interop.shapes import flattened, reshaped, shifted
from symgrad.interop.sheet import Operand
from symgrad.interop.table import need, operator, read_at, swapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from symgrad.interop.sheet import Sheet


def _landing(sheet: Sheet, x: Operand, dim: int, index: Operand) -> tuple[int, Operand, str, str]:
    """Return the axis, the positions, their letter, and that one is the place on the left."""
    at = x.axis(dim)
    flat = sheet.input(np.atleast_1d(values_of(index)), "T")
    places, _ = sheet.index(flat, x.shape[at])
    letter = places.letters[0]
    return at, places, letter, f"{places.here} == {x.letters[at]}"


@operator("index_add")
def index_add(
    sheet: Sheet, x: Operand, dim: int, index: Operand, source: Operand, *, alpha: Any = 1
) -> Operand:
    """Add slices at positions of an axis."""
    scalar = not x.rank
    x, source = line(sheet, x), line(sheet, source)
    at, _, letter, here = _landing(sheet, x, dim, index)
    read = source.at(swapped(x.letters, {at: letter}))
    factor = "" if alpha == 1 else f"{alpha} * "
    value = f"{x.here} + {factor}sum[{letter}](where({here}, {read}, 0))"
    made = sheet.define(x.letters, x.shape, value)
    return reshaped(sheet, made, []) if scalar else made


@operator("index_copy")
def index_copy(sheet: Sheet, x: Operand, dim: int, index: Operand, source: Operand) -> Operand:
    """Put slices at positions of an axis; no position twice."""
    if not x.rank:
        return reshaped(sheet, line(sheet, source), [])
    source = line(sheet, source)
    at, _, letter, here = _landing(sheet, x, dim, index)
    read = source.at(swapped(x.letters, {at: letter}) if source.rank else ())
    value = f"where(any[{letter}]({here}), sum[{letter}](where({here}, {read}, 0)), {x.here})"
    return sheet.define(x.letters, x.shape, value)


@operator("index_fill")
def index_fill(sheet: Sheet, x: Operand, dim: int, index: Operand, value: Any) -> Operand:
    """Put a number at positions of an axis."""
    scalar = not x.rank
    x = line(sheet, x)
    _, _, letter, here = _landing(sheet, x, dim, index)
    put = value.here if isinstance(value, Operand) else str(value)
    made = sheet.define(x.letters, x.shape, f"where(any[{letter}]({here}), {put}, {x.here})")
    return reshaped(sheet, made, []) if scalar else made


def _scattered(
    sheet: Sheet, x: Operand, dim: int, index: Operand, source: Any
) -> tuple[Operand, str, list[str], str]:
    """Return x, the condition that an element lands here, what is summed over, what is read."""
    index = sheet.input(np.reshape(values_of(index), index.shape or (1,)), "T")
    x = line(sheet, x)
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
    condition = f"where({' and '.join(inside)}, {lands}, {row} < 0)" if inside else lands
    if not isinstance(source, Operand):
        return x, condition, [row], str(source)
    source = line(sheet, source)
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
    places, _ = sheet.index(sheet.input(values_of(index).ravel(), "T"), prod(x.shape))
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
    arrays: list[NDArray[Any]] = []
    for k in indices:
        need(k is not None, "an axis without positions before one that has them")
        arrays += np.nonzero(values_of(k)) if k.kind == "bool" else [values_of(k)]
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


def _reduced(
    sheet: Sheet, x: Operand, here: str, row: str, read: str, reduce: str, include: bool
) -> Operand:
    """Return each element of x reduced with what lands on it, or that alone if not `include`."""
    bound = row
    if reduce in ("sum", "prod"):
        start, sign = ("0", "+") if reduce == "sum" else ("1", "*")
        value = f"{reduce}[{bound}](where({here}, {read}, {start}))"
        value = f"{x.here} {sign} {value}" if include else value
    elif reduce == "mean":
        count = f"sum[{bound}](where({here}, 1, 0))"
        total = f"sum[{bound}](where({here}, {read}, 0))"
        value = f"({x.here} + {total}) / (1 + {count})" if include else f"{total} / {count}"
    else:
        which, end = ("max", "-inf") if reduce == "amax" else ("min", "inf")
        best = sheet.define(x.letters, x.shape, f"{which}[{bound}](where({here}, {read}, {end}))")
        most = best.here
        if include:
            most = f"stop({which}imum({x.here}, {best.here}))"
        # A tie shares the gradient between all that are as large, as torch does.
        top = sheet.define(x.letters, x.shape, f"stop({most})")
        hits = f"sum[{bound}](where({here}, where({read} == {top.here}, 1, 0), 0))"
        taken = f"sum[{bound}](where({here}, where({read} == {top.here}, {read}, 0), 0))"
        if include:
            value = f"({taken} + where({x.here} == {top.here}, {x.here}, 0)) / "
            value += f"({hits} + where({x.here} == {top.here}, 1, 0))"
        else:
            value = f"{taken} / {hits}"
    if not include:
        value = f"where(any[{bound}]({here}), {value}, {x.here})"
    return sheet.define(x.letters, x.shape, value)


@operator("scatter_reduce")
def scatter_reduce(
    sheet: Sheet, x: Operand, dim: int, index: Operand, src: Operand, reduce: str, *,
    include_self: bool = True,
) -> Operand:  # fmt: skip
    """Reduce elements into a position of their own along an axis."""
    if not values_of(index).size:
        return sheet.define(x.letters, x.shape, x.here)
    scalar = not x.rank
    x, condition, (row,), read = _scattered(sheet, x, dim, index, src)
    made = _reduced(sheet, x, condition, row, read, reduce, include_self)
    return reshaped(sheet, made, []) if scalar else made


@operator("index_reduce")
def index_reduce(
    sheet: Sheet, x: Operand, dim: int, index: Operand, source: Operand, reduce: str, *,
    include_self: bool = True,
) -> Operand:  # fmt: skip
    """Reduce slices into positions of an axis."""
    scalar = not x.rank
    x, source = line(sheet, x), line(sheet, source)
    at, _, letter, here = _landing(sheet, x, dim, index)
    read = source.at(swapped(x.letters, {at: letter}))
    made = _reduced(sheet, x, here, letter, read, reduce, include_self)
    return reshaped(sheet, made, []) if scalar else made
