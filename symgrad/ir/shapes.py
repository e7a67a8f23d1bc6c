"""Ranks, axes and lengths: what a text leaves out, inferred.

In: declared tensors, equations over letters, fixed lengths. Out: every tensor with its shape, every
letter with the axis it ranges over. Letters that stand in one plain slot share an axis, called
after the first of them. The text is not known here: errors are made by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from symgrad.errors import (
    IntegerError,
    LengthError,
    NonAffineIndexError,
    RankError,
    SymgradError,
    UnknownLengthError,
)
from symgrad.ir.composite import composite_parts
from symgrad.ir.equation import INTEGER_KINDS, SQUARE_KINDS, Equation, Tensor
from symgrad.ir.guarded import guarded_elements, may_leave
from symgrad.ir.kinds import defined_kind, is_exact
from symgrad.ir.terms import BATCH, Call, Const, Element, Expr, Index, Reduce, Size
from symgrad.ir.text_build import written_product
from symgrad.ir.visit import close_reduce, elements, open_reduce, rebuild, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Complain(Protocol):
    """Makes an error that points at a term, a tensor's name or a letter of the text."""

    def __call__(
        self, kind: type[SymgradError], at: object, *, given: str, expected: str, fix: str
    ) -> SymgradError:
        """Return the error."""


@dataclass
class Slot:
    """What is known about one axis of a tensor.

    Attributes:
        letters: The letters that stand in it alone.
        lengths: Its length in other terms: as declared, or as composite indices show it.
    """

    letters: list[str] = field(default_factory=list)
    lengths: list[Expr] = field(default_factory=list)


