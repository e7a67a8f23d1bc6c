"""Naming what an equation computes on the way, so that closed forms can be written in it.

In: a System. Out: an equal System in which six kinds of terms have equations of their own:

* a reduction, unless it stands where the equation is linear in it (a sum that is an addend or a
  factor of the right-hand side needs no name: the equation names it);
* a sum of sums that is divided by what is computed: the numerator of a weighted mean;
* the argument of a function that contains a reduction: a gate's pre-activation;
* a root of such an argument: the scale of a norm;
* the logarithm of an element of another equation's tensor: a log-probability;
* the place of a maximum whose first element takes the whole cotangent, which the way back reads.

Formulas spelled in one line and in five come to the same closed form.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.ir.equation import Equation, System
from symgrad.ir.show import unused
from symgrad.ir.terms import Add, Call, Element, Expr, Index, Mul, Power, Reduce
from symgrad.ir.visit import (
    close_reduce,
    elements,
    fresh,
    open_reduce,
    rebuild,
    replace_elements,
    substitute,
    walk,
)
from symgrad.rewriting.variance import centred

if TYPE_CHECKING:
    from collections.abc import Collection


def name_intermediates(system: System, only: Collection[str] | None = None) -> System:
    """Return the System with its hidden intermediates named: `Y_sum`, `Y_arg`, `Y_root`, `Y_sum2`.

    Args:
        system: The System to name in.
        only: Of the names that would be given, those to give; all by default.
    """
    system = centred(system)
    names = _Names(system)
    for equation in system.equations:
        names.add(equation)
    kept = None if only is None else {*only, *system.defined}
    equations = names.equations if kept is None else _inlined(names.equations, kept)
    return replace(system, equations=tuple(equations))


def _inlined(equations: list[Equation], kept: set[str]) -> list[Equation]:
    """Return the equations of the tensors to keep, with the others put in where they are read."""
    found: dict[str, Equation] = {}

    def inline(element: Element) -> Expr | None:
        equation = found.get(element.tensor)
        if equation is None or element.tensor in kept:
            return None
        return substitute(equation.value, dict(zip(equation.letters, element.indices, strict=True)))

    out: list[Equation] = []
    for equation in equations:
        new = replace(equation, value=replace_elements(equation.value, inline))
        found.setdefault(equation.target, new)
        if equation.target in kept:
            out.append(new)
    return out


class _Names:
    """The equations so far, and the terms that have a name already."""

    def __init__(self, system: System) -> None:
        self.used = {*system.defined, *(t.name for t in system.inputs)}
        self.known: dict[Expr, Element] = {}
        self.equations: list[Equation] = []
        self.letters: tuple[Index, ...] = ()
        self.target = ""
        self.whole: Expr | None = None
        self.defined = frozenset(system.defined)

    def add(self, equation: Equation) -> None:
        """Append an equation, after those that name what it computes on the way."""
        self.letters, self.target, self.whole = equation.letters, equation.target, equation.value
        value = self.visit(equation.value, linear=True)
        self.equations.append(replace(equation, value=value))
        if isinstance(value, Reduce):
            self.known.setdefault(_by_axis(value), equation.element)

    def visit(self, node: Expr, *, linear: bool) -> Expr:
        """Return a term with its intermediates named.

        Args:
            node: The term.
            linear: Whether the equation is a sum of products down to here.
        """
        match node:
            case Mul():
                below = any(
                    isinstance(f, Power) and f.exponent < 0 and elements(f) for f in node.factors
                )
                return rebuild(
                    node, lambda f: self.visit(f, linear=linear and not (below and _adds_up(f)))
                )
            case Add():
                return rebuild(node, lambda child: self.visit(child, linear=linear))
            case Call():
                new = rebuild(node, self._argument)
                return self._define(new, "log") if self._takes_log(node, new) else new
            case Power():
                new = rebuild(node, self._argument)
                root = node.exponent.denominator != 1 and new is not node
                return self._define(new, "root") if root and not self._is_whole(node) else new
            case Reduce():
                new = rebuild(node, lambda child: self.visit(child, linear=False))
                self._place(new)
                bare = node.condition is not None or (node.op == "sum" and linear)
                return new if bare else self._define(new, node.op)
            case _:
                return rebuild(node, lambda child: self.visit(child, linear=False))

    def _place(self, node: Expr) -> None:
        """Name the place of a maximum whose first element takes the whole cotangent.

        No equation reads it, so it is computed only if the way back does.
        """
        if isinstance(node, Reduce) and node.op in ("max", "min") and node.ties == "first":
            op = f"arg{node.op}"
            self._define(Reduce(op, node.bound, node.body, node.condition), op)

    def _argument(self, node: Expr) -> Expr:
        """Return the argument of a function, named if it contains a reduction."""
        if not isinstance(node, (Add, Mul)):
            return self.visit(node, linear=False)
        new = self.visit(node, linear=True)
        return self._define(new, "arg") if any(isinstance(n, Reduce) for n in walk(new)) else new

    def _define(self, node: Expr, kind: str) -> Expr:
        free = self._in_order(node)
        letters = _letters(free)
        mapping: dict[Index, Expr] = dict(zip(free, letters, strict=True))
        value = substitute(node, mapping)
        key = _by_axis(value)
        if key not in self.known:
            name = unused(f"{self.target}_{kind}", self.used)
            self.used.add(name)
            self.known[key] = Element(name, letters)
            self.equations.append(Equation(name, letters, value))
        return substitute(self.known[key], dict(zip(letters, free, strict=True)))

    def _takes_log(self, node: Call, new: Expr) -> bool:
        """Return whether a term is the logarithm of what the System computes, within a larger one.

        Saved, it is not computed again from a value that may have rounded to 0.
        """
        argument = new.children[0]
        defined = isinstance(argument, Element) and argument.tensor in self.defined
        return node.function == "log" and defined and node is not self.whole

    def _is_whole(self, node: Expr) -> bool:
        """Return whether a term has every index of its equation, so that a name saves nothing."""
        return set(node.free) == set(self.letters)

    def _in_order(self, node: Expr) -> list[Index]:
        """Return the free indices of a term: the equation's in its order, then opened ones."""
        place = {i: k for k, i in enumerate(self.letters)}
        return sorted(node.free, key=lambda i: (place.get(i, len(place)), -i.serial, i.key))


def _adds_up(expr: Expr) -> bool:
    """Return whether a term sums up sums: the numerator of a weighted mean."""
    is_sum = isinstance(expr, Reduce) and expr.op == "sum"
    return is_sum and any(isinstance(n, Add) for n in walk(expr))


def _by_axis(expr: Expr) -> Expr:
    """Return a term with each binder under the letter of its axis, so that like terms are one."""
    new = rebuild(expr, _by_axis)
    if not isinstance(new, Reduce):
        return new
    bound, body, condition = open_reduce(new)
    named = fresh((Index(i.axis, i.axis) for i in bound), (*new.free, *bound))
    names: dict[Index, Expr] = dict(zip(bound, named, strict=True))
    condition = None if condition is None else substitute(condition, names)
    return close_reduce(new.op, named, substitute(body, names), condition, new.ties)


def _letters(free: list[Index]) -> tuple[Index, ...]:
    """Return a free letter for each index."""
    used: set[str] = set()
    letters: list[Index] = []
    for index in free:
        name = unused(index.name, used)
        used.add(name)
        letters.append(Index(name, index.axis))
    return tuple(letters)
