"""Names of temporaries: made from what they hold, never taken twice.

In: operations and operands. Out: Python identifiers that a reader can follow, such as `X_max`,
`X_exp_sum`, `P_dot_P_bar`.
"""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING

from symgrad.ir.build import split_coefficient
from symgrad.ir.composite import composite_parts
from symgrad.ir.terms import Add, Call, Compare, Element, Expr, Logic, Mul, Power, Where

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Names longer than this say less than a plain word does.
LONGEST = 24

#: What generated modules use themselves.
RESERVED = frozenset({"np", "torch", "Array", "Tensor", "Any", "float", "int", "bool", "max"})


def python_name(tensor: str) -> str:
    """Return the spelling of a tensor's name in generated code.

    >>> python_name("fc1.W_bar")
    'fc1_W_bar'
    """
    return tensor.replace(".", "_")


class Namer:
    """Gives out names; knows which are taken."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = {python_name(t) for t in taken} | RESERVED

    def fresh(self, wanted: str, instead: str = "term") -> str:
        """Return `wanted`, or `instead` if it is long, numbered if it is taken."""
        stem = wanted if len(wanted) <= LONGEST else instead
        name, count = stem, 1
        while name in self.taken or keyword.iskeyword(name):
            count += 1
            name = f"{stem}_{count}"
        self.taken.add(name)
        return name

    def of_map(self, expr: Expr) -> str:
        """Return a name for the array that holds a term."""
        return self.fresh(_describe(expr) or "term")

    def of_reduce(self, op: str, source: Element) -> str:
        """Return a name for a reduction of an operand."""
        return self.fresh(f"{python_name(source.tensor)}_{_REDUCED.get(op, op)}", op)

    def of_contract(self, left: Element, right: Element, *, row_dot: bool) -> str:
        """Return a name for a product of two operands."""
        middle, instead = ("_dot_", "dot") if row_dot else ("_", "product")
        both = f"{python_name(left.tensor)}{middle}{python_name(right.tensor)}"
        return self.fresh(both, instead)

    def of_gather(self, source: str, positions: Iterable[Expr]) -> str:
        """Return a name for a read at computed positions."""
        read = [p.tensor for p in positions if isinstance(p, Element)]
        suffix = "_".join(python_name(t) for t in read) or "positions"
        return self.fresh(f"{python_name(source)}_at_{suffix}", "gathered")

    def of_window(self, source: str, positions: Iterable[Expr]) -> str:
        """Return a name for a read at affine positions."""
        read = [p for p in positions if len(p.free) > 1]
        split = bool(read) and all(composite_parts(p) for p in read)
        word = "split" if split else "windows" if read else "part"
        return self.fresh(f"{python_name(source)}_{word}", word)

    def of_scatter(self, source: Element) -> str:
        """Return a name for a sum into computed positions."""
        return self.fresh(f"{python_name(source.tensor)}_scattered", "scattered")


_REDUCED = {"shift": "max"}


def _describe(expr: Expr) -> str:
    """Return a short name for a term, or nothing if it has none."""
    match expr:
        case Element():
            return python_name(expr.tensor)
        case Call():
            return _suffixed(expr.args[0], expr.function)
        case Power():
            return _suffixed(expr.base, _POWERS.get(str(expr.exponent), "power"))
        case Mul() | Add():
            return _operation(expr)
        case Compare() | Logic():
            return "mask"
        case Where():
            return _suffixed(expr.then, "masked") or _suffixed(expr.otherwise, "masked")
        case _:
            return ""


_POWERS = {"2": "squared", "1/2": "sqrt", "-1": "inverse"}


def _suffixed(expr: Expr, suffix: str) -> str:
    return f"{python_name(expr.tensor)}_{suffix}" if isinstance(expr, Element) else ""


def _operation(expr: Mul | Add) -> str:
    """Name a product, a sum or a difference of two operands, or a multiple of one."""
    read = [c for c in expr.children if isinstance(c, Element)]
    names = [python_name(e.tensor) for e in read]
    if len(expr.children) != 2 or not read:
        return ""
    if len(read) == 2:
        return f"{names[0]}_{'times' if isinstance(expr, Mul) else 'plus'}_{names[1]}"
    if isinstance(expr, Mul):
        return f"{names[0]}_scaled"
    coefficient, other = split_coefficient(expr.terms[1])
    if read[0] is expr.terms[0] and coefficient == -1 and isinstance(other, Element):
        return f"{names[0]}_minus_{python_name(other.tensor)}"
    return ""
