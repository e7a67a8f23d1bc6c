"""The table of torch operators: a name and the row that writes its equations.

In: one decorated function for each row. Out: `OPERATORS`. A row gets a sheet and the arguments of
the operator, tensors as `Operand`, and returns the operands that are its results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from symgrad.interop.sheet import NoRowError, Operand, Sheet, number

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = Callable[..., Any]

#: The rows, by the name of the operator: as under `torch`, or as a method of a tensor.
OPERATORS: dict[str, Row] = {}


def operator(*names: str) -> Callable[[Row], Row]:
    """Return a decorator that enters a row under names."""

    def enter(row: Row) -> Row:
        for name in names:
            assert name not in OPERATORS, f"{name} has two rows"
            OPERATORS[name] = row
        return row

    return enter


def need(condition: object, what: str) -> None:
    """Raise unless a row covers its arguments.

    Raises:
        NoRowError: If not.
    """
    if not condition:
        raise NoRowError(what)


def broadcast(
    sheet: Sheet, *operands: object
) -> tuple[tuple[str, ...], tuple[int, ...], list[str]]:
    """Return letters and shape of what operands broadcast to, and how each is read there.

    Numbers are read as literals.
    """
    tensors = [o for o in operands if isinstance(o, Operand)]
    shape = broadcast_shape([o.shape for o in tensors])
    letters = _result_letters(sheet, tensors, shape)
    reads = [read_at(o, letters, shape) if isinstance(o, Operand) else number(o) for o in operands]
    return letters, shape, reads


def broadcast_shape(shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the shape that shapes broadcast to.

    >>> broadcast_shape([(3, 1), (2,)])
    (3, 2)
    """
    rank = max((len(s) for s in shapes), default=0)
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in shapes]
    return tuple(next((n for n in column if n != 1), 1) for column in zip(*padded, strict=True))


def read_at(operand: Operand, letters: Sequence[str], shape: Sequence[int]) -> str:
    """Return how an operand is read where it broadcasts to a shape; a longer axis is read at 0."""
    skip = len(shape) - operand.rank
    pairs = zip(operand.shape, letters[skip:], shape[skip:], strict=True)
    return operand.at(letter if mine == full else 0 for mine, letter, full in pairs)


def _result_letters(
    sheet: Sheet, tensors: Sequence[Operand], shape: Sequence[int]
) -> tuple[str, ...]:
    found: list[str] = []
    for at, full in enumerate(shape):
        back = at - len(shape)
        taken = (o.letters[back] for o in tensors if -back <= o.rank and o.shape[back] == full)
        letter = next((c for c in taken if c not in found), None)
        found.append(letter or sheet.letter())
    return tuple(found)


def mapped(
    sheet: Sheet, template: str, *operands: object, kind: str = "real", **more: str
) -> Operand:
    """Define a function of elements that broadcast: `{0}`, `{1}` in the template are the reads."""
    letters, shape, reads = broadcast(sheet, *operands)
    return sheet.define(letters, shape, template.format(*reads, **more), kind=kind)


def dims_of(operand: Operand, dim: Any) -> list[int]:
    """Return the axes that `dim` names, in order: all if it is None or empty."""
    if dim is None or (isinstance(dim, (list, tuple)) and not dim):
        return list(range(operand.rank))
    given = [dim] if isinstance(dim, int) else list(dim)
    return sorted({operand.axis(d) for d in given} if operand.rank else set())


def without(items: Sequence[Any], dims: Sequence[int]) -> tuple[Any, ...]:
    """Return a sequence without the entries at some positions."""
    return tuple(v for k, v in enumerate(items) if k not in dims)


def swapped(items: Sequence[Any], changes: dict[int, Any]) -> tuple[Any, ...]:
    """Return a sequence with the entries at some positions replaced."""
    return tuple(changes.get(k, v) for k, v in enumerate(items))


def kept(sheet: Sheet, operand: Operand, dims: Sequence[int], *, keepdim: bool) -> Operand:
    """Return a reduced operand with an axis of length 1 at each of the reduced ones, if wanted."""
    if not keepdim or not dims:
        return operand
    letters, shape = list(operand.letters), list(operand.shape)
    for dim in dims:
        letters.insert(dim, sheet.fixed(1))
        shape.insert(dim, 1)
    return sheet.define(letters, shape, operand.here, kind=operand.kind)
