"""Renaming the tensors and axes of a System: one half of composition.

In: a System and two dictionaries. Out: the System with other names; nothing else is changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.ir.terms import Element, Expr, Index, Reduce, Size
from symgrad.ir.visit import close_reduce, open_reduce, rebuild

if TYPE_CHECKING:
    from collections.abc import Mapping

    from symgrad.ir.equation import System, Tensor


def rename_expr(expr: Expr, names: Mapping[str, str], axes: Mapping[str, str]) -> Expr:
    """Return a term with tensors and axes renamed, simultaneously.

    A letter named after its axis is renamed with it; a second letter of an axis keeps its name.
    """
    memo: dict[Expr, Expr] = {}

    def visit(node: Expr) -> Expr:
        found = memo.get(node)
        if found is not None:
            return found
        match node:
            case Index():
                found = _index(node, axes)
            case Size():
                found = Size(axes.get(node.axis, node.axis))
            case Element():
                inner = rebuild(node, visit)
                assert isinstance(inner, Element)
                found = Element(names.get(inner.tensor, inner.tensor), inner.indices, inner.outside)
            case Reduce():
                bound, body, condition = open_reduce(node)
                found = close_reduce(
                    node.op,
                    tuple(_index(i, axes) for i in bound),
                    visit(body),
                    None if condition is None else visit(condition),
                    node.ties,
                )
            case _:
                found = rebuild(node, visit)
        memo[node] = found
        return found

    return visit(expr)


def _index(index: Index, axes: Mapping[str, str]) -> Index:
    axis = axes.get(index.axis, index.axis)
    name = axes.get(index.name, axis if index.name == index.axis else index.name)
    return Index(name, axis, index.serial)


def rename_system(system: System, names: Mapping[str, str], axes: Mapping[str, str]) -> System:
    """Return a System with its tensors and axes renamed."""

    def term(expr: Expr) -> Expr:
        return rename_expr(expr, names, axes)

    def tensor(old: Tensor) -> Tensor:
        limit = None if old.limit is None else axes.get(old.limit, old.limit)
        return replace(
            old,
            name=names.get(old.name, old.name),
            shape=tuple(term(s) for s in old.shape),
            limit=limit,
        )

    return replace(
        system,
        inputs=tuple(tensor(t) for t in system.inputs),
        equations=tuple(
            replace(
                e,
                target=names.get(e.target, e.target),
                indices=tuple(term(i) for i in e.indices),
                value=term(e.value),
            )
            for e in system.equations
        ),
        outputs=tuple(names.get(o, o) for o in system.outputs),
        params=tuple(names.get(p, p) for p in system.params),
        sizes=tuple((axes.get(a, a), term(e)) for a, e in system.sizes),
    )
