"""Conventions at kinks and ties: the same functions with another derivative where it jumps.

In: a System and the name of a convention. Out: a System of the same values, each kink spelled so
that its derivative is the one wanted. What a convention does to a function stands on its row.

    torch: rows as they are; ties of `max` and `min` as each reduction says
    jax:   `max` and `min` share among ties, as `jax.numpy.max` does; `relu` is 0 at 0
    share: every kink takes the middle of its two slopes, ties are shared
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.autodiff.partials import canonical, instantiate
from symgrad.errors import OptionError
from symgrad.ir.functions import CONVENTIONS, FUNCTIONS
from symgrad.ir.terms import Call, Expr, Reduce
from symgrad.ir.text import parse_expression
from symgrad.ir.visit import close_reduce, open_reduce, rebuild

if TYPE_CHECKING:
    from symgrad.ir.equation import System


def with_convention(system: System, convention: str) -> System:
    """Return a System of the same values whose derivative at kinks and ties is a convention's.

    Args:
        system: A System.
        convention: "torch", "jax" or "share".

    Raises:
        OptionError: If there is no such convention.

    >>> from symgrad.ir.text import parse
    >>> print(with_convention(parse("Y[n] = relu(X[n])"), "share").equation("Y"))
    Y[n] = maximum(X[n], 0)
    """
    if convention not in CONVENTIONS:
        raise OptionError(
            where=f"the conventions at kinks of {system.name!r}",
            given=repr(convention),
            expected=f"one of {', '.join(CONVENTIONS)}",
            fix='say conventions="torch", which is the default, or another of these',
        )
    if convention == "torch":
        return system
    return system.with_equations(
        [replace(e, value=_chosen(e.value, convention)) for e in system.equations]
    )


def _chosen(expr: Expr, convention: str) -> Expr:
    if isinstance(expr, Reduce):
        bound, body, condition = open_reduce(expr)
        inner = _chosen(body, convention)
        return close_reduce(expr.op, bound, inner, condition, "share")
    new = rebuild(expr, lambda child: _chosen(child, convention))
    if not isinstance(new, Call) or new.function not in FUNCTIONS:
        return new
    text = dict(FUNCTIONS[new.function].spelled).get(convention)
    if text is None:
        return new
    return instantiate(canonical(parse_expression(text)), dict(zip("xz", new.args, strict=False)))
