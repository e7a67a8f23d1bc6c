"""Rows of the operator table: distances, cross products, covariances, images read at points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.reductions import reduced, vector_norm
from symgrad.interop.shapes import reshaped
from symgrad.interop.sheet import Operand, number
from symgrad.interop.table import (
    broadcast,
    broadcast_shape,
    mapped,
    need,
    operator,
    read_at,
    swapped,
)

if TYPE_CHECKING:
    from symgrad.interop.sheet import Sheet


@operator("cdist")
def cdist(
    sheet: Sheet, x: Operand, y: Operand, p: float = 2.0, compute_mode: Any = None
) -> Operand:
    """Return the distance of each row of x from each row of y."""
    lead = list(broadcast_shape([x.shape[:-2], y.shape[:-2]]))
    letters = list(sheet.letters(len(lead)))
    row, column, d = x.letters[-2], sheet.letter(), x.letters[-1]
    full = [*lead, x.shape[-2], x.shape[-1]]
    left = read_at(x, [*letters, row, d], full)
    right = read_at(y, [*letters, column, d], [*lead, y.shape[-2], x.shape[-1]])
    gap = sheet.define(
        [*letters, row, column, d],
        [*lead, x.shape[-2], y.shape[-2], x.shape[-1]],
        f"{left} - {right}",
    )
    return vector_norm(sheet, gap, p, [gap.rank - 1])


@operator("nn.functional.pdist", "pdist")
def pdist(sheet: Sheet, x: Operand, p: float = 2.0) -> Operand:
    """Return the distance of each row from each later one."""
    first, second = np.triu_indices(x.shape[0], 1)
    places = [sheet.index(sheet.input(k, "T"), x.shape[0])[0] for k in (first, second)]
    pair, d = places[0].letters[0], x.letters[1]
    reads = [x.at([place.at([pair]), d]) for place in places]
    gap = sheet.define([pair, d], [len(first), x.shape[1]], f"{reads[0]} - {reads[1]}")
    return vector_norm(sheet, gap, p, [1])


@operator("linalg.cross", "linalg_cross")
def linalg_cross(sheet: Sheet, x: Operand, y: Operand, *, dim: int = -1) -> Operand:
    """Return the vectors that are normal to two."""
    letters, shape, _ = broadcast(sheet, x, y)
    at = dim % len(shape)
    out = letters[at]

    def read(operand: Operand, shift: int) -> str:
        turned = swapped(letters, {at: f"({out} + {shift}) % 3"})
        return read_at(operand, turned, shape)

    value = f"{read(x, 1)} * {read(y, 2)} - {read(x, 2)} * {read(y, 1)}"
    return sheet.define(letters, shape, value)


@operator("cross")
def cross(sheet: Sheet, x: Operand, y: Operand, dim: int | None = None) -> Operand:
    """Return the vectors that are normal to two, along the first axis of length 3 by default."""
    shape = broadcast_shape([x.shape, y.shape])
    return linalg_cross(sheet, x, y, dim=shape.index(3) if dim is None else dim)


@operator("cov")
def cov(
    sheet: Sheet, x: Operand, *, correction: int = 1, fweights: Operand | None = None,
    aweights: Operand | None = None,
) -> Operand:  # fmt: skip
    """Return the covariances of the rows, with weights of the columns."""
    rows = x if x.rank == 2 else reshaped(sheet, x, [1, *(x.shape or (1,))])
    i, t = rows.letters
    weights = [w for w in (fweights, aweights) if w is not None]
    product = " * ".join(w.at([t] if w.rank else []) for w in weights)
    count = rows.shape[1]
    if product:
        weight = sheet.define([t], [count], product, wish="W")
        total = reduced(sheet, weight, [0], "sum[{letters}]({body})")
        scaled = f"{weight.here} * {rows.here}"
        mean = sheet.define([i], [rows.shape[0]], f"sum[{t}]({scaled}) / {total.here}")
        scale = weight.here
        rest = total.here
        if aweights is not None and correction:
            square = f"{weight.here} * {aweights.at([t] if aweights.rank else [])}"
            both = sheet.define([], [], f"sum[{t}]({square})")
            rest = f"({total.here} - {correction} * {both.here} / {total.here})"
        elif correction:
            rest = f"({total.here} - {correction})"
    else:
        mean = reduced(sheet, rows, [1], "mean[{letters}]({body})")
        scale, rest = "", number(max(count - correction, 0))
    gap = sheet.define([i, t], rows.shape, f"{rows.here} - {mean.at([i])}")
    other = sheet.letter()
    term = f"{gap.at([i, t])} * {gap.at([other, t])}" + (f" * {scale}" if scale else "")
    value = f"sum[{t}]({term}) / {rest}"
    made = sheet.define([i, other], [rows.shape[0]] * 2, value)
    return made if rows.shape[0] != 1 else reshaped(sheet, made, [])


@operator("corrcoef")
def corrcoef(sheet: Sheet, x: Operand) -> Operand:
    """Return the covariances of the rows over their deviations."""
    made = cov(sheet, x)
    if not made.rank:
        return mapped(sheet, "{0} / {0}", made)
    i, j = made.letters
    scale = f"sqrt({made.at([i, i])} * {made.at([j, j])})"
    return sheet.define([i, j], made.shape, f"{made.here} / {scale}")


@operator("nn.functional.grid_sample")
def grid_sample(
    sheet: Sheet, x: Operand, grid: Operand, mode: str = "bilinear", padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Operand:  # fmt: skip
    """Return images read at points: each pixel weighs as it is near in every direction."""
    return _sampled(sheet, x, grid, mode, padding_mode, corners=bool(align_corners))


def _sampled(
    sheet: Sheet, x: Operand, grid: Operand, mode: str, border: str, *, corners: bool
) -> Operand:
    space = x.rank - 2
    need(mode != "bicubic", "bicubic")
    n, c, *inner = x.letters
    out = list(sheet.letters(space))
    weights = []
    for k, axis in enumerate(inner):
        size = x.shape[2 + k]
        last = grid.at([n, *out, space - 1 - k])
        place = f"({last} + 1) / 2 * {size - 1}" if corners else f"(({last} + 1) * {size} - 1) / 2"
        at = sheet.define([n, *out], [x.shape[0], *grid.shape[1:-1]], place, wish="G")
        at = _held(sheet, at, size, border, corners=corners)
        near = sheet.letter()
        sheet.fix(near, f"size[{axis}]")
        gap = f"abs({at.here} - {near})"
        value = f"relu(1 - {gap})"
        if mode == "nearest":
            whole = f"where({at.here} - floor({at.here}) == 1/2, 2 * floor(({at.here} + 1/2) / 2), "
            value = f"where({whole}floor({at.here} + 1/2)) == {near}, 1, 0)"
        weights.append(
            sheet.define([n, *out, near], [*at.shape, size], value, wish="W").at([n, *out, axis])
        )
    value = f"sum[{', '.join(inner)}]({x.here} * {' * '.join(weights)})"
    return sheet.define([n, c, *out], [*x.shape[:2], *grid.shape[1:-1]], value)


def _held(sheet: Sheet, at: Operand, size: int, border: str, *, corners: bool) -> Operand:
    """Return places moved into an image; those outside stay with `zeros`."""
    if border == "zeros":
        return at
    if border == "reflection":
        low, high = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
        span = high - low
        if not span:
            return mapped(sheet, "0 * {0}", at)
        off = mapped(sheet, f"abs({{0}} - {number(low)})", at)
        turns = f"stop(floor({{0}} / {span}))"
        rest = f"({{0}} - {span} * {turns})"
        odd = f"{turns} - 2 * floor({turns} / 2) == 0"
        at = mapped(
            sheet, f"where({odd}, {rest} + {number(low)}, {span} - {rest} + {number(low)})", off
        )
    return mapped(sheet, f"where({{0}} <= 0, 0, where({{0}} >= {size - 1}, {size - 1}, {{0}}))", at)


_MODES = {0: "bilinear", 1: "nearest", 2: "bicubic"}
_BORDERS = {0: "zeros", 1: "border", 2: "reflection"}


@operator("grid_sampler_2d", "grid_sampler_3d", "grid_sampler")
def grid_sampler(
    sheet: Sheet, x: Operand, grid: Operand, mode: int, border: int, align_corners: bool
) -> Operand:
    """Return images read at points."""
    return _sampled(sheet, x, grid, _MODES[mode], _BORDERS[border], corners=align_corners)


def _real_transform(spread: int, dims: Any) -> Any:
    """Return the row of a Fourier transform from half a spectrum to reals, over some axes.

    Args:
        spread: The sign in the exponent: 1 of an inverse transform, -1 of a forward one.
        dims: Its axes by default.
    """

    def row(
        sheet: Sheet, x: Operand, n: Any = None, dim: Any = dims, norm: str | None = None,
        s: Any = None,
    ) -> Operand:  # fmt: skip
        n = s if n is None else n
        given = [dim] if isinstance(dim, int) else dim
        sizes = [n] if isinstance(n, int) else n
        if given is None:
            given = range(x.rank) if sizes is None else range(x.rank - len(sizes), x.rank)
        axes = [x.axis(d) for d in given]
        full = [x.shape[a] for a in axes]
        full[-1] = 2 * (full[-1] - 1)
        wanted = [f if s in (None, -1) else s for s, f in zip(sizes or full, full, strict=True)]
        return _summed(sheet, x, axes, wanted, spread, norm)

    return row


def _summed(
    sheet: Sheet, x: Operand, axes: list[int], wanted: list[int], spread: int, norm: str | None
) -> Operand:
    letters, shape = list(x.letters), list(x.shape)
    angles, tests = [], []
    for axis, length in zip(axes, wanted, strict=True):
        new, old = sheet.fixed(length), x.letters[axis]
        letters[axis], shape[axis] = new, length
        kept_ = length // 2 + 1 if axis == axes[-1] else length
        if x.shape[axis] > kept_:
            tests.append(f"{old} < {kept_}")
        angles.append(f"{old} * {new} / {length}")
    last = x.letters[axes[-1]]
    middle = f" or 2 * {last} == {wanted[-1]}" if wanted[-1] % 2 == 0 else ""
    term = f"{x.here} * where({last} == 0{middle}, 1, 2) * cos(2 * pi * ({' + '.join(angles)}))"
    if tests:
        term = f"where({' and '.join(tests)}, {term}, 0)"
    count = float(np.prod(wanted))
    mode = norm or "backward"
    scale = {"ortho": count**-0.5, "backward" if spread > 0 else "forward": 1 / count}.get(
        mode, 1.0
    )
    bound = ", ".join(x.letters[a] for a in axes)
    return sheet.define(letters, shape, f"{number(scale)} * sum[{bound}]({term})")


operator("fft.irfft")(_real_transform(1, -1))
operator("fft.irfft2")(_real_transform(1, (-2, -1)))
operator("fft.irfftn")(_real_transform(1, None))
operator("fft.hfft")(_real_transform(-1, -1))
operator("fft.hfft2")(_real_transform(-1, (-2, -1)))
operator("fft.hfftn")(_real_transform(-1, None))
