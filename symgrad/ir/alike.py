"""Equality up to the letters of bound indices.

In: terms or Systems. Out: the same with every bound letter replaced, so that `==` compares the
rest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.ir.terms import Expr, Index, Reduce

if TYPE_CHECKING:
    from symgrad.ir.equation import System


def without_letters(expr: Expr) -> Expr:
    """Return a term whose bound indices are all called `#`; their serials keep them apart."""
    memo: dict[Expr, Expr] = {}

    def visit(node: Expr) -> Expr:
        found = memo.get(node)
        if found is None:
            found = memo[node] = _rebuilt(node, tuple(visit(c) for c in node.children))
        return found

    return visit(expr)


def _rebuilt(node: Expr, children: tuple[Expr, ...]) -> Expr:
    if isinstance(node, Index) and node.serial > 0:
        return Index("#", node.axis, node.serial)
    if isinstance(node, Reduce):
        count = len(node.bound)
        bound = tuple(i for i in children[:count] if isinstance(i, Index))
        condition = None if node.condition is None else children[count + 1]
        return Reduce(node.op, bound, children[count], condition, node.ties)
    return node.with_children(children) if children else node


def same_system(one: System, other: System) -> bool:
    """Return whether two Systems are equal but for the letters of bound indices and the name.

    >>> from symgrad.ir.text import parse
    >>> one = parse("Y[n] = sum[m](X[n] * X[m])")
    >>> other = parse("Y[n] = sum[k](X[n] * X[k])")
    >>> one == other, same_system(one, other)
    (False, True)
    """
    return _plain(one) == _plain(other)


def _plain(system: System) -> System:
    equations = (replace(e, value=without_letters(e.value)) for e in system.equations)
    return replace(system, name="", equations=tuple(equations))
