"""What a call is checked for before anything is computed: names, dtypes, shapes, ranges, domains.

In: a System and arrays. Out: the length of every axis, or an error that says which array is wrong.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.errors import (
    DivisibilityError,
    DomainError,
    DTypeError,
    IndexRangeError,
    InputError,
    ShapeError,
)
from symgrad.interpreter.domains import fault_of
from symgrad.ir.equation import NOISE_KINDS, REAL_KINDS, System, Tensor
from symgrad.ir.show import show_shape
from symgrad.ir.sizes import length_of, solve_lengths
from symgrad.ir.terms import BATCH, Const, Expr, Size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

Arrays = dict[str, "NDArray[Any]"]


def as_arrays(system: System, given: Mapping[str, ArrayLike]) -> Arrays:
    """Return the inputs as arrays of the right kind, defaults filled in.

    Raises:
        InputError: If an input is missing or unknown.
        DTypeError: If a dtype is wrong, or there are two float dtypes.
    """
    known = [t.name for t in system.inputs]
    for name in given:
        if name not in known:
            raise InputError(
                where=f"a call of {system.name}",
                given=f"an input {name}",
                expected=f"the inputs {', '.join(known)}",
                fix="leave it out",
            )
    arrays = {t.name: _array(system, t, given) for t in system.inputs}
    floats: dict[np.dtype[Any], str] = {}
    for name, value in given.items():
        if isinstance(value, (np.ndarray, np.generic)) and arrays[name].dtype.kind == "f":
            floats.setdefault(arrays[name].dtype, name)
    if len(floats) > 1:
        raise DTypeError(
            where=f"a call of {system.name}",
            given=", ".join(f"{name} of {dtype}" for dtype, name in floats.items()),
            expected="one float dtype in a call",
            fix="convert them: X.astype(np.float64)",
        )
    return arrays


def _array(system: System, tensor: Tensor, given: Mapping[str, ArrayLike]) -> NDArray[Any]:
    value = given.get(tensor.name)
    if value is None:
        if tensor.default is None:
            raise InputError(
                where=f"a call of {system.name}",
                given=f"no {tensor.name}",
                expected=f"{tensor.name}, {tensor.kind}{show_shape(tensor)}",
                fix=f"pass {tensor.name}",
            )
        integer = tensor.kind in ("int", "index")
        value = int(tensor.default) if integer else float(tensor.default)
    array = _converted(system, tensor, value)
    plain = not isinstance(value, (np.ndarray, np.generic))
    if tensor.kind in REAL_KINDS + NOISE_KINDS:
        if plain and array.dtype.kind in "iub":
            array = array.astype(np.float64)
        allowed, words = "fO", "a float dtype"
    elif tensor.kind == "bool":
        allowed, words = "b", "dtype bool"
    else:
        allowed, words = "iu", "an integer dtype"
    if array.dtype.kind not in allowed or not _all_real(array):
        raise DTypeError(
            where=f"input {tensor.name} of {system.name}",
            given=f"dtype {array.dtype}",
            expected=f"{words}, for {tensor.kind}",
            fix=f"convert it: {tensor.name}.astype(...)",
        )
    return array


def _converted(system: System, tensor: Tensor, value: ArrayLike) -> NDArray[Any]:
    """Return a value as an array; the array itself when it is one, which is never written to."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged rows; a tensor with a gradient
        raise DTypeError(
            where=f"input {tensor.name} of {system.name}",
            given=f"a {type(value).__name__} that is no array: {str(error).splitlines()[0]}",
            expected=f"{tensor.name}, {tensor.kind}{show_shape(tensor)}",
            fix="pass a NumPy array, or lists of equal length",
        ) from None


def _all_real(array: NDArray[Any]) -> bool:
    """Return whether an array of objects, such as mpmath numbers, holds real numbers only."""
    if array.dtype.kind != "O":
        return True
    return all(isinstance(v, Real) and not isinstance(v, bool) for v in array.flat)


def batch_shape(system: System, arrays: Mapping[str, NDArray[Any]]) -> tuple[int, ...]:
    """Return the lengths that `...` stands for in a call: those of the inputs, broadcast.

    Raises:
        ShapeError: If two inputs have lengths that do not broadcast.
    """
    found: tuple[int, ...] = ()
    for tensor in system.inputs:
        if BATCH in tensor.axes:
            shape = arrays[tensor.name].shape
            rank = len(shape) - len(tensor.shape) + 1
            try:
                found = np.broadcast_shapes(found, shape[: max(rank, 0)])
            except ValueError:
                rank = -1
            if rank < 0:
                raise ShapeError(
                    where=f"input {tensor.name} of {system.name}",
                    given=f"shape {shape}",
                    expected=f"{show_shape(tensor)} with ... that broadcasts to {found}",
                    fix="give the batch axes equal lengths in every input, or length 1",
                )
    return found


def own_batch(
    system: System,
    arrays: Arrays,
    letters: Sequence[str],
    others: Mapping[str, Sequence[int]],
) -> dict[str, tuple[str, ...]]:
    """Return for each tensor that broadcasts which of the batch axes it has, as `fix_batch` does.

    Args:
        system: The System.
        arrays: Its inputs.
        letters: The batch axes.
        others: The lengths of `...` in other tensors.
    """
    batch = batch_shape(system, arrays)
    shapes = {n: tuple(s) for n, s in others.items()}
    for tensor in system.inputs:
        if BATCH in tensor.axes:
            shape = arrays[tensor.name].shape
            shapes[tensor.name] = shape[: len(shape) - len(tensor.shape) + 1]
    found: dict[str, tuple[str, ...]] = {}
    for name, shape in shapes.items():
        if shape != batch:
            skip = len(batch) - len(shape)
            pairs = zip(shape, batch[skip:], letters[skip:], strict=True)
            found[name] = tuple("1" if n == 1 != m else letter for n, m, letter in pairs)
    return found


