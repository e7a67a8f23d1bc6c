"""The body of a generated function: one operation a line, in the words of the equations.

In: a scheduled Program and an emitter. Out: lines of Python, without the checks at the door.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symgrad.codegen.positions import gather_value, scatter_lines
from symgrad.codegen.windows import (
    densest,
    flatten_value,
    fold_steps,
    keep_value,
    nested,
    scan_value,
    stack_value,
    window_steps,
    window_value,
)
from symgrad.ir.terms import Add, Element, Expr, Mul
from symgrad.ir.terms import Reduce as ReduceTerm
from symgrad.ir.visit import rebuild, walk
from symgrad.lowering.affine import Facts, linear
from symgrad.lowering.kinds import kind_of
from symgrad.lowering.labels import axis_order
from symgrad.lowering.names import Namer, python_name
from symgrad.lowering.ops import Contract, Gather, Map, Op, Reduce, Scatter, labels
from symgrad.lowering.window_ops import Flatten, Fold, Keep, Scan, Stack, Window

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from symgrad.codegen.emit import Emitter
    from symgrad.codegen.pieces import Piece
    from symgrad.lowering.ops import Program

WIDTH = 100
#: A longer text of slices gets a name of its own.
LONGEST_SLICE = 40
INDENT = "    "


@dataclass(frozen=True)
class Statement:
    """An assignment, or a line that follows one.

    Attributes:
        target: Name of the array; empty for a line that stands as it is.
        text: The right-hand side, or the whole line.
        comment: The equation that it computes, where that is not obvious.
        depth: How many loops it stands in.
    """

    target: str
    text: str
    comment: str = ""
    depth: int = 0

    def lines(self, *, as_return: bool = False) -> list[str]:
        """Return the source lines; the comment stands behind, or above where it does not fit."""
        head = "return " if as_return else f"{self.target} = " if self.target else ""
        indent = INDENT * (1 + self.depth)
        line = f"{indent}{head}{self.text}"
        if not self.comment:
            return [line]
        both = f"{line}  # {self.comment}"
        above = f"{indent}# that is, {self.comment}"
        if len(both) <= WIDTH:
            return [both]
        return [above, line] if len(above) <= WIDTH else [line]


def write_body(
    program: Program, emitter: Emitter, returned: Collection[str], depth: int = 0
) -> list[Statement]:
    """Return the statements of a function, or of a loop in it, that runs a Program.

    Args:
        program: What is run.
        emitter: Spells it.
        returned: What the function returns: none of it may be an argument, or a view of one.
        depth: How many loops the statements stand in.
    """
    found = _Body(program, emitter, returned, depth).statements()
    return [replace(s, depth=depth) for s in found]


class _Body:
    def __init__(
        self, program: Program, emitter: Emitter, returned: Collection[str], depth: int
    ) -> None:
        self.room = WIDTH - len(INDENT) * (1 + depth)
        self.program = program
        self.emit = emitter
        self.namer = Namer([*program.kinds, *program.system.axes])
        self.kinds = dict(program.kinds)
        emitter.kinds = self.kinds
        emitter.given = {t.name for t in program.system.inputs} | set(program.system.outputs)
        self.facts = Facts(program.system)
        #: Arrays that are returned, or shown in another shape: they must not be an argument.
        self.fresh = set(returned) & set(program.system.outputs)
        self.fresh |= {o.source.tensor for o in program.ops if isinstance(o, Flatten)}
        self.readers: dict[str, list[Op]] = {}
        for op in program.ops:
            emitter.views.pop(op.out.tensor, None)  # a temporary of an earlier stage
            for name in op.reads:
                self.readers.setdefault(name, []).append(op)
        for op in program.ops:
            if isinstance(op, Fold):
                self._keep_dense(op)

    def statements(self) -> list[Statement]:
        """Return all statements, in order."""
        found: list[Statement] = []
        waiting: dict[str, Contract | Reduce] = {}
        for op in self.program.ops:
            if isinstance(op, (Contract, Reduce)) and self._may_stand_inside(op):
                waiting[op.out.tensor] = op
                continue
            if isinstance(op, Window) and self._is_slice(op):
                continue
            inside = [waiting.pop(n) for n in op.reads if n in waiting]
            found.extend(self._with_sums(op, inside))
        return found

    def _keep_dense(self, op: Fold) -> None:
        """Have the sum that a fold reads made with its last label last."""
        form = linear(op.positions[-1])
        made = next((o for o in self.program.ops if o.out.tensor == op.source.tensor), None)
        if form is not None and form.indices and isinstance(made, Contract):
            at = labels(op.source).index(form.indices[0])
            self.emit.last[made.out.tensor] = labels(made.out)[at]

    def _may_stand_inside(self, op: Contract | Reduce) -> bool:
        """Return whether a sum may be written where it is read: once, by a map of its shape."""
        name = op.out.tensor
        if name in self.program.comments:
            return False
        readers = self.readers.get(name, [])
        if len(readers) != 1 or not isinstance(readers[0], Map):
            return False
        reader = readers[0]
        reads = [e for e in _occurring(reader.value) if e.tensor == name]
        return reads == [op.out] and op.out.indices == reader.out.indices

    def _is_slice(self, op: Window) -> bool:
        """Write a read at slices where it is read, if that is one place; return whether it is."""
        self.emit.given.add(op.out.tensor)
        readers = self.readers.get(op.out.tensor, [])
        if op.out.tensor in self.program.comments or len(readers) != 1:
            return False
        text = window_value(self.emit, self.facts, op).text
        reader = readers[0]
        reads = _occurring(reader.value) if isinstance(reader, Map) else []
        often = sum(1 for e in reads if e.tensor == op.out.tensor) > 1
        if "_window(" in text or often or len(text) > LONGEST_SLICE:
            return False
        self.emit.views[op.out.tensor] = text
        return True

    def _with_sums(self, op: Op, sums: list[Contract | Reduce]) -> list[Statement]:
        if not sums:
            return self._statements(op)
        for inner in sums:
            self.emit.inline[inner.out.tensor] = self._value(inner)
        written = self._statements(op)
        if len(written) == 1 and self._fits(written[0].target, written[0].text):
            return written
        self.emit.inline.clear()
        before = [s for inner in sums for s in self._statements(inner)]
        return [*before, *self._statements(op)]

    def _statements(self, op: Op) -> list[Statement]:
        name = python_name(op.out.tensor)
        comment = self._comment(op)
        if isinstance(op, Map):
            return self._map(op, comment)
        if isinstance(op, Scatter):
            first, *rest = scatter_lines(self.emit, name, op)
            start = first.removeprefix(f"{name} = ")
            return [Statement(name, start, comment), *(Statement("", r) for r in rest)]
        if isinstance(op, Window):
            return self._steps(name, self._window(op), comment or _says(op))
        if isinstance(op, Fold):
            return self._steps(name, fold_steps(self.emit, op), comment)
        text = self._value(op).text
        if op.out.tensor in self.fresh:
            text = self.emit.owned(text)
        if not self._fits(name, text):
            for word in (".permute(", ".transpose("):
                first, turn, axes = text.rpartition(word)
                if _is_whole(first) and axes.count("(") < 2:  # what is turned gets its own line
                    return [Statement(name, first, comment), Statement(name, f"{name}{turn}{axes}")]
        return [Statement(name, text, comment)]

    def _window(self, op: Window) -> list[str]:
        """Return the steps of a window; note how it lies in memory."""
        steps = window_steps(self.emit, self.facts, op)
        if len(steps) > 1 and op.out.indices:
            self.emit.inner[op.out.tensor] = densest(op)
        return steps

    def _steps(self, name: str, steps: Sequence[str], comment: str) -> list[Statement]:
        """Spell calls in each other as one line, or one each where that is too long."""
        if self._fits(name, nested(steps)) or len(steps) < 3:
            return [Statement(name, nested(steps), comment)]
        first = Statement(name, nested(steps[:2]), comment)
        return [first, *(Statement(name, s.replace("{x}", name)) for s in steps[2:])]

    def _fits(self, name: str, text: str) -> bool:
        """Return whether an assignment, or a return in its place, is short enough for a line."""
        return max(len(f"{name} = "), len("return ")) + len(text) <= self.room

    def _value(self, op: Op) -> Piece:
        """Return the right-hand side of an operation that is one expression."""
        match op:
            case Contract():
                return self.emit.contract_value(op)
            case Reduce():
                return self.emit.reduce_value(op)
            case Gather():
                return gather_value(self.emit, op)
            case Flatten():
                return flatten_value(self.emit, op)
            case Scan():
                return scan_value(self.emit, op)
            case Keep():
                return keep_value(self.emit, op)
            case Stack():
                return stack_value(self.emit, op)
            case _:
                raise AssertionError(f"an operation without a spelling: {type(op).__name__}")

    def _map(self, op: Map, comment: str) -> list[Statement]:
        """Spell a map; where the line is too long, its largest part becomes a line of its own."""
        name = python_name(op.out.tensor)
        is_output = op.out.tensor in self.fresh
        text = self.emit.map_value(op, is_output=is_output).text
        if is_output and isinstance(op.value, Element):
            self.emit.given.add(op.value.tensor)
        if self._fits(name, text):
            return [Statement(name, text, comment)]
        value, part = _halves(op.value) or (op.value, self._largest_part(op))
        if part is None:
            return [Statement(name, text, comment)]
        out = Element(self.namer.of_map(part), axis_order(part, labels(op.out)))
        self.kinds[out.tensor] = kind_of(part, self.kinds)
        rest = replace(op, value=_replaced(value, part, out))
        return [*self._map(Map(out, part), ""), *self._map(rest, comment)]

    def _largest_part(self, op: Map) -> Expr | None:
        """Return a part of about half of a map, None if it has none that is worth a name."""
        whole = len(self.emit.piece(op.value).text)
        parts = [
            (abs(2 * len(self.emit.piece(e).text) - whole), e.key, e)
            for e in walk(op.value)
            if e is not op.value and e.free and not isinstance(e, Element) and e.children
        ]
        parts = [p for p in parts if not isinstance(p[2], ReduceTerm)]
        return min(parts)[2] if parts else None

    def _comment(self, op: Op) -> str:
        """Return the equation behind a line, unless the line itself says as much."""
        equation = self.program.comments.get(op.out.tensor)
        if equation is None or len(self.program.system.equations) == 1:
            return ""
        plain = not any(isinstance(e, ReduceTerm) for e in walk(equation.value))
        return "" if plain and isinstance(op, Map) else str(equation)


def _is_whole(text: str) -> bool:
    """Return whether a text is one operand, so that what follows it applies to all of it.

    >>> _is_whole("(A @ B)"), _is_whole("A @ B.reshape(2, 3)"), _is_whole("")
    (True, False, False)
    """
    depth = 0
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        if sign == " " and not depth:
            return False
    return bool(text)


def _says(op: Window) -> str:
    """Return a window as an equation."""
    return f"{op.out} = {Element(op.source, op.positions)}"


def _halves(expr: Expr) -> tuple[Expr, Expr] | None:
    """Return a long sum or product with its first half as one term, and that half."""
    if not isinstance(expr, (Add, Mul)) or len(expr.children) < 4:
        return None
    middle = len(expr.children) // 2
    part = expr.with_children(expr.children[:middle])
    if not part.free:
        return None
    return expr.with_children((part, *expr.children[middle:])), part


def _occurring(expr: Expr) -> list[Element]:
    if isinstance(expr, Element):
        return [expr]
    return [e for c in expr.children for e in _occurring(c)]


def _replaced(expr: Expr, part: Expr, new: Expr) -> Expr:
    def visit(node: Expr) -> Expr:
        return new if node is part else rebuild(node, visit)

    return visit(expr)
