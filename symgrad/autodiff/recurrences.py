"""Recurrences cut open and tied again: backpropagation through time as an equation.

In: a System in which equations read earlier (or later) positions. `cut` gives each lagged read
`H[t-1, n]` an input of its own, `H_prev[t, n]`; what is left is a cell, a System like any other,
with the time as one more axis. It is differentiated as such. `symgrad.autodiff.tying` closes the
loop in the result:
`H_prev[t]` is `H[t-1]`, so the cotangent of H gains `H_prev_bar[t+1]`, which is a recurrence in the
other direction. It starts with the cotangent of the final state, `H_prev_bar[size[t]]`, and what it
ends with, `H_prev_bar[0]`, is the cotangent of the initial state: also at length 0.

Source: Werbos 1990, "Backpropagation through time", as the adjoint of a linear recurrence.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from symgrad.ir.build import add, const
from symgrad.ir.check import time_slots
from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.linear import linear
from symgrad.ir.show import unused
from symgrad.ir.terms import ONE, ZERO, Compare, Const, Element, Expr, Index, Size, Where
from symgrad.ir.visit import elements, replace_elements, substitute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BAR = "_bar"


@dataclass(frozen=True)
class Lag:
    """The reads of a tensor at one constant distance in time.

    Attributes:
        name: The input that stands for them in the cell.
        tensor: What is read.
        slot: Which of its axes is the time.
        steps: The distance: -1 for `H[t-1]`, 1 for `H[t+1]`.
        given: Whether values beyond the range are given for the tensor.
    """

    name: str
    tensor: str
    slot: int
    steps: int
    given: bool

    def shifted(self, indices: Sequence[Expr], steps: int) -> tuple[Expr, ...]:
        """Return positions with the time moved."""
        moved = list(indices)
        moved[self.slot] = add(moved[self.slot], const(steps))
        return tuple(moved)


@dataclass(frozen=True)
class Edge:
    """The value of a tensor just beyond its range: an initial value, or the final state.

    Attributes:
        name: What stands for it in the cell: an output for an initial value, an input for a final
            state.
        tensor: The tensor.
        slot: Which of its axes is the time.
        beyond: How far beyond the range an initial value lies, from 1; 0 for a final state.
        equation: The equation of an initial value.
    """

    name: str
    tensor: str
    slot: int
    beyond: int = 0
    equation: Equation | None = None


@dataclass(frozen=True)
class Cut:
    """A System with its recurrences cut open.

    Attributes:
        whole: The System as it was.
        cell: The System without lagged reads.
        lags: The lagged reads.
        initial: The initial values, outputs of the cell.
        final: The final states, inputs of the cell.
    """

    whole: System
    cell: System
    lags: tuple[Lag, ...]
    initial: tuple[Edge, ...]
    final: tuple[Edge, ...]

    @property
    def fed(self) -> tuple[str, ...]:
        """The inputs of the cell that the System does not have."""
        return (*(lag.name for lag in self.lags), *(edge.name for edge in self.final))


def cut(system: System) -> Cut | None:
    """Return a System with its recurrences cut open; None if it has none."""
    slots = time_slots(system.equations)
    return _Cutter(system, slots).cut() if slots else None


@dataclass
class _Cutter:
    """Cuts one System."""

    system: System
    slots: dict[str, int]
    lags: dict[tuple[str, int], Lag] = field(default_factory=dict)
    final: dict[str, Edge] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def cut(self) -> Cut:
        """Return the cell and what was cut."""
        system = self.system
        self.used = {*system.defined, *(t.name for t in system.inputs)}
        self.given = {e.target for e in system.equations if not e.is_main}
        self.ahead = {name: self._looks_ahead(name) for name in self.slots}
        initial: list[Edge] = []
        equations: list[Equation] = []
        for equation in system.equations:
            value = replace_elements(equation.value, self._replaced)
            if equation.is_main:
                equations.append(replace(equation, value=value))
            else:
                edge = self._initial(equation)
                initial.append(edge)
                letters = tuple(i for i in equation.indices if isinstance(i, Index))
                equations.append(Equation(edge.name, letters, value))
        lags = tuple(self.lags.values())
        fed = [self._declared(lag.tensor, lag.name) for lag in lags]
        fed += [self._declared(e.tensor, e.name, without=e.slot) for e in self.final.values()]
        inner = {lag.tensor for lag in lags} & set(system.defined)
        outputs = [*system.outputs, *(n for n in inner if n not in system.outputs)]
        outputs += [edge.name for edge in initial]
        cell = replace(
            system,
            inputs=(*system.inputs, *fed),
            equations=tuple(equations),
            outputs=tuple(sorted(outputs, key=self._order(system, initial))),
        )
        return Cut(system, cell, lags, tuple(initial), tuple(self.final.values()))

    def _order(self, system: System, initial: Sequence[Edge]) -> Callable[[str], int]:
        names = [*system.outputs, *system.defined, *(edge.name for edge in initial)]
        return names.index

    def _looks_ahead(self, name: str) -> bool:
        """Return whether values are given, or read, behind the range of a tensor."""
        slot = self.slots[name]
        for equation in self.system.equations:
            if equation.target == name and not equation.is_main:
                return not isinstance(equation.indices[slot], Const)
        steps = [
            s
            for e in self.system.equations
            for read in elements(e.value)
            if read.tensor == name and (s := steps_of(read.indices[slot]))
        ]
        return bool(steps) and steps[0] > 0

    def _name(self, stem: str) -> str:
        name = unused(stem, self.used)
        self.used.add(name)
        return name

    def _replaced(self, read: Element) -> Expr | None:
        """Return what a read is in the cell; None if it stays."""
        slot = self.slots.get(read.tensor)
        if slot is None:
            return None
        ahead = self.ahead[read.tensor]
        at = read.indices[slot]
        steps = steps_of(at)
        if steps == 0 or (steps is not None and (steps > 0) != ahead):
            return None
        if steps is not None:
            lag = self._lag(read.tensor, slot, steps)
            return Element(lag.name, lag.shifted(read.indices, -steps), read.outside)
        if read.tensor not in self.given:
            return None
        length = self.system.tensor(read.tensor).shape[slot]
        last = ZERO if ahead else add(length, const(-1))
        if at is last or add(at) is last:
            edge = self._final(read.tensor, slot)
            rest = (*read.indices[:slot], *read.indices[slot + 1 :])
            return Element(edge.name, rest, read.outside)
        return None if self._in_range(at, length) else self._guarded(read, slot)

    def _in_range(self, position: Expr, length: Expr) -> bool:
        """Return whether a position is data that is checked to be in the range of an axis."""
        if not isinstance(position, Element) or not self.system.has(position.tensor):
            return False
        tensor = self.system.tensor(position.tensor)
        return tensor.kind == "index" and tensor.limit is not None and Size(tensor.limit) is length

    def _guarded(self, read: Element, slot: int) -> Expr:
        """Return a read at a computed position as a choice between the initial values and it."""
        value: Expr = read
        rest = (*read.indices[:slot], *read.indices[slot + 1 :])
        for edge in self.system.equations:
            if edge.target == read.tensor and not edge.is_main:
                initial = substitute(edge.value, dict(zip(edge.letters, rest, strict=True)))
                value = Where(Compare("==", read.indices[slot], edge.indices[slot]), initial, value)
        return value

    def _lag(self, tensor: str, slot: int, steps: int) -> Lag:
        found = self.lags.get((tensor, steps))
        if found is None:
            word = "next" if steps > 0 else "prev"
            number = "" if abs(steps) == 1 else str(abs(steps))
            name = self._name(f"{tensor}_{word}{number}")
            found = Lag(name, tensor, slot, steps, tensor in self.given)
            self.lags[tensor, steps] = found
        return found

    def _final(self, tensor: str, slot: int) -> Edge:
        if tensor not in self.final:
            self.final[tensor] = Edge(self._name(f"{tensor}_last"), tensor, slot)
            if not any(lag.tensor == tensor for lag in self.lags.values()):
                self._lag(tensor, slot, 1 if self.ahead[tensor] else -1)
        return self.final[tensor]

    def _initial(self, equation: Equation) -> Edge:
        slot = self.slots[equation.target]
        beyond = how_far(equation.indices[slot])
        name = self._name(f"{equation.target}_first")
        return Edge(name, equation.target, slot, beyond, equation)

    def _declared(self, tensor: str, name: str, without: int | None = None) -> Tensor:
        old = self.system.tensor(tensor)
        shape = tuple(s for k, s in enumerate(old.shape) if k != without)
        return replace(old, name=name, shape=shape, default=None, optional=False)


def how_far(position: Expr) -> int:
    """Return how far beyond a range a position lies: 1 for -1 and `size[t]`, 2 for -2."""
    if isinstance(position, Const):
        return -int(position.value)
    return 1 + sum(int(t.value) for t in position.children if isinstance(t, Const))


def steps_of(position: Expr) -> int | None:
    """Return 0 for a letter, -1 for `t-1`, 2 for `t+2`; None for another position."""
    form = linear(position, position.free)
    if form is None or len(form.coefficients) != 1 or not isinstance(form.rest, Const):
        return None
    (coefficient,) = form.coefficients.values()
    return int(form.rest.value) if coefficient is ONE else None
