"""From index equations to operations.

In: a System whose batch rank is fixed. Out: a Program: reductions taken out of the terms they stand
in, sums of products contracted in pairs, logarithms of sums of exponentials shifted, reads and sums
at positions that are data as gathers and scatters. Nothing here knows a layer, a layout or a
target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.errors import UnsupportedError
from symgrad.ir.composite import length_of_position, letters_of
from symgrad.ir.implicit import no_implicit
from symgrad.ir.kinds import is_exact, tensor_kinds
from symgrad.ir.terms import (
    Add,
    Call,
    Const,
    Element,
    Expr,
    Index,
    Logic,
    Mul,
    Named,
    Reduce,
    Size,
    Where,
)  # fmt: skip
from symgrad.ir.visit import substitute
from symgrad.lowering.affine import Facts
from symgrad.lowering.build_ops import OpBuilder, is_operand
from symgrad.lowering.labels import canonical
from symgrad.lowering.names import python_name
from symgrad.lowering.ops import BOOL, INTEGER, REAL, Map, Program
from symgrad.lowering.packed import flatten_pieces
from symgrad.lowering.reads import guarded, read, without_tests
from symgrad.lowering.restricted import flatten_reduction
from symgrad.lowering.stable import flatten_exp, flatten_sum
from symgrad.lowering.sums import TYPICAL_LENGTH, product
from symgrad.lowering.units import drop_units
from symgrad.lowering.window_ops import Flatten

if TYPE_CHECKING:
    from collections.abc import Collection

    from symgrad.ir.equation import Equation, System


def lower(system: System, returned: Collection[str] | None = None) -> Program:
    """Return the operations of a System without recurrences.

    Args:
        system: The System.
        returned: The outputs that a caller sees, as numbers of the float type if they are truth
            values; all by default.

    Raises:
        UnsupportedError: If an equation has a form that no operation covers yet.
    """
    lowering = Lowering(system, system.outputs if returned is None else returned)
    for equation in drop_units(system).equations:
        lowering.equation(equation)
    build = lowering.build
    comments = {e.target: e for e in system.equations}
    return Program(system, tuple(build.ops), dict(build.kinds), comments)


class Lowering:
    """Lowers the equations of one System, in order."""

    def __init__(self, system: System, returned: Collection[str]) -> None:
        self.system, self.returned = system, returned
        self.build = OpBuilder(system)
        self._where = self.target = ""
        self._kinds = tensor_kinds(system)
        self._flat: dict[Expr, Expr] = {}
        self._reduced: dict[Expr, Expr] = {}
        self._defined: dict[str, Equation] = {}
        self.facts = Facts(system)
        self.shapes = self.build.shapes
        #: Arrays with an axis for each letter of a composite left-hand side, and its positions.
        self.parts: dict[str, tuple[tuple[Expr, ...], Element]] = {}

    def equation(self, equation: Equation) -> None:
        """Append the operations of one equation."""
        self._where, self.target = f"equation {str(equation)!r}", equation.target
        letters = equation.letters
        if equation.implicit:
            raise no_implicit(equation)
        known = equation.target in self._defined or not equation.is_main
        if known or len(set(letters)) != len(letters):
            raise self.unsupported("a boundary value or a repeated index on the left")
        self.build.wanted = letters
        value = self.flatten(equation.value)
        kind = self.build.kind(value)
        said = self._kinds[equation.target]
        if equation.target in self.returned and kind != REAL and said == "real":
            kind = REAL  # what is saved comes back through the door as what it is said to be
        if kind == REAL and said == "int":
            kind = INTEGER  # a count, which a scatter or a product has summed as numbers
        self.shapes[equation.target] = tuple(map(length_of_position, equation.indices))
        if len(letters) > len(equation.indices):
            self.parts[equation.target] = self._composite(equation, value, kind)
        else:
            self.build.add(Map(equation.element, value), kind)
            self.build.remember(value, equation.element)
        self._defined[equation.target] = equation

    def _composite(
        self, equation: Equation, value: Expr, kind: str
    ) -> tuple[tuple[Expr, ...], Element]:
        """Append the operations of an equation with composite indices on the left."""
        name = self.build.names.fresh(f"{python_name(equation.target)}_parts", "parts")
        parts = Element(name, equation.letters)
        self.build.add(Map(parts, value), kind)
        self.build.remember(value, parts)
        groups = tuple(map(letters_of, equation.indices))
        whole = ("_".join(i.name for i in group) for group in groups)
        axes = tuple(
            g[0] if len(g) == 1 else Index(w, w) for g, w in zip(groups, whole, strict=True)
        )
        self.build.add(Flatten(Element(equation.target, axes), parts, groups), kind)
        return equation.indices, parts

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
            found = flatten_sum(self, expr) or flatten_pieces(self, expr)
        if found is not None:
            return found
        if isinstance(expr, Where):
            shorter = without_tests(self, expr)
            if shorter is not expr:
                return self.flatten(shorter)
        children = tuple(self.flatten(c) for c in self._guarded(expr).children)
        return product(children) if isinstance(expr, Mul) else expr.with_children(children)

    def _guarded(self, expr: Expr) -> Expr:
        """Return a term with its reads in range where it is not evaluated."""
        if isinstance(expr, Where):
            then, otherwise = guarded(self, expr.then), guarded(self, expr.otherwise)
            return Where(expr.condition, then, otherwise)
        if isinstance(
            expr, Logic
        ):  # what stands behind is read if what stands in front asks for it
            return Logic(expr.op, (expr.args[0], *(guarded(self, a) for a in expr.args[1:])))
        return expr

    def _element(self, expr: Element) -> Expr:
        if expr.tensor not in self.build.kinds:
            raise self.unsupported(f"{expr}, which is defined below or by itself (a recurrence)")
        if is_operand(expr) and self._fits(expr):
            return expr
        return read(self, expr)

    def _fits(self, expr: Element) -> bool:
        """Return whether each letter runs over the axis that it reads."""
        lengths = zip(expr.indices, self.shapes[expr.tensor], strict=True)
        return all(isinstance(i, Index) and self.facts.same(Size(i.axis), s) for i, s in lengths)

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
        return flatten_reduction(self, node)

    def definition(self, expr: Element) -> Expr | None:
        """Return what an equation above says an element is, None for an input."""
        equation = self._defined.get(expr.tensor)
        if equation is None or len(equation.letters) > len(equation.indices):
            return None
        return substitute(equation.value, dict(zip(equation.letters, expr.indices, strict=True)))

    def within(self, expr: Expr, index: Index) -> bool:
        """Return whether a term is an integer in the range of an index, whatever is given."""
        if isinstance(expr, Index):
            return expr is not index and self.facts.same(Size(expr.axis), Size(index.axis))
        return index not in expr.free and self.facts.within(expr, Size(index.axis))

    def is_position(self, expr: Expr) -> bool:
        """Return whether a term is an integer that a position may be."""
        kinds = {n: {REAL: "real", BOOL: "bool"}.get(k, "int") for n, k in self.build.kinds.items()}
        return is_exact(expr, kinds)

    def length(self, index: Index) -> int:
        """Return the length of an index, or a typical one where it is not fixed."""
        fixed = dict(self.system.sizes).get(index.axis)
        if isinstance(fixed, Const):
            return int(fixed.value)
        return TYPICAL_LENGTH

    def unsupported(self, given: str) -> UnsupportedError:
        """Return the error about a form that no operation covers."""
        return UnsupportedError(
            where=self._where,
            given=given,
            expected="sums, products, scalar functions and reductions of elements at plain indices "
            "or at index tensors",
            fix="write the equation without it; `symgrad.interpreter.evaluate` runs every form",
        )
