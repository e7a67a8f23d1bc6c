"""The checks at the door of a generated function, as source text.

In: a signature. Out: the call that checks its arguments, and the helper that the call needs. The
helper is copied into each generated file, for these import nothing of symgrad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.codegen.body import INDENT, WIDTH
from symgrad.lowering.ops import BOOL, INTEGER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.codegen.signature import Argument, Signature


def check_lines(function: str, signature: Signature) -> list[str]:
    """Return the statement that checks the arguments of a function."""
    rows = [f"{a.name}=({', '.join(_spec(a, signature))})" for a in signature.arguments]
    fixed = _fixed(signature)
    head = [f'"{function}"', *([fixed] if fixed else []), *rows]
    line = f"{INDENT}_check({', '.join(head)})"
    if len(line) <= WIDTH:
        return [line]
    return [f"{INDENT}_check(", *(f"{INDENT}{INDENT}{row}," for row in head), f"{INDENT})"]


def _spec(argument: Argument, signature: Signature) -> list[str]:
    """Return name, axes, and what an argument that is not real holds."""
    spec = [argument.name, f'"{argument.letters(signature.spelled)}"']
    if argument.kind == BOOL:
        spec.append('"bool"')
    elif argument.kind == INTEGER:
        limit = argument.tensor.limit
        spec.append(f'"{signature.spelled[limit]}"' if limit else '"int"')
    return spec


def _fixed(signature: Signature) -> str:
    """Return the lengths that are known before the arguments: constants and integer arguments."""
    letters = " ".join(a.letters(signature.spelled) for a in signature.arguments)
    used = letters.replace("*", " ").split()
    limits = [signature.spelled[a.tensor.limit] for a in signature.arguments if a.tensor.limit]
    constants = sorted({v for v in (*used, *limits) if v.isdigit()}, key=int)
    rows = [f'"{v}": {v}' for v in constants]
    rows += [f'"{signature.spelled[a]}": {signature.spelled[a]}' for a in signature.lengths]
    return f"{{{', '.join(rows)}}}" if rows else ""


def needs_integers(signatures: Sequence[Signature]) -> bool:
    """Return whether some argument is not real."""
    return any(a.kind in (BOOL, INTEGER) for s in signatures for a in s.arguments)


def needs_products(signatures: Sequence[Signature]) -> bool:
    """Return whether some argument has an axis of composite length."""
    return any("*" in a.letters(s.spelled) for s in signatures for a in s.arguments)


NUMPY_CHECK = '''
def _check(function: str, fixed: dict[str, int] | None = None, /, **given: tuple[Any, ...]) -> None:
    """Raise unless each argument has the shape its letters spell and all have one float type."""
    lengths = {axis: (length, "the length given") for axis, length in (fixed or {}).items()}
    types: dict[Any, str] = {}
    for name, (value, letters, *kind) in given.items():
        if type(value) in (int, float) and not letters:
            continue
        if not isinstance(value, (np.ndarray, np.generic)):
            raise TypeError(f"{function}: {name} must be an array, not {type(value).__name__}")
        _check_shape(function, name, value.shape, letters.split(), lengths)
        if not kind and value.dtype.kind != "f":
            raise TypeError(f"{function}: {name} has type {value.dtype}, expected floats")
        if not kind:
            types.setdefault(value.dtype, name)
    if len(types) > 1:
        found = " and ".join(f"{name} is {dtype}" for dtype, name in types.items())
        raise TypeError(f"{function}: mixed types: {found}; convert them to one")
'''

CHECK_SHAPE = '''
def _check_shape(
    function: str,
    name: str,
    shape: tuple[int, ...],
    axes: list[str],
    lengths: dict[str, tuple[int, str]],
) -> None:
    """Raise unless a shape has the lengths that other arguments gave its axes."""
    if len(axes) != len(shape):
        text = f"has shape {tuple(shape)}, expected [{', '.join(axes)}]"
        raise ValueError(f"{function}: {name} {text}")
    for axis, length in zip(axes, shape, strict=True):
        known, first = lengths.setdefault(axis, (length, name))
        if length != known:
            text = f"length {length} along axis {axis}, expected {known} as in {first}"
            raise ValueError(f"{function}: {name} has {text}")
'''

SKIP_PRODUCTS = """
        if "*" in axis:
            continue
"""

PRODUCTS = """
    _check_products(function, given, lengths)
