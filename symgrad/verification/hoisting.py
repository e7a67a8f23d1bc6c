"""Every reduction in an equation of its own, so that evaluating entry by entry repeats nothing.

In: a System. Out: an equal System. The interpreter remembers tensors, not terms: a sum inside a sum
costs it the product of their lengths for every entry, and a bound of its error mentions each often.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from symgrad.ir.equation import Equation, System
from symgrad.ir.show import unused
from symgrad.ir.terms import Element, Expr, Index, Reduce
from symgrad.ir.visit import rebuild, substitute
from symgrad.verification.rounding import subtracted_logsumexp

if TYPE_CHECKING:
    from collections.abc import Callable


def hoist_reductions(system: System) -> System:
    """Return the System with each reduction that is not a whole right-hand side named `Y_part`."""
    used = {*system.defined, *(t.name for t in system.inputs)}
    known: dict[Expr, str] = {}
    equations: list[Equation] = []

    def name(node: Expr, target: str) -> Expr:
        free = sorted(node.free, key=lambda i: i.key)
        letters = tuple(Index(f"i{k}", i.axis) for k, i in enumerate(free))
        value = substitute(node, dict(zip(free, letters, strict=True)))
        if value not in known:
            known[value] = unused(f"{target}_part", used)
            used.add(known[value])
            equations.append(Equation(known[value], letters, value))
        return Element(known[value], tuple(free))

    for equation in system.equations:
        value = _lifted(equation.value, partial(name, target=equation.target))
        equations.append(replace(equation, value=value))
    return replace(system, equations=tuple(equations))


def _lifted(expr: Expr, name: Callable[[Expr], Expr]) -> Expr:
    """Return a right-hand side with the reductions inside it named, innermost first."""

    def visit(node: Expr) -> Expr:
        if subtracted_logsumexp(node):
            return node  # one operation, to code and to the bound of its error
        new = rebuild(node, visit)
        return name(new) if isinstance(new, Reduce) else new

    return expr if subtracted_logsumexp(expr) else rebuild(expr, visit)
