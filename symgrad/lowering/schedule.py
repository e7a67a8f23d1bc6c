"""From the operations of a Program to those worth running, in order.

In: a Program as it was lowered. Out: the same Program with copies named away, temporaries that are
read once put into the map that reads them, common subterms computed once, what nothing reads
dropped. Every pass is a pure function of a Program; `PASSES` is the order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from symgrad.ir.terms import Add, Call, Element, Expr, Index, Mul, Power, Where
from symgrad.ir.visit import elements, rebuild, replace_elements, substitute
from symgrad.lowering.kinds import kind_of
from symgrad.lowering.labels import axis_order, canonical, free_in_order
from symgrad.lowering.names import Namer
from symgrad.lowering.ops import Contract, Map, Op, Program, labels
from symgrad.lowering.window_ops import Fold, Stack, Window

if TYPE_CHECKING:
    from collections.abc import Callable


def schedule(program: Program) -> Program:
    """Return the operations of a Program in the order and number in which they are run."""
    for step in PASSES:
        program = step(program)
    return program


def drop_unread(program: Program) -> Program:
    """Drop the operations that no output depends on."""
    needed = set(program.system.outputs)
    kept: list[Op] = []
    for op in reversed(program.ops):
        if op.out.tensor in needed:
            kept.append(op)
            needed.update(op.reads)
    return replace(program, ops=tuple(reversed(kept)))


def name_results(program: Program) -> Program:
    """Let an operation define the named array that an equation copies its result to."""
    ops = list(program.ops)
    made = {op.out.tensor: k for k, op in enumerate(ops)}
    reads = _read_counts(program)
    for position, op in enumerate(program.ops):
        if not (isinstance(op, Map) and isinstance(op.value, Element)):
            continue
        source = made.get(op.value.tensor)
        if source is None or reads[op.value.tensor] != 1 or _is_named(program, op.value):
            continue
        if program.kinds[op.value.tensor] != program.kinds[op.out.tensor]:
            continue
        if isinstance(ops[source], Window) and op.out.tensor in program.system.outputs:
            continue  # a view: what is returned is a copy
        renamed = _with_out(ops[source], op.value, op.out)
        if renamed is not None:
            ops[source] = renamed
            ops[position] = renamed
    return replace(program, ops=tuple(dict.fromkeys(ops)))


def _with_out(op: Op, read: Element, out: Element) -> Op | None:
    """Return an operation that defines `out` where it defined what `read` reads, if it can."""
    mapping = dict(zip(labels(op.out), labels(read), strict=True))
    if set(mapping.values()) != set(labels(out)):
        return None
    new = _relabel(op, mapping)
    reordered = new.out.indices != out.indices
    if reordered and not isinstance(new, (Map, Contract, Window, Fold, Stack)):
        return None
    return replace(new, out=out)


def _relabel(op: Op, mapping: dict[Index, Index]) -> Op:
    """Return an operation with other labels; those it reduces get out of their way."""
    taken = set(mapping.values())
    full: dict[Index, Expr] = dict(mapping)
    for index in _all_labels(op):
        if index not in full and index in taken:
            serial = min(0, *(i.serial for i in (*taken, *_all_labels(op)))) - 1
            full[index] = Index(index.name, index.axis, serial)
            taken.add(Index(index.name, index.axis, serial))

    def new(value: object) -> object:
        if isinstance(value, Expr):
            return substitute(value, full)
        return tuple(map(new, value)) if isinstance(value, tuple) else value

    moved: dict[str, Any] = {f.name: new(getattr(op, f.name)) for f in fields(op)}
    return replace(op, **moved)


def _all_labels(op: Op) -> tuple[Index, ...]:
    """Return the labels of all terms of an operation, in order of appearance."""
    found: dict[Index, None] = {}
    waiting: list[object] = [getattr(op, f.name) for f in reversed(fields(op))]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Expr):
            found.update(dict.fromkeys(free_in_order(value)))
        elif isinstance(value, tuple):
            waiting.extend(reversed(value))
    return tuple(found)


def fuse_maps(program: Program) -> Program:
    """Put a map that one other map alone reads into that map; named results stay."""
    reads = _read_counts(program)
    values: dict[str, Map] = {}
    kept: list[Op] = []

    def inline(read: Element) -> Expr | None:
        source = values.get(read.tensor)
        if source is None:
            return None
        mapping: dict[Index, Expr] = dict(zip(labels(source.out), labels(read), strict=True))
        return substitute(source.value, mapping)

    for op in program.ops:
        new = op
        if isinstance(op, Map):
            new = Map(op.out, _flat_products(replace_elements(op.value, inline)))
        if isinstance(new, Map) and _is_fusable(program, new, reads):
            values[new.out.tensor] = new
        else:
            kept.append(new)
    return replace(program, ops=tuple(kept))


def _is_fusable(program: Program, op: Map, reads: Counter[str]) -> bool:
    """Return whether a map may disappear into its only reader."""
    if _is_named(program, op.out) or reads[op.out.tensor] != 1:
        return False
    if set(labels(op.out)) != op.value.free or _kind(program, op) != program.kinds[op.out.tensor]:
        return False
    readers = [o for o in program.ops if op.out.tensor in o.reads]
    return all(isinstance(o, Map) for o in readers)


def _kind(program: Program, op: Map) -> str:
    return kind_of(op.value, program.kinds)


def _flat_products(expr: Expr) -> Expr:
    """Return a term in which no product is a factor of a product and no sum a term of a sum."""

    def visit(node: Expr) -> Expr:
        new = rebuild(node, visit)
        if isinstance(new, (Mul, Add)):
            parts = [g for f in new.children for g in _parts(f, type(new))]
            return new.with_children(tuple(parts))
        return new

    return visit(expr)


def _parts(expr: Expr, kind: type[Expr]) -> tuple[Expr, ...]:
    return expr.children if type(expr) is kind else (expr,)


def share_terms(program: Program) -> Program:
    """Compute a subterm once that several maps hold, whatever the letters of its indices."""
    return _Sharing(program).shared()


class _Sharing:
    """Finds repeated subterms and gives them arrays."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.namer = Namer([*program.kinds, *program.system.axes])
        self.kinds = dict(program.kinds)
        self.counts: Counter[Expr] = Counter()
        self.held: dict[Expr, tuple[str, tuple[int, ...]]] = {}
        self.ops: list[Op] = []

    def shared(self) -> Program:
        """Return the Program with repeated subterms as maps of their own."""
        for op in self.program.ops:
            if isinstance(op, Map):
                self._count(op.value, 1)
        for op in self.program.ops:
            self.ops.append(self._map(op) if isinstance(op, Map) else op)
        return replace(self.program, ops=tuple(self.ops), kinds=self.kinds)

    def _count(self, node: Expr, times: int) -> None:
        """Count how often each subterm would be computed."""
        shared = _is_worth_sharing(node)
        form = canonical(node)[0] if shared else node
        first = form not in self.counts
        self.counts[form] += times
        if not shared or first:
            for child in node.children:
                self._count(child, 2 if _is_repeated(node) else 1)

    def _map(self, op: Map) -> Map:
        value = self._held(op.value) or rebuild(op.value, self._visit)
        same = self.kinds[op.out.tensor] == kind_of(value, self.kinds)
        if same and set(labels(op.out)) == op.value.free and _is_worth_sharing(op.value):
            self._hold(op.value, op.out)
        return Map(op.out, value)

    def _visit(self, node: Expr) -> Expr:
        held = self._held(node)
        if held is not None:
            return held
        new = rebuild(node, self._visit)
        if not _is_worth_sharing(node) or self.counts[canonical(node)[0]] < 2:
            return new
        out = Element(self.namer.of_map(node), axis_order(node, ()))
        self.kinds[out.tensor] = kind_of(new, self.kinds)
        self.ops.append(Map(out, new))
        self._hold(node, out)
        return out

    def _held(self, node: Expr) -> Element | None:
        """Return the array that holds a term, if one does."""
        if not _is_worth_sharing(node):
            return None
        form, order = canonical(node)
        found = self.held.get(form)
        return None if found is None else Element(found[0], tuple(order[k] for k in found[1]))

    def _hold(self, node: Expr, out: Element) -> None:
        form, order = canonical(node)
        self.held.setdefault(form, (out.tensor, tuple(order.index(i) for i in labels(out))))


