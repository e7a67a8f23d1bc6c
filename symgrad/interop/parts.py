"""Rows of the operator table: parts of tensors, diagonals, and tensors side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symgrad.interop.shapes import empty, flattened, shifted, sliced
from symgrad.interop.sheet import Operand
from symgrad.interop.table import need, operator, swapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Sheet


@operator("narrow", "narrow_copy")
def narrow(sheet: Sheet, x: Operand, dim: int, start: Any, length: int) -> Operand:
    """Return a part of an axis."""
    first = int(start.values) if isinstance(start, Operand) and start.values is not None else start
    need(isinstance(first, int), "a start that is computed")
    at = x.axis(dim)
    return sliced(sheet, x, at, first % x.shape[at] if x.shape[at] and first < 0 else first, length)


@operator("slice", "slice_copy")
def slice_(
    sheet: Sheet, x: Operand, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Operand:
    """Return a part of an axis."""
    at = x.axis(dim)
    found = range(x.shape[at])[slice(start, end, step)]
    return sliced(sheet, x, at, found.start if len(found) else 0, len(found), step)


@operator("select", "select_copy")
def select(sheet: Sheet, x: Operand, dim: int, index: int) -> Operand:
    """Return what stands at one place of an axis."""
    at = x.axis(dim)
    places = swapped(x.letters, {at: index % x.shape[at]})
    rest = [k for k in range(x.rank) if k != at]
    return sheet.define(
        [x.letters[k] for k in rest], [x.shape[k] for k in rest], x.at(places), kind=x.kind
    )


@operator("unbind", "unbind_copy")
def unbind(sheet: Sheet, x: Operand, dim: int = 0) -> list[Operand]:
    """Return what stands at each place of an axis."""
    return [select(sheet, x, dim, k) for k in range(x.shape[x.axis(dim)])]


def parted(sheet: Sheet, x: Operand, dim: int, lengths: Sequence[int]) -> list[Operand]:
    """Return consecutive parts of an axis."""
    starts = [sum(lengths[:k]) for k in range(len(lengths))]
    return [sliced(sheet, x, dim, s, n) for s, n in zip(starts, lengths, strict=True)]


@operator("split", "split_with_sizes", "split_with_sizes_copy", "unsafe_split",
          "split_copy", "unsafe_split_with_sizes")  # fmt: skip
def split(sheet: Sheet, x: Operand, size: Any, dim: int = 0) -> list[Operand]:
    """Return parts of given lengths."""
    at = x.axis(dim)
    if isinstance(size, int):
        full = x.shape[at]
        size = [min(size, full - s) for s in range(0, full, size)] if full else [0]
    return parted(sheet, x, at, size)


@operator("chunk", "unsafe_chunk")
def chunk(sheet: Sheet, x: Operand, chunks: int, dim: int = 0) -> list[Operand]:
    """Return at most so many parts."""
    return split(sheet, x, max(1, -(-x.shape[x.axis(dim)] // chunks)), dim)


@operator("unfold", "unfold_copy")
def unfold(sheet: Sheet, x: Operand, dimension: int, size: int, step: int) -> Operand:
    """Return windows along an axis, their elements on a new last one."""
    if not x.rank:
        return sheet.define([sheet.fixed(size)], [size], x.here)
    at = x.axis(dimension)
    many = (x.shape[at] - size) // step + 1
    letter, inside = sheet.fixed(many), sheet.fixed(size)
    places = swapped(x.letters, {at: f"{step} * {letter} + {inside}"})
    return sheet.define(
        [*swapped(x.letters, {at: letter}), inside],
        [*swapped(x.shape, {at: many}), size],
        x.at(places),
        kind=x.kind,
    )


# Diagonals and triangles


@operator("diagonal", "diagonal_copy")
def diagonal(sheet: Sheet, x: Operand, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Operand:
    """Return a diagonal of two axes, on a new last one."""
    first, second = x.axis(dim1), x.axis(dim2)
    down, right = max(-offset, 0), max(offset, 0)
    length = max(0, min(x.shape[first] - down, x.shape[second] - right))
    rest = [k for k in range(x.rank) if k not in (first, second)]
    shape = [*(x.shape[k] for k in rest), length]
    if not length:
        return empty(sheet, x, shape)
    letter = sheet.fixed(length)
    starts = {first: down, second: right}
    there = {d: shifted(letter, x.letters[d], start) for d, start in starts.items()}
    letters = [*(x.letters[k] for k in rest), letter]
    return sheet.define(letters, shape, x.at(swapped(x.letters, there)), kind=x.kind)


@operator("linalg.diagonal")
def linalg_diagonal(
    sheet: Sheet, x: Operand, *, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> Operand:
    """Return a diagonal of the last two axes."""
    return diagonal(sheet, x, offset, dim1, dim2)


@operator("diag_embed")
def diag_embed(
    sheet: Sheet, x: Operand, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> Operand:
    """Return matrices with the last axis on a diagonal."""
    rank = x.rank + 1
    first, second = dim1 % rank, dim2 % rank
    if first > second:
        first, second, offset = second, first, -offset
    length = x.shape[-1] + abs(offset)
    row, column = sheet.fixed(length), sheet.fixed(length)
    place = row if offset >= 0 else column
    value = f"where({column} == {row} + {offset} and {place} < size[{x.letters[-1]}], "
    value += f"{x.at([*x.letters[:-1], shifted(place, x.letters[-1])])}, 0)"
    letters, shape = list(x.letters[:-1]), list(x.shape[:-1])
    for at, letter in ((first, row), (second, column)):
        letters.insert(at, letter)
        shape.insert(at, length)
    return sheet.define(letters, shape, value)


@operator("diag")
def diag(sheet: Sheet, x: Operand, diagonal: int = 0) -> Operand:
    """Return a diagonal, or a matrix that has it."""
    return diag_embed(sheet, x, diagonal) if x.rank == 1 else _diagonal(sheet, x, diagonal)


_diagonal = diagonal


@operator("diagflat")
def diagflat(sheet: Sheet, x: Operand, offset: int = 0) -> Operand:
    """Return a matrix with all elements on a diagonal."""
    return diag_embed(sheet, flattened(sheet, x), offset)


def _triangle(sheet: Sheet, x: Operand, diagonal: int, sign: str) -> Operand:
    row, column = x.letters[-2:]
    value = f"where({column} {sign} {row} + {diagonal}, {x.here}, 0)"
    return sheet.define(x.letters, x.shape, value)


@operator("tril")
def tril(sheet: Sheet, x: Operand, diagonal: int = 0) -> Operand:
    """Return what stands on and below a diagonal."""
    return _triangle(sheet, x, diagonal, "<=")


@operator("triu")
def triu(sheet: Sheet, x: Operand, diagonal: int = 0) -> Operand:
    """Return what stands on and above a diagonal."""
    return _triangle(sheet, x, diagonal, ">=")


# Tensors side by side


@operator("cat", "concat", "concatenate")
def cat(sheet: Sheet, tensors: Sequence[Operand], dim: int = 0) -> Operand:
    """Return tensors one behind the other."""
    first = next((t for t in tensors if t.shape != (0,)), tensors[0])
    parts = [t for t in tensors if t.rank == first.rank and t.shape != (0,)] or [first]
    at = first.axis(dim)
    total = sum(p.shape[at] for p in parts)
    letter = sheet.fixed(total)
    letters = swapped(first.letters, {at: letter})
    start, value, closing = 0, "", ""
    for part in parts:
        if not part.shape[at]:
            continue
        here = swapped(letters, {at: shifted(f"{letter} - {start}", part.letters[at])})
        end = start + part.shape[at]
        value += f"where({letter} >= {start} and {letter} < {end}, {part.at(here)}, "
        closing += ")"
        start = end
    if not value:
        return empty(sheet, first, swapped(first.shape, {at: 0}))
    return sheet.define(
        letters, swapped(first.shape, {at: total}), f"{value}0{closing}", kind=first.kind
    )


@operator("stack")
def stack(sheet: Sheet, tensors: Sequence[Operand], dim: int = 0) -> Operand:
    """Return tensors side by side on a new axis."""
    first = tensors[0]
    at = dim % (first.rank + 1)
    letter = sheet.fixed(len(tensors))
    value = tensors[-1].at(first.letters)
    for number, tensor in reversed(list(enumerate(tensors[:-1]))):
        value = f"where({letter} == {number}, {tensor.at(first.letters)}, {value})"
    letters, shape = list(first.letters), list(first.shape)
    letters.insert(at, letter)
    shape.insert(at, len(tensors))
    return sheet.define(letters, shape, value, kind=first.kind)


@operator("meshgrid")
def meshgrid(sheet: Sheet, *tensors: Any, indexing: str = "ij") -> list[Operand]:
    """Return each tensor repeated along the axes of the others."""
    items = list(tensors[0]) if isinstance(tensors[0], (list, tuple)) else list(tensors)
    items = [flattened(sheet, x) for x in items]
    letters = list(sheet.letters(len(items)))
    for letter, x in zip(letters, items, strict=True):
        sheet.fix(letter, f"size[{x.letters[0]}]")
    order = list(range(len(items)))
    if indexing == "xy" and len(items) > 1:
        order[:2] = [1, 0]
    axes, shape = [letters[k] for k in order], [items[k].shape[0] for k in order]
    return [
        sheet.define(axes, shape, x.at([c]), kind=x.kind)
        for c, x in zip(letters, items, strict=True)
    ]
