"""Rows of the operator table: borders, and channels moved into space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symgrad.interop.shapes import clone, shifted
from symgrad.interop.sheet import Operand, number
from symgrad.interop.table import need, operator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Sheet


def padded(sheet: Sheet, x: Operand, pad: Sequence[int], mode: str, value: Any = 0) -> Operand:
    """Return a tensor with borders, the last axis first in `pad`; a negative one cuts."""
    letters, places, shape, tests = list(x.letters), list(x.letters), list(x.shape), []
    for k in range(len(pad) // 2):
        before, after = pad[2 * k], pad[2 * k + 1]
        at = x.rank - 1 - k
        axis = x.letters[at]
        if not before and not after:
            continue
        shape[at] = x.shape[at] + before + after
        letters[at] = sheet.fixed(shape[at])
        place = f"{letters[at]} - {before}" if before else letters[at]
        last = f"size[{axis}] - 1"
        places[at] = {
            "constant": shifted(place, axis),
            "reflect": f"{last} - abs({last} - abs({place}))",
            "replicate": f"clip({place}, 0, {last})",
            "circular": f"({place}) % size[{axis}]",
        }[mode]
        tests.append(f"{place} >= 0 and {place} < size[{axis}]")
    if not tests:
        return clone(sheet, x)
    read = x.at(places)
    if mode == "constant":
        read = f"where({' and '.join(tests)}, {read}, {number(value)})"
    elif mode == "reflect":
        read = _reflected(sheet, x, letters, pad)
    return sheet.define(letters, shape, read, kind=x.kind)


def _reflected(sheet: Sheet, x: Operand, letters: Sequence[str], pad: Sequence[int]) -> str:
    """Return x read with each end turned back, by cases."""
    del sheet
    cases: list[tuple[str, dict[int, str]]] = [("", {})]
    for k in range(len(pad) // 2):
        before, after = pad[2 * k], pad[2 * k + 1]
        at = x.rank - 1 - k
        if not before and not after:
            continue
        new, axis, full = letters[at], x.letters[at], x.shape[at]
        middle = shifted(f"{new} - {before}", axis)
        ends = [
            (f"{new} < {before}", f"{before} - {new}"),
            (f"{new} >= {before + full}", f"{2 * (full - 1) + before} - {new}"),
            (f"{new} >= {before} and {new} < {before + full}", middle),
        ]
        cases = [
            (f"{test} and {more}" if test else more, {**there, at: place})
            for test, there in cases
            for more, place in ends
        ]
    text = "0"
    for test, there in reversed(cases):
        read = x.at(there.get(d, c) for d, c in enumerate(x.letters))
        text = f"where({test}, {read}, {text})"
    return text


@operator("nn.functional.pad", "pad")
def pad_(
    sheet: Sheet, x: Operand, pad: Sequence[int], mode: str = "constant", value: Any = None
) -> Operand:
    """Return a tensor with borders."""
    return padded(sheet, x, pad, mode, value or 0)


@operator("constant_pad_nd")
def constant_pad_nd(sheet: Sheet, x: Operand, pad: Sequence[int], value: Any = 0) -> Operand:
    """Return a tensor with borders of a number."""
    return padded(sheet, x, pad, "constant", value)


@operator("nn.functional.pixel_shuffle", "pixel_shuffle")
def pixel_shuffle(sheet: Sheet, x: Operand, upscale_factor: int) -> Operand:
    """Return channels as finer pixels."""
    r = upscale_factor
    lead, (h, w) = x.letters[:-3], x.letters[-2:]
    c, p, q = sheet.fixed(x.shape[-3] // r**2), sheet.fixed(r), sheet.fixed(r)
    letters = [*lead, c, f"({h}, {p})", f"({w}, {q})"]
    shape = [*x.shape[:-3], x.shape[-3] // r**2, x.shape[-2] * r, x.shape[-1] * r]
    return sheet.define(letters, shape, x.at([*lead, f"({c}, {p}, {q})", h, w]))


@operator("nn.functional.pixel_unshuffle", "pixel_unshuffle")
def pixel_unshuffle(sheet: Sheet, x: Operand, downscale_factor: int) -> Operand:
    """Return fine pixels as channels."""
    r = downscale_factor
    lead, c = x.letters[:-3], x.letters[-3]
    h, w = sheet.fixed(x.shape[-2] // r), sheet.fixed(x.shape[-1] // r)
    p, q = sheet.fixed(r), sheet.fixed(r)
    letters = [*lead, f"({c}, {p}, {q})", h, w]
    shape = [*x.shape[:-3], x.shape[-3] * r**2, x.shape[-2] // r, x.shape[-1] // r]
    return sheet.define(letters, shape, x.at([*lead, c, f"({h}, {p})", f"({w}, {q})"]))


@operator("nn.functional.channel_shuffle", "channel_shuffle")
def channel_shuffle(sheet: Sheet, x: Operand, groups: int) -> Operand:
    """Return the channels of all groups in turns."""
    need(x.rank > 1, "a tensor without channels")
    g, c = sheet.fixed(groups), sheet.fixed(x.shape[1] // groups)
    n, rest = x.letters[0], x.letters[2:]
    return sheet.define([n, f"({c}, {g})", *rest], x.shape, x.at([n, f"({g}, {c})", *rest]))
