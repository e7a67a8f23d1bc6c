"""Collects operations: names arrays, keeps their kinds, and makes each array once.

In: flat terms and operands. Out: operands. Arrays that differ only in the letters of their labels
are one array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.terms import Element, Expr, Index
from symgrad.lowering.kinds import kind_of, kind_of_reduction, kind_of_tensor
from symgrad.lowering.labels import axis_order, canonical, sort_labels
from symgrad.lowering.names import Namer
from symgrad.lowering.ops import (
    REAL,
    SHIFT,
    Contract,
    Gather,
    Map,
    Op,
    Reduce,
    Scatter,
    labels,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from symgrad.ir.equation import System


def is_operand(expr: Expr) -> bool:
    """Return whether a term is an array read at distinct plain indices."""
    if not isinstance(expr, Element) or expr.outside is not None:
        return False
    plain = all(isinstance(i, Index) for i in expr.indices)
    return plain and len(set(expr.indices)) == len(expr.indices)


class OpBuilder:
    """Makes the operations of one System.

    Attributes:
        ops: What was made, in order.
        kinds: The kind of each array.
        wanted: The labels of the equation that is being lowered: the preferred order of axes.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.ops: list[Op] = []
        self.kinds = {t.name: kind_of_tensor(t) for t in system.inputs}
        self.wanted: tuple[Index, ...] = ()
        names = [t.name for t in system.inputs] + list(system.defined)
        self.names = Namer([*names, *system.axes])
        self._made: dict[tuple[object, ...], tuple[str, tuple[int, ...]]] = {}

    def kind(self, expr: Expr) -> str:
        """Return the kind of a term over arrays made so far."""
        return kind_of(expr, self.kinds)

    def array(
        self, expr: Expr, needed: Iterable[Index] = (), *, real: bool = False, name: str = ""
    ) -> Element:
        """Return an operand that holds a flat term.

        Args:
            expr: A term without reductions.
            needed: Labels that the operand must have; the term is repeated along those it lacks.
            real: Whether truth values and integers are turned into numbers of the float type.
            name: What to call it; by default what it holds.
        """
        missing = [i for i in needed if i not in expr.free]
        kind = REAL if real else self.kind(expr)
        held = isinstance(expr, Element) and is_operand(expr) and not missing
        if isinstance(expr, Element) and held and kind == self.kinds[expr.tensor]:
            return expr
        form, order = canonical(expr)
        full = (*order, *missing)
        key = ("map", form, kind, tuple(i.axis for i in missing))
        found = self._reuse(key, full)
        if found is None:
            own = axis_order(expr, self.wanted)
            called = self.names.fresh(name) if name else self.names.of_map(expr)
            out = Element(called, (*own, *missing) if missing else own)
            self._define(key, Map(out, expr), full, kind)
            found = out
        return found

    def reduction(self, op: str, source: Element, bound: Iterable[Index]) -> Element:
        """Return the operand that holds a reduction of another."""
        gone = set(bound)
        form, order = canonical(source)
        key = ("reduce", op, form, tuple(k for k, i in enumerate(order) if i in gone))
        found = self._reuse(key, order)
        if found is None:
            kept = tuple(i for i in labels(source) if i not in gone)
            out = Element(self.names.of_reduce(op, source), kept)
            kind = REAL if op == SHIFT else kind_of_reduction(op, self.kinds[source.tensor])
            self._define(key, Reduce(out, op, source), order, kind)
            found = out
        return found

    def contraction(self, left: Element, right: Element, kept: Iterable[Index]) -> Element:
        """Return the operand that holds a sum of products over the labels not in `kept`."""
        found = set(kept)
        both = [*labels(left), *(i for i in labels(right) if i not in left.free)]
        order = sort_labels((i for i in both if i in found), self.wanted)
        row_dot = left.free == right.free
        name = self.names.of_contract(left, right, row_dot=row_dot)
        out = Element(name, order)
        self.add(Contract(out, left, right), REAL)
        return out

    def gather(self, source: str, positions: tuple[Expr, ...]) -> Element:
        """Return the operand that holds a read at computed positions."""
        form, order = canonical(Element(source, positions))
        key = ("gather", form)
        found = self._reuse(key, order)
        if found is None:
            out = Element(self.names.of_gather(source, positions), order)
            self._define(key, Gather(out, source, positions), order, self.kinds[source])
            found = out
        return found

    def scatter(
        self, axes: tuple[Index, ...], positions: tuple[Expr, ...], source: Element
    ) -> Element:
        """Return the operand that holds a sum into computed positions."""
        out = Element(self.names.of_scatter(source), axes)
        self.add(Scatter(out, positions, source), REAL)
        return out

    def add(self, op: Op, kind: str) -> None:
        """Append an operation."""
        assert op.out.tensor not in self.kinds, "each array is defined once"
        self.kinds[op.out.tensor] = kind
        self.ops.append(op)

    def _define(self, key: tuple[object, ...], op: Op, order: tuple[Index, ...], kind: str) -> None:
        self.add(op, kind)
        self._made[key] = (op.out.tensor, tuple(order.index(i) for i in labels(op.out)))

    def _reuse(self, key: tuple[object, ...], order: tuple[Index, ...]) -> Element | None:
        made = self._made.get(key)
        if made is None:
            return None
        return Element(made[0], tuple(order[k] for k in made[1]))

    def remember(self, expr: Expr, operand: Element) -> None:
        """Let a flat term be read from the array that an equation has given it."""
        form, order = canonical(expr)
        if set(order) == set(operand.indices):
            key = ("map", form, self.kinds[operand.tensor], ())
            positions = tuple(order.index(i) for i in labels(operand))
            self._made.setdefault(key, (operand.tensor, positions))
