"""Recurrences written out step by step, for whoever knows no recurrences.

In: a System and a number of steps. Out: an equal System without recurrences at that length of time:
one tensor for each step, `H_at0[n]`, `H_at1[n]`, ..., and `H[t, n]` put together from them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.errors import UnsupportedError
from symgrad.ir.build import compare, const
from symgrad.ir.check import time_slots
from symgrad.ir.equation import Equation, System
from symgrad.ir.show import unused
from symgrad.ir.sizes import length_of
from symgrad.ir.terms import (
    ZERO,
    Compare,
    Element,
    Expr,
    Index,
    Logic,
    Size,
    Where,
)
from symgrad.ir.visit import rebuild, replace_elements, substitute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def time_axes(systems: Iterable[System]) -> tuple[str, ...]:
    r"""Return the axes along which some System recurs, or gives values beyond a range.

    >>> from symgrad.ir.text import parse
    >>> time_axes([parse("H[t, n] = H[t-1, n] * X[t, n]\nH[-1, n] = 1")])
    ('t',)
    """
    found: dict[str, None] = {}
    for system in systems:
        for name, slot in time_slots(system.equations).items():
            length = system.tensor(name).shape[slot]
            if isinstance(length, Size):
                found[length.axis] = None
    return tuple(found)


def stepwise(system: System, lengths: Mapping[str, int]) -> System:
    r"""Return a System in which time has a fixed length and no equation reads its own tensor.

    Args:
        system: The System.
        lengths: How many steps there are along each axis of time, see `time_axes`.

    Raises:
        UnsupportedError: If the length of time is fixed otherwise, or what a step reads depends on
            data.

    >>> from symgrad.ir.text import parse
    >>> print(stepwise(parse("H[t] = a * H[t-1] + X[t]\nH[-1] = h\nreturn H"), {"t": 2}))
    a: real
    X: real[t]
    h: real
    size[t] = 2
    H_at0 = a * h + X[0]
    H_at1 = a * H_at0 + X[1]
    H[t] = where(t == 0, H_at0, H_at1)
    return H
    """
    return _Stepwise(system, lengths).written_out()


class _Stepwise:
    """One System while it is written out."""

    def __init__(self, system: System, lengths: Mapping[str, int]) -> None:
        self.system, self.lengths = system, lengths
        self.slots = time_slots(system.equations)
        self.recurring = {e.target for e in self._main() if e.target in self.slots}
        self.initial: dict[str, list[Equation]] = {}
        for equation in system.equations:
            if not equation.is_main:
                self.initial.setdefault(equation.target, []).append(equation)
        self.used = {*system.defined, *(t.name for t in system.inputs)}
        self.known: dict[tuple[str, int], str] = {}
        self.equations: list[Equation] = []

    def _main(self) -> list[Equation]:
        return [e for e in self.system.equations if e.is_main]

    def written_out(self) -> System:
        """Return the System without recurrences."""
        for equation in self._main():
            if equation.target in self.recurring:
                self._whole(equation)
            else:
                value = replace_elements(equation.value, self._read)
                self.equations.append(replace(equation, value=value))
        free = [s for s in self.system.sizes if s[0] not in self.lengths]
        for axis, length in self.system.sizes:
            if axis in self.lengths and length is not const(self.lengths[axis]):
                raise self._unsupported(f"size[{axis}] = {length}", "a free length of time")
        sizes = (*free, *((a, const(n)) for a, n in self.lengths.items() if a in self.system.axes))
        return replace(self.system, equations=tuple(self.equations), sizes=sizes)

    def _whole(self, equation: Equation) -> None:
        """Add the equation of a tensor put together from its steps."""
        slot = self.slots[equation.target]
        letter = equation.indices[slot]
        rest = (*equation.indices[:slot], *equation.indices[slot + 1 :])
        value: Expr = ZERO
        steps = self._steps(equation.target)
        for step in reversed(range(steps)):
            part = Element(self._at(equation, step), rest)
            last = step == steps - 1
            value = part if last else Where(compare("==", letter, const(step)), part, value)
        self.equations.append(replace(equation, value=value))

    def _steps(self, name: str) -> int:
        """Return the length of the time of a tensor."""
        length = length_of(self.system.tensor(name).shape[self.slots[name]], self.lengths)
        if length is None:
            raise self._unsupported(f"{name}, along an axis of unknown length", "its length")
        return length

    def _at(self, equation: Equation, step: int) -> str:
        """Return the name of a tensor at a step, defined before whatever reads it."""
        key = (equation.target, step)
        if key not in self.known:
            slot = self.slots[equation.target]
            letter = equation.indices[slot]
            assert isinstance(letter, Index), "time is a plain axis"
            value = self._at_step(substitute(equation.value, {letter: const(step)}))
            name = self.known[key] = unused(f"{equation.target}_at{step}", self.used)
            self.used.add(name)
            rest = (*equation.indices[:slot], *equation.indices[slot + 1 :])
            self.equations.append(Equation(name, rest, value))
        return self.known[key]

    def _at_step(self, node: Expr) -> Expr:
        """Return a term of one step, what it reads of other steps defined."""
        match node:
            case Where():
                truth = self._decided(node.condition)
                if truth is not None:
                    return self._at_step(node.then if truth else node.otherwise)
            case Element() if node.tensor in self.slots:
                return self._read_at_step(node)
            case _:
                pass
        return rebuild(node, self._at_step)

    def _decided(self, condition: Expr) -> bool | None:
        """Return the truth of a condition on steps; None if it depends on more than these."""
        match condition:
            case Compare():
                left, right = (length_of(c, self.lengths) for c in condition.children)
                if left is None or right is None:
                    return None
                return bool(length_of(compare(condition.op, const(left), const(right)), {}))
            case Logic():
                known = [self._decided(a) for a in condition.args]
                if condition.op == "not":
                    return None if known[0] is None else not known[0]
                strong = condition.op == "or"
                if strong in known:
                    return strong
                return None if None in known else not strong
            case _:
                value = length_of(condition, self.lengths)
                return None if value is None else bool(value)

    def _read_at_step(self, node: Element) -> Expr:
        slot = self.slots[node.tensor]
        at = length_of(node.indices[slot], self.lengths)
        if at is None:
            if node.tensor in self.recurring:
                raise self._unsupported(str(node), "a read at a constant lag")
            return rebuild(node, self._at_step)
        beyond = self._beyond(node, at)
        if beyond is not None:
            return self._at_step(beyond)
        if not 0 <= at < self._steps(node.tensor):
            if node.outside is None:
                raise self._unsupported(str(node), "an initial value for it")
            return self._at_step(node.outside)
        rest = tuple(self._at_step(i) for k, i in enumerate(node.indices) if k != slot)
        if node.tensor not in self.recurring:
            return Element(node.tensor, (*rest[:slot], const(at), *rest[slot:]), node.outside)
        outside = None if node.outside is None else self._at_step(node.outside)
        return Element(self._at(self.system.equation(node.tensor), at), rest, outside)

    def _beyond(self, node: Element, at: int) -> Expr | None:
        """Return the value given for a position beyond the range."""
        slot = self.slots[node.tensor]
        for equation in self.initial.get(node.tensor, ()):
            if length_of(equation.indices[slot], self.lengths) == at:
                return self._initial(equation, node)
        return None

    def _initial(self, equation: Equation, node: Element) -> Expr:
        pairs = zip(equation.indices, node.indices, strict=True)
        where = {letter: at for letter, at in pairs if isinstance(letter, Index)}
        return substitute(equation.value, where)

    def _read(self, node: Element) -> Expr | None:
        """Return a read from outside of a recurrence, which may be of an initial value."""
        slot = self.slots.get(node.tensor)
        if slot is None or isinstance(node.indices[slot], Index):
            return None
        at, step = node.indices[slot], length_of(node.indices[slot], self.lengths)
        if step is not None:
            beyond = self._beyond(node, step)
            return None if beyond is None else replace_elements(beyond, self._read)
        initial = self.initial.get(node.tensor, ())
        value: Expr = Element(node.tensor, node.indices, ZERO if initial else node.outside)
        for equation in initial:
            given = replace_elements(self._initial(equation, node), self._read)
            value = Where(compare("==", at, self._fixed(equation.indices[slot])), given, value)
        return value

    def _fixed(self, position: Expr) -> Expr:
        at = length_of(position, self.lengths)
        return position if at is None else const(at)

    def _unsupported(self, given: str, expected: str) -> UnsupportedError:
        return UnsupportedError(
            where=f"{self.system.name}, written out step by step",
            given=given,
            expected=expected,
            fix="judge it by the interpreter, which knows every recurrence",
        )
