"""What a term holds: numbers of the call's float type, integers, or truth values.

In: a term and the kinds of the arrays it reads. Out: a kind. Targets convert where kinds meet, so
that float32 stays float32 on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.equation import INTEGER_KINDS
from symgrad.ir.terms import (
    Add,
    Call,
    Compare,
    Const,
    Element,
    Index,
    Logic,
    Mul,
    Reduce,
    Size,
    Where,
)  # fmt: skip
from symgrad.lowering.ops import BOOL, INTEGER, REAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from symgrad.ir.equation import Tensor
    from symgrad.ir.terms import Expr


def kind_of_tensor(tensor: Tensor) -> str:
    """Return the kind of a declared tensor."""
    if tensor.kind == "bool":
        return BOOL
    return INTEGER if tensor.kind in INTEGER_KINDS else REAL


def kind_of(expr: Expr, kinds: Mapping[str, str]) -> str:
    """Return the kind of a term.

    Args:
        expr: The term.
        kinds: The kind of each array that the term reads.
    """
    match expr:
        case Compare() | Logic():
            return BOOL
        case Element():
            return kinds[expr.tensor]
        case Size() | Index():
            return INTEGER
        case Const():
            return INTEGER if expr.value.denominator == 1 else REAL
        case Add() | Mul():
            whole = all(kind_of(c, kinds) == INTEGER for c in expr.children)
            return INTEGER if whole else REAL
        case Where():
            then, otherwise = kind_of(expr.then, kinds), kind_of(expr.otherwise, kinds)
            return then if then == otherwise else REAL
        case Call(function="maximum" | "minimum" | "floordiv" | "mod"):
            whole = all(kind_of(c, kinds) == INTEGER for c in expr.args)
            return INTEGER if whole else REAL
        case Reduce():
            return kind_of_reduction(expr.op, kind_of(expr.body, kinds))
        case _:
            return REAL


def kind_of_reduction(op: str, body: str) -> str:
    """Return the kind of a reduction from that of what it reduces."""
    if op in ("argmax", "argmin"):
        return INTEGER
    if op in ("any", "all"):
        return BOOL
    return INTEGER if op in ("sum", "prod") and body == BOOL else body
