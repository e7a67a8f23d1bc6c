"""One step of a recurrence: its equations at one time, and what can be computed before it.

In: the equations of a cycle. Out: the same without the axis of time, over what an earlier step
found and over entries of arrays; and equations of every term that does not depend on the cycle.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from symgrad.ir.build import add, const
from symgrad.ir.equation import Equation
from symgrad.ir.packed import pin_of
from symgrad.ir.terms import (
    ZERO,
    Add,
    Compare,
    Const,
    Element,
    Expr,
    Index,
    Mul,
    Reduce,
    Size,
    Where,
)
from symgrad.ir.visit import close_reduce, elements, open_reduce, rebuild, substitute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Slice:
    """An input of a step that is an entry of an array: `name` is `source[t + offset]`.

    Attributes:
        name: The input.
        source: The array.
        slot: Its axis of time.
        offset: How far the entry is from the step.
    """

    name: str
    source: str
    slot: int
    offset: int = 0


@dataclass(frozen=True)
class Cycle:
    """The equations of a recurrence.

    Attributes:
        equations: In the order in which a step runs them.
        slots: The axis of time of each tensor.
        given: The distances beyond its range at which each tensor has initial values.
        name: Makes a new name from a stem.
        extended: Returns a read of an array that has values beyond its range, else None.
    """

    equations: tuple[Equation, ...]
    slots: Mapping[str, int]
    given: Mapping[str, set[int]]
    name: Callable[[str], str]
    extended: Callable[[Element], Element | None]


@dataclass
class Step:
    """What `one_step` found.

    Attributes:
        counter: The scalar input that counts the steps.
        ahead: Whether a step reads what a later one found.
        before: Equations of what does not depend on the cycle.
        equations: The equations of a step.
        steps: What each tensor is called in a step.
        slices: The inputs that are entries of arrays.
        lags: For each tensor the inputs that earlier steps found, by how many steps earlier.
    """

    counter: str
    ahead: bool
    before: list[Equation] = field(default_factory=list)
    equations: tuple[Equation, ...] = ()
    steps: dict[str, str] = field(default_factory=dict)
    slices: tuple[Slice, ...] = ()
    lags: dict[str, dict[int, str]] = field(default_factory=dict)


def one_step(cycle: Cycle) -> Step:
    """Return one step of a cycle."""
    return _Stepping(cycle).step()


def beyond(position: Expr) -> int:
    """Return how far beyond a range a position lies: -1 for -1, 1 for `size[t]`, 2 for one more."""
    if isinstance(position, Const):
        return int(position.value)
    return 1 + sum(int(t.value) for t in position.children if isinstance(t, Const))


def offset_of(position: Expr, time: Index) -> int | None:
    """Return how far a position is from the time; None if that is no constant."""
    moved = add(position, Mul((const(-1), time)))
    return int(moved.value) if isinstance(moved, Const) else None


class _Stepping:
    """One cycle while it is cut into steps."""

    def __init__(self, cycle: Cycle) -> None:
        self.cycle = cycle
        self.targets = {e.target for e in cycle.equations}
        self.slices: dict[tuple[str, int], Slice] = {}
        self.hoisted: dict[Expr, Element] = {}
        self.made = Step("", self._looks_ahead())

    def _looks_ahead(self) -> bool:
        for equation in self.cycle.equations:
            time = self._time(equation)
            for read in elements(equation.value):
                if read.tensor in self.targets:
                    offset = offset_of(read.indices[self.cycle.slots[read.tensor]], time)
                    if offset:
                        return offset > 0
        raise AssertionError("a cycle has a lag")

    def _time(self, equation: Equation) -> Index:
        time = equation.indices[self.cycle.slots[equation.target]]
        assert isinstance(time, Index), "time is a plain axis"
        return time

    def step(self) -> Step:
        """Return the step."""
        made, cycle = self.made, self.cycle
        outer = [self._before(e) for e in cycle.equations]
        made.counter = cycle.name("step")
        for equation in cycle.equations:
            made.steps[equation.target] = cycle.name(
                f"{equation.target}_{self._time(equation).name}"
            )
        made.equations = tuple(map(self._at_step, outer))
        made.slices = tuple(self.slices.values())
        return made

    # --- what does not depend on the cycle -------------------------------------------------------

    def _before(self, equation: Equation) -> Equation:
        """Return an equation in which terms that do not depend on the cycle are read by name."""
        return replace(equation, value=self._hoist(equation.value, equation, guarded=False))

    def _recurs(self, node: Expr) -> bool:
        return any(e.tensor in self.targets for e in elements(node))

    def _hoist(self, node: Expr, equation: Equation, *, guarded: bool) -> Expr:
        if not self._recurs(node):
            return self._named(_safe(node) if guarded else node, equation, "part")
        match node:
            case Add() | Mul():
                return self._hoist_some(node, equation, guarded=guarded)
            case Reduce():
                bound, body, condition = open_reduce(node)
                inner = self._inside(body, equation)
                return close_reduce(node.op, bound, inner, condition, node.ties)
            case Where():
                return Where(
                    self._hoist(node.condition, equation, guarded=guarded),
                    self._hoist(node.then, equation, guarded=True),
                    self._hoist(node.otherwise, equation, guarded=True),
                )
            case Element():
                return node
            case _:
                return rebuild(node, lambda c: self._hoist(c, equation, guarded=guarded))

    def _hoist_some(self, node: Add | Mul, equation: Equation, *, guarded: bool) -> Expr:
        """Return a sum or product with what does not depend on the cycle as one term, if small."""
        pin = pin_of(node)  # what says where a piece stands is no part of its value
        free = [c for c in node.children if not self._recurs(c) and c is not pin]
        rest = [c for c in node.children if self._recurs(c)]
        whole = node.with_children(tuple(free)) if len(free) > 1 else None
        if whole is not None and any(whole.free <= c.free for c in free):
            word = "in" if isinstance(node, Add) else "part"
            found = [self._named(_safe(whole) if guarded else whole, equation, word)]
        else:
            found = [self._hoist(c, equation, guarded=guarded) for c in free]
        found += [self._hoist(c, equation, guarded=guarded) for c in rest]
        found += [] if pin is None else [pin]
        return found[0] if len(found) == 1 else node.with_children(tuple(found))

    def _inside(self, node: Expr, equation: Equation) -> Expr:
        """Return a term of a sum with other sums, and functions of one array, read by name."""
        if isinstance(node, Element):
            return node
        if not self._recurs(node):
            small = any(node.free <= e.free for e in elements(node))
            if isinstance(node, Reduce) or (small and not isinstance(node, (Add, Mul))):
                return self._named(node, equation, "part")
            return rebuild(node, lambda c: self._inside(c, equation))
        return rebuild(node, lambda c: self._inside(c, equation))

    def _named(self, node: Expr, equation: Equation, word: str) -> Expr:
        """Return a read of a new tensor that holds a term, unless that is a plain read itself."""
        if not elements(node) or self._is_plain(node, equation):
            return node
        if node not in self.hoisted:
            name = self.cycle.name(f"{equation.target}_{word}")
            order = {i: k for k, i in enumerate(equation.letters)}
            free = sorted(node.free, key=lambda i: (order.get(i, len(order)), i.key))
            new = {i: Index(i.name if i in order else f"{i.axis}_{k}", i.axis)
                   for k, i in enumerate(free)}  # fmt: skip
            value = substitute(node, dict(new))
            self.made.before.append(Equation(name, tuple(new.values()), value))
            self.hoisted[node] = Element(name, tuple(free))
        return self.hoisted[node]

    def _is_plain(self, node: Expr, equation: Equation) -> bool:
        """Return whether a term is read as it stands: an array, or its entry at the time."""
        if not isinstance(node, Element) or node.outside is not None:
            return False
        indices = node.indices
        if self._extended(node, self._time(equation)) is not None:
            return True
        return all(isinstance(i, Index) for i in indices) and len(set(indices)) == len(indices)

    def _extended(self, node: Element, time: Index) -> tuple[Element, int, int] | None:
        """Return a read at a constant distance from the time, its slot and that distance."""
        if node.outside is not None or all(isinstance(i, Index) for i in node.indices):
            return None
        moved = [k for k, i in enumerate(node.indices) if not isinstance(i, Index)]
        others = [i for k, i in enumerate(node.indices) if k not in moved]
        if len(moved) > 1 or len(set(others)) < len(others) or time in others:
            return None
        if offset_of(node.indices[moved[0]], time) is None:
            return None
        found = self.cycle.extended(node)
        if found is None:
            return None
        offset = offset_of(found.indices[moved[0]], time)
        assert offset is not None, "an extended array is read at the same distance"
        return found, moved[0], offset

    # --- the equations of a step -----------------------------------------------------------------

    def _at_step(self, equation: Equation) -> Equation:
        slot = self.cycle.slots[equation.target]
        time = self._time(equation)
        rest = (*equation.indices[:slot], *equation.indices[slot + 1 :])
        return Equation(self.made.steps[equation.target], rest, self._value(equation.value, time))

    def _value(self, node: Expr, time: Index) -> Expr:
        if node is time:
            return Element(self.made.counter)
        if time not in node.free and not self._recurs(node):
            return node
        if isinstance(node, Element):
            return self._element(node, time)
        return rebuild(node, lambda c: self._value(c, time))

    def _element(self, node: Element, time: Index) -> Expr:
        if node.tensor in self.targets:
            return self._state(node, time)
        extended = self._extended(node, time)
        if extended is not None:
            read, slot, offset = extended
        else:
            read, slot, offset = node, node.indices.index(time), 0
        key = (read.tensor, offset)
        if key not in self.slices:
            name = self.cycle.name(f"{node.tensor}_{time.name}")
            self.slices[key] = Slice(name, read.tensor, slot, offset)
        return Element(self.slices[key].name, (*read.indices[:slot], *read.indices[slot + 1 :]))

    def _state(self, node: Element, time: Index) -> Expr:
        slot = self.cycle.slots[node.tensor]
        offset = offset_of(node.indices[slot], time)
        assert offset is not None, "a cycle has constant lags"
        rest = tuple(self._value(i, time) for k, i in enumerate(node.indices) if k != slot)
        outside = None if node.outside is None else self._value(node.outside, time)
        if offset == 0:
            return Element(self.made.steps[node.tensor], rest, outside)
        lag = self._carried(node.tensor, abs(offset))
        plain = all(isinstance(i, Index) for i in rest)
        read = Element(lag, rest, None if plain else outside)
        given = self.cycle.given[node.tensor]
        if outside is None or outside is ZERO or offset in given:
            return read
        return Where(self._is_outside(time, offset, len(given)), outside, read)

    def _is_outside(self, time: Index, offset: int, given: int) -> Expr:
        """Return whether a lag reaches beyond the range, and beyond its initial values, at a step.

        Args:
            time: The index of time.
            offset: The lag.
            given: How many initial values there are.
        """
        at = add(Element(self.made.counter), const(offset))
        if offset < 0:
            return Compare("<", at, const(-given))
        return Compare("<=", add(Size(time.axis), const(given)), at)

    def _carried(self, tensor: str, lag: int) -> str:
        """Return the name of what the step `lag` steps before found; all before are carried too."""
        known = self.made.lags.setdefault(tensor, {})
        word = "next" if self.made.ahead else "prev"
        for k in range(1, lag + 1):
            if k not in known:
                known[k] = self.cycle.name(f"{tensor}_{word}{k if k > 1 else ''}")
        return known[lag]


def _safe(node: Expr) -> Expr:
    """Return a term whose reads at positions give 0 out of range: a condition decides on it."""
    new = rebuild(node, _safe)
    if isinstance(new, Element) and new.outside is None:
        if all(isinstance(i, Index) for i in new.indices):
            return new
        return Element(new.tensor, new.indices, ZERO)
    return new
