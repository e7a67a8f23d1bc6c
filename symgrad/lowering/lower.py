"""From index equations to operations.

In: a System whose batch rank is fixed. Out: a Program: reductions taken out of the terms they stand
in, sums of products contracted in pairs, logarithms of sums of exponentials shifted, reads and sums
at positions that are data as gathers and scatters. Nothing here knows a layer, a layout or a
target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.errors import UnsupportedError
from symgrad.ir.implicit import no_implicit
from symgrad.ir.terms import (
    ZERO,
    Add,
    Call,
    Const,
    Element,
    Expr,
    Index,
    Mul,
    Named,
    Reduce,
    Size,
    Where,
)  # fmt: skip
from symgrad.ir.visit import open_reduce, substitute
from symgrad.lowering.build_ops import OpBuilder, is_operand
from symgrad.lowering.labels import canonical
from symgrad.lowering.ops import BOOL, INTEGER, REAL, Map, Program
from symgrad.lowering.stable import flatten_exp, flatten_logsumexp, flatten_sum
from symgrad.lowering.sums import TYPICAL_LENGTH, flatten_sum_reduction, product

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation, System


def lower(system: System) -> Program:
    """Return the operations of a System.

    Raises:
        UnsupportedError: If an equation has a form that no operation covers yet.
    """
    lowering = Lowering(system)
    for equation in system.equations:
        lowering.equation(equation)
    build = lowering.build
    comments = {e.target: e for e in system.equations}
    return Program(system, tuple(build.ops), dict(build.kinds), comments)


class Lowering:
    """Lowers the equations of one System, in order."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.build = OpBuilder(system)
        self._where = ""
        self._flat: dict[Expr, Expr] = {}
        self._reduced: dict[Expr, Expr] = {}
        self._defined: dict[str, Equation] = {}
        self._limits = {t.name: t.limit for t in system.inputs}

    def equation(self, equation: Equation) -> None:
        """Append the operations of one equation."""
        self._where = f"equation {str(equation)!r}"
        letters = equation.letters
        if equation.implicit:
            raise no_implicit(equation)
        if len(set(letters)) != len(equation.indices) or equation.target in self._defined:
            raise self._unsupported("a boundary value or a repeated index on the left")
        self.build.wanted = letters
        value = self.flatten(equation.value)
        kind = self.build.kind(value)
        if equation.target in self.system.outputs and kind == BOOL:
            kind = REAL
        out = equation.element
        self.build.add(Map(out, value), kind)
        self.build.remember(value, out)
        self._defined[equation.target] = equation

    def flatten(self, expr: Expr) -> Expr:
        """Return a term over operands that is worth `expr`: without reductions and gathers."""
        if isinstance(expr, (Const, Named, Size, Index)):
            return expr
        found = self._flat.get(expr)
        if found is None:
            found = self._flatten(expr)
            self._flat[expr] = found
        return found

    def _flatten(self, expr: Expr) -> Expr:
        if isinstance(expr, Element):
            return self._element(expr)
        if isinstance(expr, Reduce):
            return self._reduce(expr)
        found = None
        if isinstance(expr, Call) and expr.function == "exp":
            found = flatten_exp(self, expr)
        elif isinstance(expr, Add):
            found = flatten_sum(self, expr)
        if found is not None:
            return found
        children = tuple(self.flatten(c) for c in expr.children)
        return product(children) if isinstance(expr, Mul) else expr.with_children(children)

    def _element(self, expr: Element) -> Expr:
        if expr.tensor not in self.build.kinds:
            raise self._unsupported(f"{expr}, which is defined below or by itself (a recurrence)")
        if is_operand(expr):
            return expr
        if expr.outside is not None:
            raise self._unsupported(f"a read with a value outside, {expr}")
        positions = tuple(self.flatten(i) for i in expr.indices)
        for position in positions:
            if self.build.kind(position) != INTEGER:
                raise self._unsupported(f"the position {position}, which is no integer")
        return self.build.gather(expr.tensor, positions)

    def _reduce(self, node: Reduce) -> Expr:
        """Lower a reduction once, whatever letters it is written with."""
        form, order = canonical(node)
        numbered = {i: Index(f"#{k}", i.axis) for k, i in enumerate(order)}
        found = self._reduced.get(form)
        if found is None:
            found = substitute(self._reduce_once(node), numbered)
            self._reduced[form] = found
        return substitute(found, {number: i for i, number in numbered.items()})

    def _reduce_once(self, node: Reduce) -> Expr:
        if node.op == "sum":
            return flatten_sum_reduction(self, node)
        if node.op == "logsumexp":
            return flatten_logsumexp(self, node)
        bound, body, condition = open_reduce(node)
        if condition is not None:
            if node.op not in _NEUTRAL:
                raise self._unsupported(f"a condition on {node.op}")
            body = Where(condition, body, _NEUTRAL[node.op])
        if len(bound) > 1 and node.op in ("argmax", "argmin"):
            raise self._unsupported(f"{node.op} over several indices")
        source = self.build.array(self.flatten(body), needed=bound)
        return self.build.reduction(node.op, source, bound)

    def definition(self, expr: Element) -> Expr | None:
        """Return what an equation above says an element is, None for an input."""
        equation = self._defined.get(expr.tensor)
        if equation is None:
            return None
        return substitute(equation.value, dict(zip(equation.letters, expr.indices, strict=True)))

    def within(self, expr: Expr, index: Index) -> bool:
        """Return whether a term is an integer in the range of an index by declaration."""
        if isinstance(expr, Element):
            return self._limits.get(expr.tensor) == index.axis
        return isinstance(expr, Index) and expr is not index and expr.axis == index.axis

    def length(self, index: Index) -> int:
        """Return the length of an index, or a typical one where it is not fixed."""
        fixed = dict(self.system.sizes).get(index.axis)
        if isinstance(fixed, Const):
            return int(fixed.value)
        return TYPICAL_LENGTH

    def _unsupported(self, given: str) -> UnsupportedError:
        return UnsupportedError(
            where=self._where,
            given=given,
            expected="sums, products, scalar functions and reductions of elements at plain indices "
            "or at index tensors",
            fix="write the equation without it; `symgrad.interpreter.evaluate` runs every form",
        )


_NEUTRAL = {"prod": Const(ZERO.value + 1)}
