"""Rows of the operator table: order.

The place of an element in order is how many are before it, which is an equation; ties keep the
order they stand in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.indexing import values_of
from symgrad.interop.parts import select, stack
from symgrad.interop.shapes import flattened, reshaped
from symgrad.interop.sheet import Operand, number
from symgrad.interop.table import kept, mapped, need, operator, swapped, without

if TYPE_CHECKING:
    from symgrad.interop.sheet import Sheet


def ranks(sheet: Sheet, x: Operand, dim: int, *, descending: bool = False) -> Operand:
    """Return for each element how many along an axis come before it."""
    mine = x.letters[dim]
    other = sheet.fixed(f"size[{mine}]")
    there = x.at(swapped(x.letters, {dim: other}))
    sign = ">" if descending else "<"
    before = f"{there} {sign} {x.here} or ({there} == {x.here} and {other} < {mine})"
    return sheet.define(
        x.letters, x.shape, f"sum[{other}](where({before}, 1, 0))", kind="int", wish="R"
    )


def ordered(
    sheet: Sheet, x: Operand, dim: int, count: int, *, descending: bool = False
) -> tuple[Operand, Operand]:
    """Return the first elements in order along an axis, and where they stood."""
    rank = ranks(sheet, x, dim, descending=descending)
    letter, mine = sheet.fixed(count), x.letters[dim]
    letters = swapped(x.letters, {dim: letter})
    shape = swapped(x.shape, {dim: count})
    here = f"{rank.here} == {letter}"
    values = sheet.define(letters, shape, f"sum[{mine}](where({here}, {x.here}, 0))")
    places = sheet.define(
        letters, shape, f"sum[{mine}](where({here}, {mine}, 0))", kind="int", wish="I"
    )
    return values, places


def _number(sheet: Sheet, x: Operand) -> list[Operand]:
    return [mapped(sheet, "{0}", x), mapped(sheet, "where({0} == {0}, 0, 0)", x, kind="int")]


@operator("sort")
def sort(
    sheet: Sheet, x: Operand, dim: Any = None, descending: bool = False, stable: Any = None
) -> list[Operand]:
    """Return the elements in order, and where they stood."""
    if not x.rank:
        return _number(sheet, x)
    at = x.axis(-1 if dim is None else dim)
    return list(ordered(sheet, x, at, x.shape[at], descending=descending))


@operator("msort")
def msort(sheet: Sheet, x: Operand) -> Operand:
    """Return the rows of the first axis in order, each column by itself."""
    return sort(sheet, x, 0)[0]


@operator("argsort")
def argsort(
    sheet: Sheet, x: Operand, dim: int = -1, descending: bool = False, stable: Any = None
) -> Operand:
    """Return where the elements in order stood."""
    return sort(sheet, x, dim, descending)[1]


@operator("topk")
def topk(
    sheet: Sheet, x: Operand, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> list[Operand]:
    """Return the largest elements in order, and where they stood."""
    if not x.rank:
        return _number(sheet, x)
    return list(ordered(sheet, x, x.axis(dim), k, descending=largest))


def nth(sheet: Sheet, x: Operand, dim: int, k: int, *, keepdim: bool) -> list[Operand]:
    """Return the element in a place of the order, and where it stood."""
    rank, mine = ranks(sheet, x, dim), x.letters[dim]
    letters, shape = without(x.letters, [dim]), without(x.shape, [dim])
    here = f"{rank.here} == {k}"
    found = [
        sheet.define(letters, shape, f"sum[{mine}](where({here}, {x.here}, 0))"),
        sheet.define(letters, shape, f"sum[{mine}](where({here}, {mine}, 0))", kind="int"),
    ]
    return [kept(sheet, f, [dim], keepdim=keepdim) for f in found]


@operator("kthvalue")
def kthvalue(
    sheet: Sheet, x: Operand, k: int, dim: int = -1, keepdim: bool = False
) -> list[Operand]:
    """Return the k-th smallest element, and where it stood."""
    if not x.rank:
        return _number(sheet, x)
    return nth(sheet, x, x.axis(dim), k - 1, keepdim=keepdim)


@operator("median")
def median(sheet: Sheet, x: Operand, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the lower of the elements in the middle, and where it stood if along an axis."""
    if not x.rank:
        both = _number(sheet, x)
        return both[0] if dim is None else both
    if dim is None:
        flat = flattened(sheet, x)
        return nth(sheet, flat, 0, (flat.shape[0] - 1) // 2, keepdim=False)[0]
    at = x.axis(dim)
    return nth(sheet, x, at, (x.shape[at] - 1) // 2, keepdim=keepdim)


@operator("nanmedian")
def nanmedian(sheet: Sheet, x: Operand, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median of what has no nan."""
    need(not np.isnan(values_of(x)).any(), "a median that leaves out nan")
    return median(sheet, x, dim, keepdim)


@operator("quantile")
def quantile(
    sheet: Sheet, x: Operand, q: Any, dim: int | None = None, keepdim: bool = False, *,
    interpolation: str = "linear",
) -> Operand:  # fmt: skip
    """Return the elements at parts of the order, mixed where they fall between two."""
    rank = x.rank
    x = x if rank else reshaped(sheet, x, [1])
    dim = dim if rank else None
    source = flattened(sheet, x) if dim is None else x
    at = 0 if dim is None else x.axis(dim)
    parts = [float(v) for v in (values_of(q).ravel() if isinstance(q, Operand) else [q])]
    last = source.shape[at] - 1
    values, _ = ordered(sheet, source, at, source.shape[at])
    found = [_between(sheet, values, at, part * last, interpolation) for part in parts]
    dims = [at] if dim is not None else list(range(rank))
    if dim is None and keepdim:
        found = [kept(sheet, f, dims, keepdim=True) for f in found]
    elif keepdim:
        found = [kept(sheet, f, [at], keepdim=True) for f in found]
    if not isinstance(q, Operand) or not q.rank:
        return found[0]
    return stack(sheet, found)


def _between(sheet: Sheet, values: Operand, at: int, place: float, interpolation: str) -> Operand:
    low = int(place)
    high = min(low + 1, values.shape[at] - 1)
    part = place - low
    whole = round(place)  # ties to even, as torch
    single = {
        "lower": low, "higher": high if part else low, "nearest": whole,
    }.get(interpolation)  # fmt: skip
    if single is not None or not part:
        return select(sheet, values, at, low if single is None else single)
    weight = 0.5 if interpolation == "midpoint" else part
    ends = [select(sheet, values, at, k) for k in (low, high)]
    return mapped(sheet, f"{{0}} + {number(weight)} * ({{1}} - {{0}})", *ends)


def _running(which: str) -> Any:
    def row(sheet: Sheet, x: Operand, dim: int) -> list[Operand]:
        if not x.rank:
            return _number(sheet, x)
        at = x.axis(dim)
        mine = x.letters[at]
        last = sheet.fixed(f"size[{mine}]")
        letters = swapped(x.letters, {at: last})
        best = sheet.define(letters, x.shape, f"{which}[{mine}, {mine} <= {last}]({x.here})")
        there = f"max[{mine}](where({mine} <= {last} and {x.here} == {best.here}, {mine}, 0))"
        place = sheet.define(letters, x.shape, there, kind="int", wish="I")
        value = f"sum[{mine}](where({mine} == {place.here}, {x.here}, 0))"
        return [sheet.define(letters, x.shape, value), place]

    return row


operator("cummax")(_running("max"))
operator("cummin")(_running("min"))


@operator("nanquantile")
def nanquantile(sheet: Sheet, x: Operand, *args: Any, **named: Any) -> Operand:
    """Return the quantile of what has no nan."""
    need(not np.isnan(values_of(x)).any(), "a quantile that leaves out nan")
    return quantile(sheet, x, *args, **named)
