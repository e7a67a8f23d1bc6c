"""Rows of the operator table: the same elements in another shape.

Each is an equation that reads one element: what moves is the index.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from symgrad.interop.table import need, operator, swapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.interop.sheet import Operand, Sheet


def ints(*given: Any) -> list[int]:
    """Return integers given one by one or as one sequence."""
    items = given[0] if len(given) == 1 and not isinstance(given[0], int) else given
    return [int(n) for n in items]


def copied(sheet: Sheet, x: Operand) -> Operand:
    """Return a copy: an equation of its own."""
    return sheet.define(x.letters, x.shape, x.here, kind=x.kind)


@operator(
    "clone", "contiguous", "alias_copy", "alias", "conj", "conj_physical", "resolve_conj",
    "resolve_neg", "real", "double", "detach", "lift_fresh", "lift_fresh_copy", "_conj",
)  # fmt: skip
def clone(sheet: Sheet, x: Operand, **_: Any) -> Operand:
    """Return the same."""
    return copied(sheet, x)


def refined(
    old: Sequence[int], new: Sequence[int]
) -> tuple[list[list[int]], list[list[int]]] | None:
    """Return the factors that the lengths of two shapes share, for each axis their numbers.

    None if the shapes have no common refinement. The last entry of both lists is the factors.

    >>> refined((2, 6), (4, 3))
    ([[0], [1, 2], [2, 2, 3]], [[0, 1], [2], [2, 2, 3]])
    """
    factors: list[int] = []
    sides: tuple[list[list[int]], list[list[int]]] = ([[] for _ in old], [[] for _ in new])
    rest = (
        [[n, at] for at, n in enumerate(old) if n != 1],
        [[n, at] for at, n in enumerate(new) if n != 1],
    )
    while rest[0] and rest[1]:
        first, second = rest[0][-1], rest[1][-1]
        part = min(first[0], second[0])
        if first[0] % part or second[0] % part:
            return None
        for side, stack in zip(sides, rest, strict=True):
            side[stack[-1][1]].insert(0, len(factors))
            stack[-1][0] //= part
            if stack[-1][0] == 1:
                stack.pop()
        factors.append(part)
    last = len(factors) - 1
    found = [[[last - f for f in axis] for axis in side] for side in sides]
    factors.reverse()
    return [*found[0], factors], [*found[1], factors]


def reshaped(sheet: Sheet, x: Operand, shape: Sequence[int]) -> Operand:
    """Return the elements in another shape of as many."""
    shape = _complete(x, shape)
    need(prod(shape) == prod(x.shape), f"{x.shape} as {tuple(shape)}")
    if tuple(shape) == x.shape:
        return copied(sheet, x)
    if 0 in shape:
        return empty(sheet, x, shape)
    found = refined(x.shape, shape)
    if found is None:
        flat = flattened(sheet, x)
        letters = [sheet.fixed(n) for n in shape]
        strides = [prod(shape[k + 1 :]) for k in range(len(shape))]
        place = " + ".join(f"{s} * {c}" for s, c in zip(strides, letters, strict=True))
        return sheet.define(letters, shape, flat.at([place]), kind=x.kind)
    (*old, factors), (*new, _) = found
    names = [sheet.fixed(n) for n in factors]
    for axis, letter in zip(old, x.letters, strict=True):  # keep the letters that stay whole
        if len(axis) == 1 and any(axis == other for other in new):
            names[axis[0]] = letter
    read = x.at(_place([names[f] for f in axis], "0") for axis in old)
    left = [_place([names[f] for f in axis], "") or sheet.fixed(1) for axis in new]
    return sheet.define(left, shape, read, kind=x.kind)


def _place(letters: Sequence[str], empty: str) -> str:
    if not letters:
        return empty
    return letters[0] if len(letters) == 1 else f"({', '.join(letters)})"


def _complete(x: Operand, shape: Sequence[int]) -> list[int]:
    """Return a shape with -1 replaced by what is left."""
    if -1 not in shape:
        return list(shape)
    rest = prod(n for n in shape if n != -1)
    return [prod(x.shape) // rest if n == -1 else n for n in shape]


def flattened(sheet: Sheet, x: Operand) -> Operand:
    """Return the elements in a row."""
    if x.rank == 1:
        return x
    if not x.rank:
        return sheet.define([sheet.fixed(1)], [1], x.here, kind=x.kind)
    return sheet.define([_place(x.letters, "")], [prod(x.shape)], x.here, kind=x.kind)


@operator("reshape", "view", "view_copy", "_unsafe_view", "_reshape_copy")
def reshape(sheet: Sheet, x: Operand, *shape: Any) -> Operand:
    """Return another shape."""
    need(shape and not any(type(s).__name__ == "dtype" for s in shape), "a view as another dtype")
    return reshaped(sheet, x, ints(*shape))


@operator("reshape_as", "view_as")
def reshape_as(sheet: Sheet, x: Operand, other: Operand) -> Operand:
    """Return the shape of another tensor."""
    return reshaped(sheet, x, other.shape)


@operator("ravel")
def ravel(sheet: Sheet, x: Operand) -> Operand:
    """Return all in a row."""
    return reshaped(sheet, x, [prod(x.shape)])


@operator("flatten")
def flatten(sheet: Sheet, x: Operand, start_dim: int = 0, end_dim: int = -1) -> Operand:
    """Return some axes as one."""
    if not x.rank:
        return reshaped(sheet, x, [1])
    first, last = x.axis(start_dim), x.axis(end_dim)
    middle = prod(x.shape[first : last + 1])
    return reshaped(sheet, x, [*x.shape[:first], middle, *x.shape[last + 1 :]])


@operator("unflatten")
def unflatten(sheet: Sheet, x: Operand, dim: int, sizes: Sequence[int]) -> Operand:
    """Return one axis as several."""
    need(isinstance(dim, int), "a named axis")
    dim = x.axis(dim)
    rest = prod(n for n in sizes if n != -1) or 1
    filled = [x.shape[dim] // rest if n == -1 else n for n in sizes]
    return reshaped(sheet, x, [*x.shape[:dim], *filled, *x.shape[dim + 1 :]])


# Axes


def permuted(sheet: Sheet, x: Operand, dims: Sequence[int]) -> Operand:
    """Return the axes in another order."""
    order = [x.axis(d) for d in dims]
    return sheet.define(
        [x.letters[d] for d in order], [x.shape[d] for d in order], x.here, kind=x.kind
    )


@operator("permute", "permute_copy")
def permute(sheet: Sheet, x: Operand, *dims: Any) -> Operand:
    """Return the axes in another order."""
    return permuted(sheet, x, ints(*dims))


@operator("transpose", "transpose_copy", "swapaxes", "swapdims")
def transpose(sheet: Sheet, x: Operand, dim0: int, dim1: int) -> Operand:
    """Return two axes swapped."""
    order = list(range(x.rank))
    if order:
        first, second = x.axis(dim0), x.axis(dim1)
        order[first], order[second] = second, first
    return permuted(sheet, x, order)


@operator("t", "t_copy", "T", "H", "numpy_T")
def t(sheet: Sheet, x: Operand) -> Operand:
    """Return the axes in reverse order."""
    return permuted(sheet, x, range(x.rank)[::-1])


@operator("mT", "mH", "adjoint")
def matrix_t(sheet: Sheet, x: Operand) -> Operand:
    """Return the last two axes swapped."""
    return transpose(sheet, x, -2, -1)


@operator("movedim", "moveaxis")
def movedim(sheet: Sheet, x: Operand, source: Any, destination: Any) -> Operand:
    """Return axes moved elsewhere."""
    origin = [x.axis(d) for d in ([source] if isinstance(source, int) else source)]
    goal = [x.axis(d) for d in ([destination] if isinstance(destination, int) else destination)]
    rest = iter(d for d in range(x.rank) if d not in origin)
    back = dict(zip(goal, origin, strict=True))
    return permuted(sheet, x, [back[d] if d in back else next(rest) for d in range(x.rank)])


@operator("unsqueeze", "unsqueeze_copy")
def unsqueeze(sheet: Sheet, x: Operand, dim: int) -> Operand:
    """Return a new axis of length 1."""
    at = dim % (x.rank + 1)
    letters, shape = list(x.letters), list(x.shape)
    letters.insert(at, sheet.fixed(1))
    shape.insert(at, 1)
    return sheet.define(letters, shape, x.here, kind=x.kind)


def dropped(sheet: Sheet, x: Operand, dims: Sequence[int]) -> Operand:
    """Return a tensor without some axes, read at 0."""
    places = swapped(x.letters, dict.fromkeys(dims, "0"))
    rest = [k for k in range(x.rank) if k not in dims]
    return sheet.define(
        [x.letters[k] for k in rest], [x.shape[k] for k in rest], x.at(places), kind=x.kind
    )


@operator("squeeze", "squeeze_copy")
def squeeze(sheet: Sheet, x: Operand, dim: Any = None) -> Operand:
    """Return a tensor without axes of length 1."""
    given = range(x.rank) if dim is None else [dim] if isinstance(dim, int) else dim
    dims = [d for d in (x.axis(g) for g in given) if x.rank and x.shape[d] == 1]
    return dropped(sheet, x, dims)


# Repeated elements


def expanded(sheet: Sheet, x: Operand, shape: Sequence[int]) -> Operand:
    """Return a tensor that repeats along axes of length 1, and along new ones in front."""
    skip = len(shape) - x.rank
    letters, lengths, places = [], [], []
    for at, wanted in enumerate(shape):
        mine = x.shape[at - skip] if at >= skip else None
        full = mine if wanted == -1 and mine is not None else wanted
        if mine is not None and mine == full:
            letters.append(x.letters[at - skip])
            places.append(x.letters[at - skip])
        else:
            letters.append(sheet.fixed(full))
            places += [] if mine is None else ["0"]
        lengths.append(full)
    return sheet.define(letters, lengths, x.at(places), kind=x.kind)


@operator("expand", "expand_copy", "broadcast_to")
def expand(sheet: Sheet, x: Operand, *shape: Any, **_: Any) -> Operand:
    """Return a tensor repeated to a shape."""
    return expanded(sheet, x, ints(*shape))


@operator("expand_as")
def expand_as(sheet: Sheet, x: Operand, other: Operand) -> Operand:
    """Return a tensor repeated to the shape of another."""
    return expanded(sheet, x, other.shape)


@operator("repeat", "tile")
def repeat(sheet: Sheet, x: Operand, *repeats: Any) -> Operand:
    """Return a tensor set side by side with itself."""
    counts = ints(*repeats)
    counts = [1] * (x.rank - len(counts)) + counts
    skip = len(counts) - x.rank
    letters, shape, places = [], [], []
    for at, count in enumerate(counts):
        length = x.shape[at - skip] if at >= skip else 1
        whole = count == 1 and at >= skip
        letters.append(x.letters[at - skip] if whole else sheet.fixed(count * length))
        shape.append(count * length)
        if at >= skip:
            axis = x.letters[at - skip]
            places.append(axis if whole else f"{letters[-1]} % size[{axis}]")
    if 0 in shape:
        return empty(sheet, x, shape)
    return sheet.define(letters, shape, x.at(places), kind=x.kind)


# Other positions


@operator("flip")
def flip(sheet: Sheet, x: Operand, *given: Any, dims: Any = None) -> Operand:
    """Return some axes backwards."""
    axes = ints(*given) if dims is None else ints(*([dims] if isinstance(dims, int) else [[*dims]]))
    turned = [x.axis(d) for d in axes] if x.rank else []
    letters = swapped(x.letters, {d: sheet.letter() for d in turned})
    places = list(letters)
    for d in turned:
        sheet.fix(letters[d], f"size[{x.letters[d]}]")
        places[d] = f"size[{x.letters[d]}] - 1 - {letters[d]}"
    return sheet.define(letters, x.shape, x.at(places), kind=x.kind)


@operator("roll")
def roll(sheet: Sheet, x: Operand, shifts: Any, dims: Any = None) -> Operand:
    """Return what runs out at one end at the other."""
    if dims is None or dims in ([], ()):
        flat = flattened(sheet, x)
        return reshaped(sheet, roll(sheet, flat, shifts, 0), x.shape)
    steps = ints(*(shifts if isinstance(shifts, (list, tuple)) else [shifts]))
    axes = [x.axis(d) for d in ints(*(dims if isinstance(dims, (list, tuple)) else [dims]))]
    total: dict[int, int] = {}
    for step, axis in zip(steps, axes, strict=True):
        total[axis] = total.get(axis, 0) + step
    letters = swapped(x.letters, {d: sheet.letter() for d in total})
    places = list(letters)
    for d, step in total.items():
        sheet.fix(letters[d], f"size[{x.letters[d]}]")
        places[d] = f"({letters[d]} - {step}) % size[{x.letters[d]}]"
    return sheet.define(letters, x.shape, x.at(places), kind=x.kind)


def shifted(letter: str, axis: str, start: int = 0) -> str:
    """Return a letter as a place on an axis of another length; a plain letter would be as long."""
    return f"{start} + {letter}" if start else f"size[{axis}] - size[{axis}] + {letter}"


def sliced(sheet: Sheet, x: Operand, dim: int, start: int, length: int, step: int = 1) -> Operand:
    """Return a part of an axis."""
    full, axis = x.shape[dim], x.letters[dim]
    if start == 0 and step == 1 and length == full:
        return copied(sheet, x)
    if not length:
        return empty(sheet, x, swapped(x.shape, {dim: 0}))
    letter = sheet.fixed(length)
    place = shifted(letter, axis, start) if step == 1 else f"{start} + {step} * {letter}"
    letters = swapped(x.letters, {dim: letter})
    read = x.at(swapped(x.letters, {dim: place}))
    return sheet.define(letters, swapped(x.shape, {dim: length}), read, kind=x.kind)


def empty(sheet: Sheet, x: Operand, shape: Sequence[int]) -> Operand:
    """Return nothing, in a shape with an axis of length 0; x is read where it has elements."""
    letters = [sheet.fixed(n) for n in shape]
    if 0 not in x.shape:
        return sheet.define(letters, shape, x.at([0] * x.rank), kind=x.kind)
    none = sheet.fixed(1)
    inside = " and ".join(
        f"{none} < size[{c}]" for c, n in zip(x.letters, x.shape, strict=True) if not n
    )
    places = [shifted(none, c) for c in x.letters]
    return sheet.define(letters, shape, f"sum[{none}](where({inside}, {x.at(places)}, 0))")
