"""What kind of number a term is: real, integer or truth value.

In: a term and the kinds of the tensors it reads. Out: "real", "int" or "bool". Literals, sizes and
indices adapt to what they stand with; alone they are real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.equation import INTEGER_KINDS, System
from symgrad.ir.terms import (
    Call,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Named,
    Power,
    Reduce,
    Size,
    Where,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from symgrad.ir.equation import Equation

#: Functions of integers that are integers.
INTEGER_CALLS = ("floordiv", "mod", "abs", "sign", "relu", "maximum", "minimum", "floor")


def kind_of(expr: Expr, kinds: Mapping[str, str]) -> str:
    """Return "real", "int" or "bool".

    Args:
        expr: The term.
        kinds: The kind of each tensor that is not real.
    """
    return _kind(expr, kinds) or "real"


def _kind(expr: Expr, kinds: Mapping[str, str]) -> str | None:
    """Return the kind of a term, None for one that adapts."""
    match expr:
        case Const():
            return None if expr.value.denominator == 1 else "real"
        case Size() | Index():
            return None
        case Named():
            return "real"
        case Element():
            kind = kinds.get(expr.tensor, "real")
            return "int" if kind in INTEGER_KINDS else "bool" if kind == "bool" else "real"
        case Compare() | Logic():
            return "bool"
        case Where():
            return _joined(_kind(e, kinds) for e in (expr.then, expr.otherwise))
        case Reduce():
            return _reduced(expr, kinds)
        case Call() if expr.function not in INTEGER_CALLS:
            return "real"
        case Power() if expr.exponent.denominator != 1 or expr.exponent < 0:
            return "real"
        case _:
            return _joined([_kind(c, kinds) for c in expr.children] + [None, None])


def _joined(kinds: Iterable[str | None]) -> str | None:
    """Return the kind of an arithmetic result; several truth values make an integer."""
    found = list(kinds)
    if "real" in found:
        return "real"
    if found.count("bool") == len(found):
        return "bool"
    return "int" if "int" in found or "bool" in found else None


def _reduced(expr: Reduce, kinds: Mapping[str, str]) -> str | None:
    if expr.op in ("any", "all"):
        return "bool"
    if expr.op in ("argmax", "argmin"):
        return "int"
    if expr.op == "logsumexp":
        return "real"
    kind = _kind(expr.body, kinds)
    return "int" if kind == "bool" and expr.op in ("sum", "prod") else kind


def tensor_kinds(system: System) -> dict[str, str]:
    """Return the kind of every tensor of a System: declared for inputs, else as its value shows."""
    kinds = {t.name: t.kind for t in system.inputs}
    for equation in system.equations:
        if equation.target not in kinds and equation.is_main:
            kinds[equation.target] = defined_kind(equation, kinds)
    return kinds


def defined_kind(equation: Equation, kinds: Mapping[str, str]) -> str:
    """Return the kind of the tensor that an equation defines; what solves one is real."""
    return "real" if equation.implicit else kind_of(equation.value, kinds)


def is_exact(expr: Expr, kinds: Mapping[str, str]) -> bool:
    """Return whether a term can be evaluated in rational numbers: it reads nothing that is real."""
    match expr:
        case Const() | Size() | Index():
            return True
        case Element():
            kind = kinds.get(expr.tensor, "real")
            return kind in ("bool", *INTEGER_KINDS) and all(
                is_exact(c, kinds) for c in expr.children
            )
        case Named() | Reduce():
            return False
        case Call() if expr.function not in INTEGER_CALLS:
            return False
        case Power() if expr.exponent.denominator != 1:
            return False
        case _:
            return all(is_exact(c, kinds) for c in expr.children)