def _own(tensor: Tensor, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the lengths of the axes other than those of `...`."""
    return shape[len(shape) - len(tensor.shape) + 1 :] if BATCH in tensor.axes else shape


def bind_sizes(
    system: System, arrays: Mapping[str, ArrayLike], sizes: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Return the length of every axis, checked: shapes, divisibility, index ranges, domains.

    Args:
        system: The System. For one with `...`, the entry `...` is how many elements it spans.
        arrays: A value for each input; scalars with a default may be missing.
        sizes: Lengths that the arrays do not show.

    Raises:
        SymgradError: A subclass that says which array is wrong.

    >>> from symgrad.ir.text import parse
    >>> bind_sizes(parse("Y[n] = sum[i](X[n, i] ** 2)"), {"X": np.ones((2, 3))})
    {'n': 2, 'i': 3}
    """
    values = as_arrays(system, arrays)
    batch = batch_shape(system, values)
    known = _given_sizes(system, sizes or {})
    if system.has_batch:
        known[BATCH] = prod(batch)
    rules: list[tuple[Expr, Expr]] = []
    for tensor in system.inputs:
        shape = values[tensor.name].shape
        lengths: list[int] = list(shape)
        if BATCH in tensor.axes:
            lengths = [prod(batch), *_own(tensor, shape)]
        if len(lengths) != len(tensor.shape):
            raise _wrong_shape(system, tensor, shape, {})
        rules += [(s, Const(Fraction(n))) for s, n in zip(tensor.shape, lengths, strict=True)]
    rules += [(Size(a), e) for a, e in system.sizes]
    found = solve_lengths(rules, known)
    _check_shapes(system, values, found)
    _check_sizes(system, found)
    for tensor in system.inputs:
        _check_values(system, tensor, values[tensor.name], found)
    return found


def _given_sizes(system: System, sizes: Mapping[str, object]) -> dict[str, int]:
    found: dict[str, int] = {}
    for axis, length in sizes.items():
        if isinstance(length, bool) or not isinstance(length, (int, np.integer)) or length < 0:
            raise ShapeError(
                where=f"sizes of a call of {system.name}",
                given=f"{axis} = {length!r}",
                expected="a whole number of at least 0",
                fix=f"pass sizes={{'{axis}': 3}}",
            )
        found[axis] = int(length)
    return found


def _wrong_shape(
    system: System, tensor: Tensor, shape: tuple[int, ...], sizes: Mapping[str, int]
) -> ShapeError:
    known = ", ".join(f"{a} = {n}" for a, n in sizes.items() if a in tensor.axes)
    return ShapeError(
        where=f"input {tensor.name} of {system.name}",
        given=f"shape {shape}",
        expected=f"{tensor.name}{show_shape(tensor) or ', a scalar'}"
        + (f" with {known}" if known else ""),
        fix=f"pass {tensor.name} with {len(tensor.shape)} axes of these lengths",
    )


def _check_shapes(system: System, values: Arrays, sizes: Mapping[str, int]) -> None:
    for tensor in system.inputs:
        shape = values[tensor.name].shape
        own = _own(tensor, shape)
        lengths = [s for s in tensor.shape if s is not Size(BATCH)]
        for at, (length, actual) in enumerate(zip(lengths, own, strict=True)):
            expected = length_of(length, sizes)
            if expected is None and not isinstance(length, Size):
                raise DivisibilityError(
                    where=f"axis {at + 1} of input {tensor.name} of {system.name}",
                    given=f"length {actual}",
                    expected=f"{length}, a product of whole numbers",
                    fix="pass an array whose length is divisible",
                )
            if expected != actual:
                raise _wrong_shape(system, tensor, shape, sizes)


def _check_sizes(system: System, sizes: Mapping[str, int]) -> None:
    """Check the lengths that are fixed, and that every length is known."""
    for axis, expr in system.sizes:
        length = length_of(expr, sizes)
        if length is None or length < 0 or sizes.get(axis, length) != length:
            raise ShapeError(
                where=f"size[{axis}] = {expr} of {system.name}",
                given=f"size[{axis}] = {sizes.get(axis, 'unknown')} in a call",
                expected=f"{'a length of at least 0' if length is None else length}",
                fix="pass arrays whose lengths satisfy the equation",
            )
    for axis in system.axes:
        if axis not in sizes:
            raise ShapeError(
                where=f"a call of {system.name}",
                given=f"arrays that do not show the length of the axis {axis}",
                expected=f"the length of {axis}",
                fix=f"pass sizes={{'{axis}': ...}}",
            )


def _check_values(
    system: System, tensor: Tensor, array: NDArray[Any], sizes: Mapping[str, int]
) -> None:
    where = f"input {tensor.name} of {system.name}"
    if tensor.kind == "index" and tensor.limit is not None and array.size:
        limit = sizes[tensor.limit]
        low, high = int(array.min()), int(array.max())
        if low < 0 or high >= limit:
            raise IndexRangeError(
                where=where,
                given=f"values from {low} to {high}",
                expected=f"0 to {limit - 1}: indices of the axis {tensor.limit}",
                fix="negative indices never wrap; correct the values",
            )
    fault = fault_of(tensor.kind, array)
    if fault is not None:
        raise DomainError(
            where=where,
            given=fault.given,
            expected=fault.expected,
            fix=f"correct the values, or declare {tensor.name} as real",
        )
