"""Rows of the operator table: numbers of another type, and tensors of one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interop.shapes import clone
from symgrad.interop.sheet import number
from symgrad.interop.table import mapped, need, operator

if TYPE_CHECKING:
    from symgrad.interop.sheet import Operand, Sheet


def cast(sheet: Sheet, x: Operand, dtype: Any) -> Operand:
    """Return numbers as another type; of reals there is one, double precision."""
    name = str(dtype).rpartition(".")[2]
    if dtype is None or name == "float64":
        return clone(sheet, x) if x.kind == "real" else mapped(sheet, "1.0 * {0}", x)
    need(not name.startswith(("float", "bfloat", "complex", "half")), f"numbers of type {name}")
    if name == "bool":
        return x if x.kind == "bool" else mapped(sheet, "not {0} == 0", x, kind="bool")
    if x.values is not None and x.kind != "real":
        return sheet.input(np.asarray(x.values).astype(np.int64))
    need(x.kind != "real", "a real number as an integer")
    return x if x.kind == "int" else mapped(sheet, "where({0}, 1, 0)", x, kind="int")


@operator("_to_copy", "to")
def to_copy(sheet: Sheet, x: Operand, *args: Any, dtype: Any = None, **_: Any) -> Operand:
    """Return a copy, as another type if asked."""
    found = [a for a in args if type(a).__name__ == "dtype"]
    others = [a for a in args if hasattr(a, "kind")]
    if others:
        return cast(sheet, x, "float64" if others[0].kind == "real" else others[0].kind)
    return cast(sheet, x, found[0] if found else dtype)


@operator("type_as")
def type_as(sheet: Sheet, x: Operand, other: Operand) -> Operand:
    """Return numbers as the type of another tensor."""
    return cast(sheet, x, "float64" if other.kind == "real" else other.kind)


@operator("copy")
def copy(sheet: Sheet, x: Operand, source: Operand, *_: Any) -> Operand:
    """Return a tensor repeated to the shape of another."""
    return mapped(sheet, "{0} + stop(0 * {1})", source, x)


@operator("full_like", "fill", "fill_")
def full_like(sheet: Sheet, x: Operand, value: Any, **_: Any) -> Operand:
    """Return one number everywhere."""
    return sheet.define(x.letters, x.shape, f"where({x.here} == {x.here}, {number(value)}, 0)")


@operator("zeros_like", "zero", "zero_")
def zeros_like(sheet: Sheet, x: Operand, **_: Any) -> Operand:
    """Return 0 everywhere."""
    return full_like(sheet, x, 0)


@operator("ones_like")
def ones_like(sheet: Sheet, x: Operand, **_: Any) -> Operand:
    """Return 1 everywhere."""
    return full_like(sheet, x, 1)


@operator("bitwise_not")
def bitwise_not(sheet: Sheet, x: Operand) -> Operand:
    """Return the opposite truth value."""
    need(x.kind == "bool", "the bits of an integer")
    return mapped(sheet, "not {0}", x, kind="bool")


@operator("bitwise_and", "logical_and")
def logical_and(sheet: Sheet, x: Operand, y: Operand) -> Operand:
    """Return whether both hold."""
    need(x.kind == y.kind == "bool", "the bits of an integer")
    return mapped(sheet, "{0} and {1}", x, y, kind="bool")


@operator("bitwise_or", "logical_or")
def logical_or(sheet: Sheet, x: Operand, y: Operand) -> Operand:
    """Return whether one holds."""
    need(x.kind == y.kind == "bool", "the bits of an integer")
    return mapped(sheet, "{0} or {1}", x, y, kind="bool")


@operator("isnan")
def isnan(sheet: Sheet, x: Operand) -> Operand:
    """Return whether an element is no number."""
    return mapped(sheet, "not ({0} <= 0 or {0} > 0)", x, kind="bool")
