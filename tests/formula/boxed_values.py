"""What a formula in matrix notation says, computed from its boxes.

Every axis has the same length, so that a vector of ones needs none of its own; shapes are checked
as strictly as a mathematician would: nothing broadcasts but a number.
"""

from __future__ import annotations

from fractions import Fraction as Rational
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import erf, expit

from symgrad.formula.boxes import (
    ONES,
    Apply,
    Box,
    Cases,
    Fenced,
    Fraction,
    Leaf,
    Root,
    Row,
    Script,
    symbol,
)
from symgrad.formula.names import function_box

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LENGTH = 3
TOP = symbol("top")
FUNCTIONS: dict[Box, Callable[..., Any]] = {
    function_box(name): function
    for name, function in {
        "exp": np.exp,
        "log": np.log,
        "tanh": np.tanh,
        "sigmoid": expit,
        "erf": erf,
        "softplus": lambda x: np.logaddexp(x, 0),
        "relu": lambda x: np.maximum(x, 0),
        "abs": np.abs,
        "sign": np.sign,
        "maximum": np.maximum,
        "minimum": np.minimum,
    }.items()
}
RELATIONS: dict[str, Callable[..., Any]] = {
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}

SIGNS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "entrywise": np.multiply,
    "divided": np.divide,
    "times": np.multiply,
}


def value(box: Box, arrays: Mapping[Box, Any]) -> Any:  # noqa: C901 (one case per box)
    """Return the number or the matrix that a formula stands for."""
    if box in arrays:
        return arrays[box]
    match box:
        case Leaf(kind="number"):
            return float(box.text)
        case Leaf() if box == ONES:
            return np.ones((LENGTH, 1))
        case Leaf(text="pi"):
            return np.pi
        case Row():
            return row(box, arrays)
        case Script(above=above) if above is not None:
            return raised(box, above, arrays)
        case Fraction():
            top, bottom = value(box.top, arrays), value(box.bottom, arrays)
            assert np.ndim(top) == np.ndim(bottom) == 0
            return top / bottom
        case Root():
            return np.sqrt(value(box.base, arrays))
        case Fenced():
            return fenced(box, arrays)
        case Apply(function=function, argument=Fenced(body=body)):
            parts = body.parts if isinstance(body, Row) and body.join == "arguments" else (body,)
            return FUNCTIONS[function](*(value(p, arrays) for p in parts))
        case Cases():
            chosen = box.then if truth(box.condition, arrays) else box.otherwise
            return value(chosen, arrays)
        case _:
            raise AssertionError(f"no value of {box}")


def raised(box: Script, above: Box, arrays: Mapping[Box, Any]) -> Any:
    """Return a transpose, or a power of a number or of each entry."""
    base = value(box.base if box.below is None else Script(box.base, box.below), arrays)
    if above == TOP:
        return base.T
    entrywise = isinstance(above, Row) and above.parts[0] == symbol("entrywise")
    power = above.parts[1] if entrywise and isinstance(above, Row) else above
    assert entrywise == (np.ndim(base) == 2), "a power of entries, or of a number"
    return base ** exponent(power, arrays)


def fenced(box: Fenced, arrays: Mapping[Box, Any]) -> Any:
    """Return what stands between brackets, or what these say about it."""
    if box == Fenced(symbol("..."), "size"):
        return arrays.get(box, LENGTH)
    if box.fence == "size":
        return float(LENGTH)
    if box.fence == "[":
        return truth(box.body, arrays)
    found = value(box.body, arrays)
    return np.abs(found) if box.fence == "|" else found


def exponent(box: Box, arrays: Mapping[Box, Any]) -> Any:
    """Return a power, which may be written as 1/2."""
    if isinstance(box, Leaf) and "/" in box.text:
        return float(Rational(box.text))
    return value(box, arrays)


def truth(box: Box, arrays: Mapping[Box, Any]) -> Any:
    """Return whether a relation holds, entry by entry."""
    assert isinstance(box, Row)
    if Leaf("or") in box.parts or Leaf("and") in box.parts:
        logic: Any = np.logical_or if Leaf("or") in box.parts else np.logical_and
        return reduce(logic, list[Any](truth(p, arrays) for p in box.parts[::2]))
    left, relation, right = box.parts
    assert isinstance(relation, Leaf)
    return RELATIONS[relation.text](value(left, arrays), value(right, arrays)) * 1.0


def row(box: Row, arrays: Mapping[Box, Any]) -> Any:
    """Return a product of matrices and numbers, or what signs between matrices say."""
    if box.join == "product":
        return reduce(times, [value(p, arrays) for p in box.parts])
    if box.join == "tight":
        assert box.parts[0] == symbol("-")
        return -value(box.parts[1], arrays)
    total = value(box.parts[0], arrays)
    for sign, part in zip(box.parts[1::2], box.parts[2::2], strict=True):
        other = value(part, arrays)
        assert np.shape(total) == np.shape(other), f"{np.shape(total)} and {np.shape(other)}"
        assert isinstance(sign, Leaf)
        total = SIGNS[sign.text](total, other)
    return total


def times(left: Any, right: Any) -> Any:
    """Return a product; a matrix of one entry is a number only at the end."""
    if np.ndim(left) == 0 or np.ndim(right) == 0:
        return left * right
    product = left @ right
    return product.item() if product.shape == (1, 1) else product
