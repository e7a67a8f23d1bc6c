"""Collects operations: names arrays, keeps their kinds, and makes each array once.

In: flat terms and operands. Out: operands. Arrays that differ only in the letters of their labels
are one array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.build import mul
from symgrad.ir.terms import Call, Element, Expr, Index, Size
from symgrad.ir.visit import walk
from symgrad.lowering.kinds import kind_of, kind_of_reduction, kind_of_tensor
from symgrad.lowering.labels import axis_order, canonical, sort_labels
from symgrad.lowering.names import Namer, python_name
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
from symgrad.lowering.window_ops import Flatten, Fold, Keep, Scan, Stack, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        shapes: The length of each axis of each array.
        wanted: The labels of the equation that is being lowered: the preferred order of axes.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        self.ops: list[Op] = []
        self.kinds = {t.name: kind_of_tensor(t) for t in system.inputs}
        self.shapes: dict[str, tuple[Expr, ...]] = {t.name: t.shape for t in system.inputs}
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

    def gather(
        self,
        source: str,
        positions: tuple[Expr, ...],
        *,
        proved: bool = True,
        fill: Expr | None = None,
    ) -> Element:
        """Return the operand that holds a read at computed positions."""
        form, order = canonical(Element(source, positions, fill))
        key = ("gather", form, proved)
        found = self._reuse(key, order)
        if found is None:
            out = Element(self.names.of_gather(source, positions), order)
            op = Gather(out, source, positions, proved, fill)
            self._define(key, op, order, self.kinds[source])
            found = out
        return found

    def position(self, expr: Expr) -> Expr:
        """Return a computed position, as an array of its own where it is long."""
        simple = len(expr.free) < 2 and not any(isinstance(n, Call) for n in walk(expr))
        return expr if simple else self.array(expr, name="positions")

    def scatter(
        self,
        axes: tuple[Index, ...],
        positions: tuple[Expr, ...],
        source: Element,
        *,
        proved: bool = True,
    ) -> Element:
        """Return the operand that holds a sum into computed positions."""
        out = Element(self.names.of_scatter(source), axes)
        self.add(Scatter(out, positions, source, proved), REAL)
        return out

    def window(self, read: Element, proved: tuple[bool, ...]) -> Element:
        """Return the operand that holds a read at affine positions."""
        form, order = canonical(read)
        key = ("window", form)
        found = self._reuse(key, order)
        if found is None:
            source, positions = read.tensor, read.indices
            out = Element(self.names.of_window(source, positions), order)
            op = Window(out, source, self.shapes[source], positions, proved, read.outside)
            self._define(key, op, order, self.kinds[source])
            found = out
        return found

    def fold(
        self, axes: tuple[Index, ...], positions: tuple[Expr, ...], source: Element
    ) -> Element:
        """Return the operand that holds a sum into affine positions."""
        out = Element(self.names.fresh(f"{source.tensor}_folded", "folded"), axes)
        self.add(Fold(out, positions, source), REAL)
        return out

    def scan(
        self, op: str, source: Element, along: Index, index: Index, *, reverse: bool
    ) -> Element:
        """Return the operand that holds what a reduction gives up to each position of an axis."""
        form, order = canonical(source)
        kept = tuple(index if i is along else i for i in order)
        key = ("scan", op, form, order.index(along), reverse)
        found = self._reuse(key, kept)
        if found is None:
            out = Element(self.names.fresh(f"{source.tensor}_cumulative", "cumulative"), kept)
            kind = kind_of_reduction(op, self.kinds[source.tensor])
            scan = Scan(out, op, Element(source.tensor, kept), index, reverse)
            self._define(key, scan, kept, kind)
            found = out
        return found

    def keep(self, source: Element, mask: Element, fill: Expr, bound: Iterable[Index]) -> Element:
        """Return the operand that holds an array where a mask holds, a number elsewhere."""
        axes = sort_labels([*labels(source), *labels(mask)], self.wanted)
        out = Element(self.names.fresh(f"{source.tensor}_kept", "kept"), axes)
        self.add(Keep(out, source, mask, fill, tuple(bound)), self.kinds[source.tensor])
        return out

    def stack(self, sources: Sequence[Element], along: Index) -> Element:
        """Return the operand that holds arrays of like labels side by side along a new axis."""
        axes = sort_labels([*labels(sources[0]), along], self.wanted)
        out = Element(self.names.fresh(f"{sources[0].tensor}_stacked", "stacked"), axes)
        self.add(Stack(out, tuple(sources), along), self.kinds[sources[0].tensor])
        return out

    def flatten_last(self, source: Element, bound: tuple[Index, ...]) -> tuple[Element, Index]:
        """Return an array with several labels counted through as one, and that label."""
        kept = tuple(i for i in labels(source) if i not in bound)
        name = "_".join(i.name for i in bound)
        whole = Index(name, name, min(i.serial for i in bound))
        out = Element(self.names.fresh(f"{source.tensor}_flat", "flat"), (*kept, whole))
        groups = (*((i,) for i in kept), bound)
        self.add(Flatten(out, source, groups), self.kinds[source.tensor])
        return out, whole

    def merged(self, source: str, at: int) -> str:
        """Return the name of an array with an axis and the next one counted through as one."""
        key = ("merged", source, at)
        if key not in self._made:
            shape = self.shapes[source]
            axes = tuple(
                Index(f"{s.axis}{k}", s.axis, -1 - k)
                for k, s in enumerate(shape)
                if isinstance(s, Size)
            )
            whole = Index("whole", "whole", -1 - len(axes))
            name = self.names.fresh(f"{python_name(source)}_flat", "flat")
            single: list[tuple[Index, ...]] = [(i,) for i in axes]
            groups = (*single[:at], axes[at : at + 2], *single[at + 2 :])
            out = Element(name, tuple(g[0] if len(g) == 1 else whole for g in groups))
            self.shapes[name] = tuple(mul(*(Size(i.axis) for i in g)) for g in groups)
            self.add(Flatten(out, Element(source, axes), groups), self.kinds[source])
            self._made[key] = (name, ())
        return self._made[key][0]

    def add(self, op: Op, kind: str) -> None:
        """Append an operation."""
        assert op.out.tensor not in self.kinds, "each array is defined once"
        self.kinds[op.out.tensor] = kind
        self.shapes.setdefault(op.out.tensor, tuple(Size(i.axis) for i in labels(op.out)))
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