def _is_repeated(expr: Expr) -> bool:
    """Return whether a term reads its child twice or more: x**3 is spelled x * x * x."""
    return isinstance(expr, Power) and expr.exponent.denominator == 1 and abs(expr.exponent) > 1


def _is_worth_sharing(expr: Expr) -> bool:
    """Return whether a term costs an operation on an array; a number times an array is left."""
    if not isinstance(expr, (Call, Power, Where, Add, Mul)) or not expr.free:
        return False
    if isinstance(expr, Mul):
        return sum(1 for f in expr.factors if f.free) > 1
    return any(isinstance(e, Element) for e in elements(expr))


def _read_counts(program: Program) -> Counter[str]:
    """Count for each array the places that read it; being an output is one."""
    counts = Counter(program.system.outputs)
    for op in program.ops:
        if isinstance(op, Map):
            counts.update(e.tensor for e in _occurring(op.value))
        elif isinstance(op, Contract):
            counts.update((op.left.tensor, op.right.tensor))
        else:
            counts.update(op.reads)
    return counts


def _occurring(expr: Expr) -> list[Element]:
    """Return the elements of a term, each as often as it is written."""
    if isinstance(expr, Element):
        return [expr]
    return [e for c in expr.children for e in _occurring(c)] * (2 if _is_repeated(expr) else 1)


def _is_named(program: Program, operand: Element) -> bool:
    """Return whether an equation or a caller gave the array its name."""
    return operand.tensor in program.comments or any(
        t.name == operand.tensor for t in program.system.inputs
    )


PASSES: tuple[Callable[[Program], Program], ...] = (
    drop_unread,
    name_results,
    fuse_maps,
    share_terms,
    drop_unread,
)