"""

CHECK_PRODUCTS = '''
def _check_products(
    function: str, given: dict[str, tuple[Any, ...]], lengths: dict[str, tuple[int, str]]
) -> None:
    """Raise unless each axis of a composite length is a product; one factor may be new."""
    rows = [(name, *row) for name, (x, axes, *_) in given.items() for row in _axes(x, axes)]
    rows = [row for row in rows if "*" in row[1]]
    while rows:
        name, axis, length = min(rows, key=lambda row: len({*row[1].split("*")} - {*lengths}))
        rows.remove((name, axis, length))
        known, new = 1, [a for a in axis.split("*") if a not in lengths]
        for factor in axis.split("*"):
            known *= lengths[factor][0] if factor in lengths else 1
        if len(new) > 1 or (length != known if not new else not known or length % known):
            text = f"length {length} along axis {axis}, no multiple of {known}"
            raise ValueError(f"{function}: {name} has {text}")
        if new:
            lengths[new[0]] = (length // known, name)


def _axes(x: Any, axes: str) -> list[tuple[str, int]]:
    """Return the letters of an array with their lengths."""
    return list(zip(axes.split(), x.shape, strict=True)) if axes else []
'''

NUMPY_INTEGERS = """
    for name, (value, _, *kind) in given.items():
        if kind and isinstance(value, (np.ndarray, np.generic)):
            _check_whole(f"{function}: {name}", value, kind[0], lengths)
"""

NUMPY_CHECK_WHOLE = '''
def _check_whole(name: str, value: Any, kind: str, lengths: dict[str, tuple[int, str]]) -> None:
    """Raise unless an array holds truth values, integers, or indices below a length."""
    if value.dtype.kind not in ("b" if kind == "bool" else "iu"):
        wanted = "truth values" if kind == "bool" else "integers"
        raise TypeError(f"{name} has type {value.dtype}, expected {wanted}")
    if kind in lengths and value.size and not 0 <= value.min() <= value.max() < lengths[kind][0]:
        limit = lengths[kind][0]
        text = f"from {value.min()} to {value.max()}, expected 0 to {limit - 1} (axis {kind})"
        raise IndexError(f"{name} holds indices {text}")
'''

TORCH_CHECK = '''
def _check(function: str, fixed: dict[str, int] | None = None, /, **given: tuple[Any, ...]) -> None:
    """Raise unless each argument has the shape its letters spell and all have one float type."""
    lengths = {axis: (length, "the length given") for axis, length in (fixed or {}).items()}
    types: dict[Any, str] = {}
    for name, (value, letters, *kind) in given.items():
        if type(value) in (int, float) and not letters:
            continue
        if not isinstance(value, Tensor):
            raise TypeError(f"{function}: {name} must be a tensor, not {type(value).__name__}")
        _check_shape(function, name, value.shape, letters.split(), lengths)
        if not kind and not value.is_floating_point():
            raise TypeError(f"{function}: {name} has type {value.dtype}, expected floats")
        if not kind:
            types.setdefault((value.dtype, value.device), name)
    if len(types) > 1:
        found = " and ".join(f"{name} is {kind[0]} on {kind[1]}" for kind, name in types.items())
        raise TypeError(f"{function}: mixed types: {found}; convert them to one")
'''

TORCH_INTEGERS = """
    for name, (value, _, *kind) in given.items():
        if kind and isinstance(value, Tensor):
            _check_whole(f"{function}: {name}", value, kind[0], lengths)
"""

TORCH_CHECK_WHOLE = '''
def _check_whole(name: str, value: Tensor, kind: str, lengths: dict[str, tuple[int, str]]) -> None:
    """Raise unless a tensor holds truth values, integers, or indices below a length."""
    types = [torch.bool] if kind == "bool" else [torch.int64, torch.int32]
    if value.dtype not in types:
        raise TypeError(f"{name} has type {value.dtype}, expected {types[0]}")
    if kind in lengths and value.numel():
        low, high, limit = int(value.min()), int(value.max()), lengths[kind][0]
        if low < 0 or high >= limit:
            text = f"from {low} to {high}, expected 0 to {limit - 1} (axis {kind})"
            raise IndexError(f"{name} holds indices {text}")
'''


@dataclass(frozen=True)
class DoorText:
    """The source of the checks of one target: the loop, and what integers add to it."""

    check: str
    integers: str
    check_whole: str

    def blocks(self, *, integers: bool, products: bool) -> list[str]:
        """Return the helper functions that a module needs."""
        shape, check = [CHECK_SHAPE.strip()], self.check.strip()
        if products:
            loop = "zip(axes, shape, strict=True):"
            skipping = shape[0].replace(loop, loop + SKIP_PRODUCTS.rstrip())
            shape, check = [skipping, CHECK_PRODUCTS.strip()], check + PRODUCTS.rstrip()
        if not integers:
            return [check, *shape]
        return [check + self.integers.rstrip(), *shape, self.check_whole.strip()]


NUMPY_DOOR = DoorText(NUMPY_CHECK, NUMPY_INTEGERS, NUMPY_CHECK_WHOLE)
TORCH_DOOR = DoorText(TORCH_CHECK, TORCH_INTEGERS, TORCH_CHECK_WHOLE)
