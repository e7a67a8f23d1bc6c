"""What may stand in an index position.

In: a term. Out: whether it is integer-affine: indices, integers and sizes with constant factors,
gathers, and the circular and clipped forms. Kinds of gathered tensors are checked elsewhere.
"""

from __future__ import annotations

from symgrad.ir.terms import Add, Call, Const, Element, Expr, Index, Mul, Power, Size

WRAPPING = ("floordiv", "mod", "minimum", "maximum")


def is_affine(expr: Expr) -> bool:
    """Return whether a term may be an index."""
    match expr:
        case Const():
            return expr.value.denominator == 1
        case Index() | Size() | Element():
            return True
        case Add():
            return all(is_affine(t) for t in expr.terms)
        case Mul():
            moving = [f for f in expr.factors if not is_fixed(f)]
            return len(moving) <= 1 and all(is_affine(f) for f in expr.factors)
        case Call() if expr.function in WRAPPING:
            divides = expr.function in ("floordiv", "mod")
            return all(is_affine(a) for a in expr.args) and (not divides or is_fixed(expr.args[1]))
        case _:
            return False


def is_fixed(expr: Expr) -> bool:
    """Return whether a term is an integer that sizes and literals determine."""
    match expr:
        case Const():
            return expr.value.denominator == 1
        case Size():
            return True
        case Add() | Mul():
            return all(is_fixed(c) for c in expr.children)
        case Power():
            return expr.exponent.denominator == 1 and expr.exponent > 0 and is_fixed(expr.base)
        case Call() if expr.function in WRAPPING:
            return all(is_fixed(a) for a in expr.args)
        case _:
            return False
