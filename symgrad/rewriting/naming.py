"""Naming what an equation computes on the way: every reduction gets an equation of its own.

In: a System. Out: an equal System in which a reduction stands alone on a right-hand side. A named
intermediate is a value that closed forms can be written in, so formulas spelled in one line and in
five come to the same closed form.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.ir.equation import Equation, System
from symgrad.ir.show import unused
from symgrad.ir.terms import Element, Expr, Index, Mul, Reduce
from symgrad.ir.visit import rebuild, substitute, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def name_reductions(system: System, only: Collection[str] | None = None) -> System:
    """Return the System with each reduction inside a larger term named, innermost first.

    The name is that of the equation with the operation behind it: `Y_sum`, `Y_max`, `Y_sum2`. A
    reduction that is the whole right-hand side but for constants and sizes (a mean) has a name
    already.

    Args:
        system: The System to name in.
        only: Of the names that would be given, those to give; all by default.
    """
    used = {*system.defined, *(t.name for t in system.inputs)}
    equations: list[Equation] = []
    known: dict[Expr, Element] = {}
    for equation in system.equations:

        def define(node: Reduce, target: str = equation.target) -> Expr:
            letters = _letters(node)
            mapping: dict[Index, Expr] = dict(zip(_free(node), letters, strict=True))
            value = substitute(node, mapping)
            if value not in known:
                name = unused(f"{target}_{node.op}", used)
                used.add(name)
                if only is not None and name not in only:
                    return node
                known[value] = Element(name, letters)
                equations.append(Equation(name, letters, value))
            back = dict(zip(letters, _free(node), strict=True))
            return substitute(known[value], back)

        value = _lifted(equation.value, define, top=True)
        equations.append(replace(equation, value=value))
        if isinstance(value, Reduce):
            known.setdefault(value, equation.element)
    return replace(system, equations=tuple(equations))


def _free(node: Reduce) -> tuple[Index, ...]:
    """Return the free and opened indices of a reduction in a fixed order."""
    return tuple(sorted(node.free, key=lambda i: (i.serial < 0, -i.serial, i.key)))


def _letters(node: Reduce) -> tuple[Index, ...]:
    """Return one free letter for each index of `_free`."""
    used: set[str] = set()
    letters: list[Index] = []
    for index in _free(node):
        name = index.name if index.serial == 0 else unused(index.name, used)
        name = unused(name, used)
        used.add(name)
        letters.append(Index(name, index.axis))
    return tuple(letters)


def _is_scale(factor: Expr) -> bool:
    return not factor.free and not any(isinstance(n, (Element, Reduce)) for n in walk(factor))


def _lifted(node: Expr, define: Callable[[Reduce], Expr], *, top: bool) -> Expr:
    scaled = isinstance(node, Mul) and sum(map(_is_scale, node.factors)) == len(node.factors) - 1
    new = rebuild(node, lambda child: _lifted(child, define, top=top and scaled))
    if isinstance(new, Reduce) and not top and new.condition is None:
        return define(new)
    return new
