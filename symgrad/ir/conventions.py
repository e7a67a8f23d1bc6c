"""What a gradient is at kinks and ties, as a choice: as in PyTorch, as in JAX, or shared.

In: a System and the name of a convention. Out: a System with the same values whose derivatives are
those of the convention. What a function does at a kink is a field of its row; what a maximum does
with ties is a field of the reduction.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from symgrad.errors import OptionError
from symgrad.ir.functions import FUNCTIONS
from symgrad.ir.terms import Call, Expr, Reduce
from symgrad.ir.text import parse_expression
from symgrad.ir.visit import rebuild, replace_elements

if TYPE_CHECKING:
    from symgrad.ir.equation import System

#: The conventions. `torch`: rows and reductions as they are. `jax`: ties of reductions are shared.
#: `share`: so are the sides of every kink.
CONVENTIONS = ("torch", "jax", "share")


def with_conventions(system: System, name: str) -> System:
    """Return a System that is differentiated by a convention.

    Raises:
        OptionError: If there is no such convention.

    >>> from symgrad.ir.text import parse
    >>> print(with_conventions(parse("Y[n] = relu(X[n])"), "share").equations[0])
    Y[n] = maximum(X[n], 0)
    """
    if name not in CONVENTIONS:
        raise OptionError(
            where="the conventions of a derivation",
            given=repr(name),
            expected=f"one of {', '.join(CONVENTIONS)}",
            fix="conventions='torch'",
        )
    if name == "torch":
        return system

    def visit(node: Expr) -> Expr:
        new = rebuild(node, visit)
        if isinstance(new, Reduce) and new.op in ("max", "min"):
            return Reduce(new.op, new.bound, new.body, new.condition)
        if name == "share" and isinstance(new, Call):
            shared = _shared(new.function)
            if shared is not None:
                return replace_elements(shared, lambda e: new.args[0] if e.tensor == "x" else None)
        return new

    return system.map_values(visit)


@cache
def _shared(function: str) -> Expr | None:
    """Return the equal function of x that takes the mean of both sides at a kink."""
    text = FUNCTIONS[function].shared
    return parse_expression(text) if text else None
