"""Where a System is not smooth, as a System: how far a point is from every kink and tie.

In: a System. Out: a System that computes, for each function with kinks, each comparison of reals
and each maximum, the quantity that is zero there. Derivatives are compared with differences only
where these are not small; at a kink a declared convention decides, which differences cannot see.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.interpreter import evaluate
from symgrad.ir.build import add, compare, const, mul, sub
from symgrad.ir.equation import Equation, System
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import Call, Compare, Expr, Index, Reduce
from symgrad.ir.visit import elements, fresh, open_reduce, substitute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

KINK = "kink_"


def kink_system(system: System) -> System | None:
    """Return the System of all quantities that are zero at a kink, or None if there are none."""
    equations: list[Equation] = []
    found: list[Equation] = []
    integers = {t.name for t in system.inputs if not t.is_real}
    for equation in system.equations:
        equations.append(equation)
        for value in _kinks(equation.value, integers):
            letters = tuple(sorted(value.free, key=lambda i: i.key))
            names = {i: Index(f"{i.name}_{k}", i.axis) for k, i in enumerate(letters)}
            name = f"{KINK}{len(found)}"
            found.append(Equation(name, tuple(names.values()), substitute(value, names)))
    if not found:
        return None
    names_out = tuple(e.target for e in found)
    return replace(system, equations=(*equations, *found), outputs=names_out)


def _kinks(expr: Expr, integers: set[str]) -> list[Expr]:
    """Return the terms, over free and opened indices, that are zero where `expr` has a kink."""
    match expr:
        case Reduce():
            bound, body, condition = open_reduce(expr)
            inner = _kinks(body, integers)
            if expr.op in ("max", "min"):
                inner.append(_gap(bound, body))
            return inner + ([] if condition is None else _kinks(condition, integers))
        case Call() if FUNCTIONS[expr.function].kinks:
            other = expr.args[1] if len(expr.args) == 2 else None
            here = [
                sub(expr.args[0], const(int(k)) if other is None else other)
                for k in FUNCTIONS[expr.function].kinks
            ]
        case Compare() if any(e.tensor not in integers for e in elements(expr)):
            here = [sub(expr.left, expr.right)]
        case _:
            here = []
    return here + [k for child in expr.children for k in _kinks(child, integers)]


def _gap(bound: tuple[Index, ...], body: Expr) -> Expr:
    """Return the difference of two entries of a reduction, or 1 for an entry and itself."""
    other = fresh(bound, [*body.free, *bound])
    mapping: dict[Index, Expr] = dict(zip(bound, other, strict=True))
    diagonal = mul(*(compare("==", i, k) for i, k in mapping.items()))
    return add(body, sub(diagonal, substitute(body, mapping)))


def distance_from_kinks(
    kinks: System, arrays: Mapping[str, NDArray[Any]], sizes: Mapping[str, int]
) -> float:
    """Return the smallest absolute value of the quantities of `kink_system`, inf without any."""
    with np.errstate(all="ignore"):
        found = evaluate(kinks, arrays, sizes=sizes)
    smallest = [np.abs(v).min() for v in found.values() if v.size]
    return float(min(smallest, default=np.inf))
