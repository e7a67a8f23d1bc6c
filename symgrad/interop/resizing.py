"""Rows of the operator table: images of another size, and images read at given places."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.indexing import values_of
from symgrad.interop.shapes import reshaped
from symgrad.interop.table import need, operator
from symgrad.interop.windows import adaptive_pool, each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Operand, Sheet

#: For each new place of an axis: old places, and the weight of each.
Taps = list[tuple[Any, Any]]


def _scale(size: int, new: int, factor: float | None, *, corners: bool) -> float:
    if corners:
        return (size - 1) / (new - 1) if new > 1 else 0.0
    return 1 / factor if factor else size / new


def taps(mode: str, size: int, new: int, factor: float | None, *, corners: bool) -> Taps:
    """Return where an axis is read for each new place, and with what weights."""
    at = np.arange(new)
    scale = _scale(size, new, factor, corners=corners)
    if mode == "nearest":
        return [(np.minimum(np.floor(at * scale).astype(int), size - 1), None)]
    if mode == "nearest-exact":
        return [(np.minimum(np.floor((at + 0.5) * scale).astype(int), size - 1), None)]
    place = at * scale if corners else (at + 0.5) * scale - 0.5
    if mode == "linear":
        place = np.maximum(place, 0)
        low = np.minimum(np.floor(place).astype(int), size - 1)
        part = np.clip(place - low, 0, 1)
        return [(low, 1 - part), (np.minimum(low + 1, size - 1), part)]
    low = np.floor(place).astype(int)
    part = place - low
    weights = [_far(part + 1), _near(part), _near(1 - part), _far(2 - part)]
    return [(np.clip(low + k - 1, 0, size - 1), w) for k, w in enumerate(weights)]


_BEND = -0.75


def _near(t: Any) -> Any:
    return ((_BEND + 2) * t - (_BEND + 3)) * t * t + 1


def _far(t: Any) -> Any:
    return ((_BEND * t - 5 * _BEND) * t + 8 * _BEND) * t - 4 * _BEND


def resampled(sheet: Sheet, x: Operand, axes: Sequence[Taps]) -> Operand:
    """Return the last axes read at places, weighted."""
    space = len(axes)
    lead = x.letters[:-space]
    shape = [len(axis[0][0]) for axis in axes]
    letters = [sheet.fixed(n) for n in shape]
    reads: list[list[tuple[str, str]]] = []
    for axis, letter, size in zip(axes, letters, x.shape[-space:], strict=True):
        row = []
        for places, weights in axis:
            index, _ = sheet.index(sheet.input(places, "T"), size)
            weight = "" if weights is None else sheet.input(np.asarray(weights), "W").at([letter])
            row.append((index.at([letter]), weight))
        reads.append(row)
    terms = []
    for choice in product(*reads):
        factors = [w for _, w in choice if w]
        terms.append(" * ".join([*factors, x.at([*lead, *(p for p, _ in choice)])]))
    full = [*x.shape[:-space], *shape]
    return sheet.define([*lead, *letters], full, " + ".join(terms))


_LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}


@operator("nn.functional.interpolate", "nn.functional.upsample")
def interpolate(
    sheet: Sheet, x: Operand, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Operand:  # fmt: skip
    """Return an image of another size."""
    space = x.rank - 2
    need(not antialias, "antialias")
    factors: list[Any] = [None] * space
    if size is None:
        given = scale_factor if isinstance(scale_factor, (list, tuple)) else [scale_factor] * space
        new = [int(n * f) for n, f in zip(x.shape[2:], given, strict=True)]
        factors = [None] * space if recompute_scale_factor else list(given)
    else:
        new = list(size) if isinstance(size, (list, tuple)) else [size] * space
    if mode == "area":
        return adaptive_pool(sheet, x, space, new, "mean")[0]
    kind = "linear" if mode in _LINEAR else mode
    need(prod(x.shape), "an empty image")
    axes = [
        taps(kind, n, m, f, corners=bool(align_corners))
        for n, m, f in zip(x.shape[2:], new, factors, strict=True)
    ]
    return resampled(sheet, x, axes)


@operator("nn.functional.upsample_nearest")
def upsample_nearest(
    sheet: Sheet, x: Operand, size: Any = None, scale_factor: Any = None
) -> Operand:
    """Return an image with repeated pixels."""
    return interpolate(sheet, x, size, scale_factor, "nearest")


@operator("nn.functional.upsample_bilinear")
def upsample_bilinear(
    sheet: Sheet, x: Operand, size: Any = None, scale_factor: Any = None
) -> Operand:
    """Return an image with pixels mixed; the corners stay."""
    return interpolate(sheet, x, size, scale_factor, "bilinear", align_corners=True)


def _unpool(space: int) -> Any:
    def row(
        sheet: Sheet, x: Operand, indices: Operand, kernel_size: Any, stride: Any = None,
        padding: Any = 0, output_size: Any = None,
    ) -> Operand:  # fmt: skip
        kernel, border = each(kernel_size, space), each(padding, space)
        step = each(stride, space) if stride not in (None, [], ()) else kernel
        shape = [
            (n - 1) * s - 2 * b + k
            for n, s, b, k in zip(x.shape[-space:], step, border, kernel, strict=True)
        ]
        if output_size is not None:
            shape = list(output_size)[-space:]
        lead = list(x.shape[:-space])
        flat = reshaped(sheet, x, [*lead, prod(x.shape[-space:])])
        places = sheet.input(values_of(indices).reshape(list(flat.shape)), "T")
        rows = values_of(places).reshape(-1, max(flat.shape[-1], 1))
        need(all(len({*r}) == len(r) for r in rows), "positions that occur twice")
        index, _ = sheet.index(places, prod(shape))
        out, row_ = sheet.fixed(prod(shape)), index.letters[-1]
        letters = index.letters[:-1]
        read = flat.at([*letters, row_])
        value = f"sum[{row_}](where({index.here} == {out}, {read}, 0))"
        made = sheet.define([*letters, out], [*lead, prod(shape)], value)
        return reshaped(sheet, made, [*lead, *shape])

    return row


for _space in (1, 2, 3):
    operator(f"nn.functional.max_unpool{_space}d")(_unpool(_space))
