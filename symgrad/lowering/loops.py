"""Recurrences as loops: what runs before, in each step and after.

In: a System. Out: its parts in the order in which they run: Systems without recurrences, loops over
time, and arrays extended by their initial values. A loop holds what its cycle needs and nothing
else: every term that does not depend on the cycle is computed before it, for all steps at once, and
what only reads its states comes after it. Each part is lowered on its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from symgrad.ir.build import add, const
from symgrad.ir.check import time_slots
from symgrad.ir.composite import length_of_position
from symgrad.ir.equation import Equation, System, Tensor
from symgrad.ir.kinds import tensor_kinds
from symgrad.ir.show import unused
from symgrad.ir.terms import ZERO, Element, Expr, Index, Size
from symgrad.ir.visit import replace_elements, tensors_read
from symgrad.lowering.steps import Cycle, Slice, beyond, one_step

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Plain:
    """Equations without a recurrence; the inputs are all that is known by then."""

    system: System


@dataclass(frozen=True)
class Extend:
    """An array with values before or after its range: `H_all = [H0, H[0], ..., H[T-1]]`.

    Attributes:
        name: The array that is made.
        source: The array within its range.
        slot: The axis along which values are added.
        rank: How many axes there are.
        before: The arrays that come before, in order.
        after: The arrays that come after.
    """

    name: str
    source: str
    slot: int
    rank: int
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Carry:
    """A state that a step hands on: `name` is what the step before, or one before that, found."""

    name: str
    step: str


@dataclass(frozen=True)
class Store:
    """A tensor of which every step fills an entry.

    Attributes:
        tensor: The tensor.
        step: What a step found.
        slot: The axis of time.
        buffer: A name for the list of the steps, where the target has no array to fill.
    """

    tensor: Tensor
    step: str
    slot: int
    buffer: str


@dataclass(frozen=True)
class Loop:
    """A recurrence.

    Attributes:
        system: The equations of one step.
        axis: The axis of time.
        backward: Whether time runs from the last step to the first.
        counter: The input of the step that counts it.
        steps: What each tensor of the cycle is called in a step.
        slices: The inputs of the step that are entries of arrays.
        carries: The inputs of the step that an earlier step found, in the order of their update.
        stores: What is kept of every step.
    """

    system: System
    axis: str
    backward: bool
    counter: str
    steps: dict[str, str]
    slices: tuple[Slice, ...]
    carries: tuple[Carry, ...]
    stores: tuple[Store, ...]


Part = Plain | Extend | Loop


def partition(system: System) -> tuple[Part, ...]:
    r"""Return the parts of a System in the order in which they run.

    >>> from symgrad.ir.text import parse
    >>> text = "H[t, k] = tanh(X[t, k] * w + sum[j](H[t-1, j] * W[k, j]))\nH[-1, k] = H0[k]"
    >>> for part in partition(parse(text)):
    ...     for equation in part.system.equations:
    ...         print(type(part).__name__, "--", equation)
    Plain -- H_part[t, k] = X[t, k] * w
    Plain -- H_prev[k] = H0[k]
    Loop -- H_t[k] = tanh(H_part_t[k] + sum[j](H_prev[j] * W[k, j]))
    """
    slots = time_slots(system.equations)
    return _Partition(system, slots).parts() if slots else (Plain(system),)


@dataclass
class _Unit:
    """Something that runs, with the names that it needs and gives."""

    part: Equation | Extend | Loop
    reads: set[str]
    gives: set[str]


#: What a loop leaves in a carried state has another value than what it starts with.
_LEFT = " left"


@dataclass
class _Partition:
    system: System
    slots: dict[str, int]
    units: list[_Unit] = field(default_factory=list)
    extended: dict[str, Element] = field(default_factory=dict)
    #: For a state that a loop carries over one step: the carried name, and the last position.
    final: dict[str, tuple[str, Expr]] = field(default_factory=dict)

    def parts(self) -> tuple[Part, ...]:
        system = self.system
        kinds = tensor_kinds(system)
        self.tensors = {t.name: t for t in system.inputs}
        self.main = {e.target: e for e in system.equations if e.is_main}
        for name, equation in self.main.items():
            shape = tuple(map(length_of_position, equation.indices))
            self.tensors[name] = Tensor(name, kinds[name], shape)
        self.used = {*self.tensors, *system.axes}
        self.initial: dict[str, dict[int, Equation]] = {}
        for equation in system.equations:
            if not equation.is_main:
                at = equation.indices[self.slots[equation.target]]
                self.initial.setdefault(equation.target, {})[beyond(at)] = equation
        cycles = {name: cycle for cycle in self._cycles() for name in cycle}
        for cycle in dict.fromkeys(cycles.values()):
            self._loop(cycle)
        for name, equation in self.main.items():
            if name not in cycles:
                self._equation(equation)
        return self._joined(self._ordered())

    # --- dependencies ----------------------------------------------------------------------------

    def _cycles(self) -> Iterable[tuple[str, ...]]:
        """Return the tensors of each recurrence, in the order of their equations."""
        below = {n: {r for r in tensors_read(e.value) if r in self.main}
                 for n, e in self.main.items()}  # fmt: skip
        reaches: dict[str, set[str]] = {}
        for name in below:
            found, stack = set[str](), [name]
            while stack:
                for other in below[stack.pop()] - found:
                    found.add(other)
                    stack.append(other)
            reaches[name] = found
        cyclic = [n for n in below if n in reaches[n]]
        return dict.fromkeys(
            tuple(m for m in cyclic if m in reaches[n] and n in reaches[m]) for n in cyclic
        )

    def _ordered(self) -> list[_Unit]:
        """Return the units in an order in which each reads what came before; loops wait."""
        given = {t.name for t in self.system.inputs}
        made = set[str]().union(*(u.gives for u in self.units))
        waiting = sorted(self.units, key=lambda u: isinstance(u.part, Loop))
        found: list[_Unit] = []
        while waiting:
            unit = next(u for u in waiting if u.reads <= given | (u.reads - made))
            waiting.remove(unit)
            found.append(unit)
            given |= unit.gives
        return found

    def _joined(self, units: list[_Unit]) -> tuple[Part, ...]:
        """Return the parts: neighbouring equations as one System, dead ones left out."""
        needed = [set(self.system.outputs)]
        kept: list[_Unit] = []
        for unit in reversed(units):
            if unit.gives & needed[-1]:
                kept.append(unit)
                needed.append(needed[-1] | unit.reads)
        kept.reverse()
        needed.reverse()
        found: list[Part] = []
        known = list(self.system.inputs)
        run: list[Equation] = []
        for at, unit in enumerate(kept):
            if isinstance(unit.part, Equation):
                run.append(unit.part)
                if at + 1 == len(kept) or not isinstance(kept[at + 1].part, Equation):
                    outputs = tuple(e.target for e in run if e.target in needed[at + 1])
                    found.append(Plain(self._system(known, run, outputs)))
                    known += [self.tensors[e.target] for e in run]
                    run = []
            elif isinstance(unit.part, Loop):
                stores = tuple(s for s in unit.part.stores if s.tensor.name in needed[at + 1])
                loop = replace(unit.part, stores=stores)
                found.append(replace(loop, system=self._step_system(known, loop)))
                known += [s.tensor for s in stores]
            else:
                found.append(unit.part)
                known.append(self.tensors[unit.part.name])
        return tuple(found)

    def _system(
        self, known: Iterable[Tensor], equations: Iterable[Equation], outputs: tuple[str, ...]
    ) -> System:
        inputs = {t.name: t for t in known if t.name not in {e.target for e in equations}}
        return replace(
            self.system,
            inputs=tuple(inputs.values()),
            equations=tuple(equations),
            outputs=outputs,
            params=(),
        )

    def _step_system(self, known: Iterable[Tensor], loop: Loop) -> System:
        own: list[Slice | Carry] = [*loop.slices, *loop.carries]
        inputs = [*known, *(s.tensor for s in loop.stores), Tensor(loop.counter, "int", ())]
        inputs += [self.tensors[part.name] for part in own]
        kept = dict.fromkeys([*(c.step for c in loop.carries), *(s.step for s in loop.stores)])
        outputs = tuple(e.target for e in loop.system.equations if e.target in kept)
        return self._system(inputs, loop.system.equations, outputs)

    # --- units -----------------------------------------------------------------------------------

    def _name(self, stem: str) -> str:
        name = unused(stem, self.used)
        self.used.add(name)
        return name

    def _equation(self, equation: Equation) -> None:
        """Add an equation outside of all loops."""
        value = replace_elements(equation.value, self._read)
        new = replace(equation, value=value)
        reads = {n + _LEFT if n in self._carried() else n for n in tensors_read(value)}
        reads.update(n for i in new.indices for n in tensors_read(i))
        self.units.append(_Unit(new, reads, {new.target}))

    def _carried(self) -> set[str]:
        return {name for name, _ in self.final.values()}

    def _declare(self, like: str, name: str, without: int) -> None:
        old = self.tensors[like]
        shape = tuple(s for k, s in enumerate(old.shape) if k != without)
        self.tensors[name] = Tensor(name, old.kind, shape)

    def _read(self, read: Element) -> Expr | None:
        """Return a read from outside of a loop: of a state left, or of an extended array."""
        slot = self.slots.get(read.tensor)
        if slot is None or isinstance(read.indices[slot], Index):
            return None
        at = read.indices[slot]
        if read.tensor in self.final:
            carried, last = self.final[read.tensor]
            if add(at) is last:
                return Element(carried, (*read.indices[:slot], *read.indices[slot + 1 :]))
        return self._extended(read) if read.tensor in self.initial else None

    def _extended(self, read: Element) -> Element:
        """Return a read of an array that holds its values beyond its range too."""
        name = read.tensor
        slot, values = self.slots[name], self.initial[name]
        count = max(map(abs, values))
        ahead = max(values) > 0
        if name not in self.extended:
            whole = self._name(f"{name}_all")
            old = self.tensors[name]
            shape = list(old.shape)
            shape[slot] = add(shape[slot], const(count))
            self.tensors[whole] = replace(old, name=whole, shape=tuple(shape))
            edges = [self._edge(name, d if ahead else -d) for d in range(1, count + 1)]
            before, after = ((), edges) if ahead else (edges[::-1], ())
            part = Extend(whole, name, slot, len(shape), tuple(before), tuple(after))
            self.units.append(_Unit(part, {name, *edges}, {whole}))
            self.extended[name] = Element(whole)
        indices = list(read.indices)
        indices[slot] = indices[slot] if ahead else add(indices[slot], const(count))
        return Element(self.extended[name].tensor, tuple(indices), read.outside)

    def _edge(self, name: str, distance: int) -> str:
        """Return the name of an initial value, which is an equation of its own."""
        word = "first" if distance < 0 else "last"
        number = "" if abs(distance) == 1 else str(abs(distance))
        edge = self._name(f"{name}_{word}{number}")
        self._start(edge, name, distance)
        return edge

    def _start(self, name: str, tensor: str, distance: int) -> None:
        """Add the equation of an initial value; it is 0 where none is given."""
        slot = self.slots[tensor]
        self._declare(tensor, name, slot)
        given = self.initial.get(tensor, {}).get(distance)
        indices = self.main[tensor].indices if given is None else given.indices
        rest = (*indices[:slot], *indices[slot + 1 :])
        self._equation(Equation(name, rest, ZERO if given is None else given.value))

    def _loop(self, names: tuple[str, ...]) -> None:
        """Add a loop, what it starts with, and what is computed before it."""
        cycle = Cycle(
            tuple(self.main[n] for n in names),
            self.slots,
            {n: set(self.initial.get(n, ())) for n in names},
            self._name,
            self._extended_slice,
        )
        made = one_step(cycle)
        for equation in made.before:
            shape = tuple(length_of_position(i) for i in equation.indices)
            kinds = tensor_kinds(replace(self.system, equations=(equation,),
                                         inputs=tuple(self.tensors.values())))  # fmt: skip
            self.tensors[equation.target] = Tensor(equation.target, kinds[equation.target], shape)
            self._equation(equation)
        for part in made.slices:
            self._declare(part.source, part.name, part.slot)
        sign = 1 if made.ahead else -1
        carries: list[Carry] = []
        for tensor, distances in made.lags.items():
            ordered = sorted(distances.items(), reverse=True)
            for distance, name in ordered:
                self._start(name, tensor, sign * distance)
                source = made.lags[tensor].get(distance - 1, made.steps[tensor])
                carries.append(Carry(name, source))
        time = self.tensors[names[0]].shape[self.slots[names[0]]]
        assert isinstance(time, Size), "time is a plain axis"
        last = ZERO if made.ahead else add(time, const(-1))
        for tensor, distances in made.lags.items():
            if 1 in distances and sign in self.initial.get(tensor, {}):
                self.final[tensor] = (distances[1], last)
        stores = tuple(
            Store(self.tensors[n], made.steps[n], self.slots[n], self._name(f"{n}_steps"))
            for n in names
        )
        step = replace(self.system, equations=made.equations, outputs=tuple(made.steps.values()))
        loop = Loop(
            step,
            time.axis,
            made.ahead,
            made.counter,
            made.steps,
            made.slices,
            tuple(carries),
            stores,
        )
        reads = {s.source for s in made.slices} | {c.name for c in carries}
        reads |= {n for e in made.equations for n in tensors_read(e.value)} - set(
            made.steps.values()
        )
        reads -= {s.name for s in made.slices} | {made.counter}
        gives = {*names, *(c.name + _LEFT for c in carries)}
        self.units.append(_Unit(loop, reads, gives))

    def _extended_slice(self, read: Element) -> Element | None:
        """Return a read in a step of an array with values beyond its range, extended."""
        return self._extended(read) if read.tensor in self.initial else None