@dataclass
class Shapes:
    """Infers the shapes of one text.

    Attributes:
        complain: Makes errors.
        order: The letters of the text, in order of appearance.
        sizes: The lengths that the text gives.
        slots: For each tensor its axes.
        kinds: The kind of each declared tensor.
        limits: For each `index(v)` tensor its v.
        parents: Letters that share an axis with an earlier one.
    """

    complain: Complain
    order: Sequence[str]
    sizes: Mapping[str, Expr]
    slots: dict[str, list[Slot]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def axis(self, letter: str) -> str:
        """Return the first of the letters that share an axis with this one."""
        while letter in self.parents:
            letter = self.parents[letter]
        return letter

    def join(self, letters: Iterable[str], at: object) -> None:
        """Make letters share an axis."""
        rank = {name: k for k, name in enumerate(self.order)}
        roots = sorted({self.axis(x) for x in letters}, key=lambda x: (rank.get(x, len(rank)), x))
        if len(roots) > 1 and BATCH in roots:
            raise self.complain(
                RankError,
                at,
                given=f"... where {', '.join(r for r in roots if r != BATCH)} stands elsewhere",
                expected="... in the same tensors everywhere",
                fix="write ... in both places, or in neither",
            )
        for root in roots[1:]:
            self.parents[root] = roots[0]

    def declare(self, tensor: Tensor) -> None:
        """Take the shape of a declared tensor."""
        self.slots[tensor.name] = [
            Slot([s.axis]) if isinstance(s, Size) else Slot([], [s]) for s in tensor.shape
        ]
        if tensor.kind in SQUARE_KINDS:
            self.join([x for slot in self.slots[tensor.name][-2:] for x in slot.letters], tensor)
        self.kinds[tensor.name] = tensor.kind
        if tensor.limit is not None:
            self.limits[tensor.name] = tensor.limit

    def use(self, element: Element, guarded: frozenset[str] = frozenset()) -> None:
        """Take what a definition or a read of a tensor shows; `guarded` axes are positions."""
        if any(isinstance(p, Index) and p.axis == BATCH for p in element.indices[1:]):
            raise self.complain(
                RankError,
                element,
                given=f"{element}, with ... after another index",
                expected="... first: it stands for leading batch axes",
                fix=f"write {element.tensor}[..., i]",
            )
        slots = self.slots.setdefault(element.tensor, [Slot() for _ in element.indices])
        if len(slots) != len(element.indices):
            raise self.complain(
                RankError,
                element,
                given=f"{element}: {element.tensor} with {len(element.indices)} index(es)",
                expected=f"{len(slots)}, as in its declaration, definition or first use",
                fix="index it the same way everywhere, or rename one of the two tensors",
            )
        for slot, position in zip(slots, element.indices, strict=True):
            if not may_leave(position, slot.letters, guarded, self.sizes):
                self._take(slot, position, element)

    def _take(self, slot: Slot, position: Expr, element: Element) -> None:
        if isinstance(position, Index):
            slot.letters.append(position.axis)
        elif isinstance(position, Element) and position.tensor in self.limits:
            slot.letters.append(self.limits[position.tensor])
        else:
            parts = composite_parts(position)
            if parts is not None:
                slot.lengths.append(written_product(Size(i.axis) for i in parts))
        self.join(slot.letters, element)

    def shape(self, name: str) -> tuple[Expr, ...]:
        """Return the shape of a tensor.

        Raises:
            UnknownLengthError: If nothing shows the length of an axis.
        """
        lengths: list[Expr] = []
        for at, slot in enumerate(self.slots[name]):
            if slot.letters:
                lengths.append(Size(self.axis(slot.letters[0])))
            elif slot.lengths:
                lengths.append(retarget(slot.lengths[0], self))
            else:
                raise self.complain(
                    UnknownLengthError,
                    name,
                    given=f"axis {at + 1} of {name}, which no plain letter reads",
                    expected="its length",
                    fix=f"declare {name}: real[...] with a letter for each axis",
                )
        return tuple(lengths)

    def fixed(self, sizes: Mapping[str, Expr]) -> dict[str, Expr]:
        """Return the lengths that are fixed: those given, and those of split axes."""
        out: dict[str, Expr] = {}
        for letter, length in sizes.items():
            if retarget(length, self) is not Size(self.axis(letter)):
                self._fix(out, self.axis(letter), retarget(length, self), letter)
        for name, slots in self.slots.items():
            for slot in slots:
                for length in slot.lengths if slot.letters else slot.lengths[1:]:
                    self._equate(out, slot, retarget(length, self), name)
        return out

    def _fix(self, out: dict[str, Expr], axis: str, length: Expr, at: object) -> None:
        if Size(axis) in walk(length):
            raise self.complain(
                LengthError,
                at,
                given=f"size[{axis}] = {length}",
                expected="lengths that do not depend on themselves",
                fix=f"write (0, {axis}) for the first part of a composite axis, not {axis}",
            )
        if axis == BATCH:
            raise self.complain(
                RankError,
                at,
                given=f"... where an axis of length {length} stands elsewhere",
                expected="... in the same tensors everywhere",
                fix="write ... in both places, or in neither",
            )
        known = out.setdefault(axis, length)
        if isinstance(known, Const) and isinstance(length, Const) and known is not length:
            raise self.complain(
                LengthError,
                at,
                given=f"length {length} for the axis {axis}",
                expected=f"length {known}, as elsewhere in the text",
                fix="use another letter in one of the two places",
            )

    def _equate(self, out: dict[str, Expr], slot: Slot, length: Expr, name: str) -> None:
        """Record that a slot with a letter, or with a length, has another length too."""
        if slot.letters:
            axis = self.axis(slot.letters[0])
            if length is not Size(axis):
                self._fix(out, axis, length, name)
        elif length is not retarget(slot.lengths[0], self):
            raise self.complain(
                LengthError,
                name,
                given=f"an axis of {name} as {length}",
                expected=f"{retarget(slot.lengths[0], self)}, as elsewhere",
                fix=f"declare {name}: real[...] with a letter for this axis",
            )


def retarget(expr: Expr, shapes: Shapes) -> Expr:
    """Return a term with each letter over the axis that was found for it."""
    memo: dict[Expr, Expr] = {}

    def index(old: Index) -> Index:
        return Index(old.name, shapes.axis(old.axis), old.serial)

    def visit(node: Expr) -> Expr:
        found = memo.get(node)
        if found is None:
            match node:
                case Index():
                    found = index(node)
                case Size():
                    found = Size(shapes.axis(node.axis))
                case Reduce():
                    bound, body, condition = open_reduce(node)
                    found = close_reduce(
                        node.op,
                        tuple(index(i) for i in bound),
                        visit(body),
                        None if condition is None else visit(condition),
                        node.ties,
                    )
                case _:
                    found = rebuild(node, visit)
            memo[node] = found
        return found

    return visit(expr)


@dataclass(frozen=True)
class Inferred:
    """What inference found.

    Attributes:
        inputs: Every tensor that is read and not defined, declared ones first.
        equations: The equations, each letter over its axis.
        sizes: The lengths that are fixed.
    """

    inputs: tuple[Tensor, ...]
    equations: tuple[Equation, ...]
    sizes: tuple[tuple[str, Expr], ...]


def infer(
    declared: Sequence[Tensor],
    equations: Sequence[Equation],
    sizes: Mapping[str, Expr],
    order: Sequence[str],
    complain: Complain,
) -> Inferred:
    """Return the tensors, equations and lengths of a text with shapes and axes found."""
    shapes = Shapes(complain, order, sizes)
    for tensor in declared:
        shapes.declare(tensor)
    for equation in equations:
        shapes.use(equation.element)
    reads = [e for q in equations for e in elements(q.value)]
    for element, guarded in (pair for q in equations for pair in guarded_elements(q.value)):
        shapes.use(element, guarded)
    check_integers(equations, shapes)
    defined = {e.target for e in equations if e.is_main}
    names = dict.fromkeys(e.tensor for e in reads)
    names.update(dict.fromkeys(e.target for e in equations if e.target not in defined))
    known = {t.name: t for t in declared if t.name in names}
    inputs = [
        replace(t, shape=shapes.shape(n), limit=t.limit and shapes.axis(t.limit))
        for n, t in (known | {n: Tensor(n) for n in names if n not in {*known, *defined}}).items()
    ]
    found = tuple(
        replace(
            e,
            indices=tuple(retarget(i, shapes) for i in e.indices),
            value=retarget(e.value, shapes),
        )
        for e in equations
    )
    return Inferred(tuple(inputs), found, tuple(shapes.fixed(sizes).items()))


def check_integers(equations: Sequence[Equation], shapes: Shapes) -> None:
    """Refuse tensors of other than integer kind in an index, and `//` and `%` of reals.

    Raises:
        IntegerError: If there is one.
    """
    kinds = dict(shapes.kinds)
    for equation in equations:
        kinds.setdefault(equation.target, defined_kind(equation, kinds))
        for node in walk(equation.value):
            indices = node.indices if isinstance(node, Element) else ()
            inner = [e for i in indices for e in elements(i)]
            for gathered in inner:
                if kinds.get(gathered.tensor) not in INTEGER_KINDS:
                    raise shapes.complain(
                        IntegerError,
                        (equation.element, node),
                        given=f"{gathered} as an index, which is not declared as one",
                        expected="an integer tensor",
                        fix=f"declare {gathered.tensor}: index(v)[...], v the axis it indexes",
                    )
            if is_integer_call(node) and not is_exact(node, kinds):
                raise shapes.complain(
                    IntegerError,
                    (equation.element, node),
                    given=f"{node}, with an operand that is not an integer",
                    expected="integers: indices, sizes, integer options and tensors",
                    fix="write floor(x / y) for reals",
                )


def check_conditions(
    equations: Sequence[Equation], kinds: Mapping[str, str], complain: Complain
) -> None:
    """Refuse reductions whose range depends on real numbers.

    Raises:
        NonAffineIndexError: If there is one.
    """
    for equation in equations:
        for node in walk(equation.value):
            condition = node.condition if isinstance(node, Reduce) else None
            if condition is not None and not is_exact(condition, kinds):
                raise complain(
                    NonAffineIndexError,
                    equation.element,
                    given=f"the condition {condition} of a reduction",
                    expected="comparisons of indices, sizes and integers",
                    fix=f"put it into the term: where({condition}, ..., 0)",
                )


def is_integer_call(node: Expr) -> bool:
    """Return whether a term is `//` or `%`."""
    return isinstance(node, Call) and node.function in ("floordiv", "mod")


def check_lengths(inferred: Inferred, complain: Complain) -> None:
    """Refuse a text in which the length of some axis can never be known.

    Raises:
        UnknownLengthError: If there is one.
    """
    lengths = [s for t in inferred.inputs for s in t.shape]
    known = {BATCH, *(s.axis for s in lengths if isinstance(s, Size))}
    rules: list[tuple[frozenset[str], str | None]] = []
    rules += [(_axes(s), None) for s in lengths if not isinstance(s, Size)]
    rules += [(_axes(e), a) for a, e in inferred.sizes]
    for _ in range(len(rules) + 1):
        for axes, axis in rules:
            if axes <= known and axis is not None:
                known.add(axis)
            elif len(axes - known) == 1 and (axis is None or axis in known):
                known |= axes
    terms = [t for e in inferred.equations for t in (e.value, *e.indices)]
    terms += [e for _, e in inferred.sizes]
    used = dict.fromkeys(a for t in terms for a in _all_axes(t))
    used.update(dict.fromkeys(t.limit for t in inferred.inputs if t.limit is not None))
    for axis in used:
        if axis not in known:
            raise complain(
                UnknownLengthError,
                axis,
                given=f"index {axis}, whose length nothing fixes",
                expected="a plain read such as X[n, i] of an input, a declaration or a length",
                fix=f"add size[{axis}] = ..., or declare an input with the axis {axis}",
            )


def _axes(expr: Expr) -> frozenset[str]:
    return frozenset(s.axis for s in walk(expr) if isinstance(s, Size))


def _all_axes(expr: Expr) -> Iterable[str]:
    return (n.axis for n in walk(expr) if isinstance(n, (Size, Index)))
