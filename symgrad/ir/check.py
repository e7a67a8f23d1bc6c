"""The order of equations, and recurrences: what may be read where.

In: the equations of a text, in order. Out: nothing, or an error. An equation reads what stands
above it; a recurrence reads what is tied to it at a lag, whose initial values are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.errors import (
    CycleError,
    DirectionError,
    InitialValueError,
    OrderError,
    SymgradError,
)
from symgrad.ir.terms import Add, Const, Element, Expr, Index, Logic, Reduce, Size, Where
from symgrad.ir.visit import tensors_read

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from symgrad.ir.equation import Equation
    from symgrad.ir.shapes import Complain


@dataclass(frozen=True)
class Read:
    """A read of a defined tensor.

    Attributes:
        element: What is read.
        guarded: Whether a condition decides if it is read at all.
    """

    element: Element
    guarded: bool


def reads(expr: Expr) -> Iterator[Read]:
    """Yield every read of a term, with whether a `where` or a condition stands around it."""
    stack: list[tuple[Expr, bool]] = [(expr, False)]
    seen: set[tuple[Expr, bool]] = set()
    while stack:
        node, guarded = item = stack.pop()
        if item in seen:
            continue
        seen.add(item)
        if isinstance(node, Element):
            yield Read(node, guarded or node.outside is not None)
        stack.extend((c, guarded or _guards(node, c)) for c in reversed(node.children))


def _guards(node: Expr, child: Expr) -> bool:
    """Return whether a node evaluates a child only under a condition."""
    match node:
        case Where():
            return child is not node.condition
        case Reduce():
            return node.condition is not None and child is node.body
        case Logic():
            return child is not node.args[0]
        case _:
            return False


def lags(equation: Equation, element: Element) -> dict[str, tuple[int, int]]:
    """Return the letters that a read shifts, with slot and steps: `t: (0, -1)` for `H[t-1, n]`."""
    found: dict[str, tuple[int, int]] = {}
    for slot, index in enumerate(element.indices):
        if isinstance(index, Add) and len(index.terms) == 2:
            letter, steps = index.terms
            if isinstance(letter, Const):
                letter, steps = steps, letter
            if (
                isinstance(letter, Index)
                and letter in equation.letters
                and isinstance(steps, Const)
            ):
                found[letter.name] = slot, int(steps.value)
    return found


@dataclass
class _Order:
    """The definitions of a text and how they depend on each other."""

    equations: Sequence[Equation]
    complain: Complain
    inputs: Collection[str] = ()

    def __post_init__(self) -> None:
        self.place = {e.target: k for k, e in enumerate(self.equations) if e.is_main}
        below: dict[str, set[str]] = {}
        for equation in self.equations:
            names = {n for n in tensors_read(equation.value) if n in self.place}
            if equation.implicit:
                names.discard(equation.target)
            below.setdefault(equation.target, set()).update(names)
        self.reaches = {name: _closure(name, below) for name in below}
        self.time = {name: self._time(name) for name in self.place}

    def tied(self, one: str, other: str) -> bool:
        """Return whether two tensors depend on each other."""
        return other in self.reaches[one] and one in self.reaches[other]

    def _tied_reads(self, name: str) -> Iterator[tuple[Equation, Read]]:
        """Yield the reads that tie the tensors of one recurrence together."""
        for equation in self.equations:
            if equation.is_main and self.tied(name, equation.target):
                for read in reads(equation.value):
                    other = read.element.tensor
                    if other in self.place and self.tied(name, other):
                        yield equation, read

    def _time(self, name: str) -> str | None:
        """Return the letter whose lags break every cycle of a recurrence, the first if several."""
        tied = [(e.target, read.element.tensor, lags(e, read.element)) for e, read in
                self._tied_reads(name)]  # fmt: skip
        if not any(shifted for _, _, shifted in tied):
            return None
        letters = [i.name for i in self.equations[self.place[name]].letters]
        return next((x for x in letters if _breaks_cycles(x, tied)), None)

    def check(self) -> None:
        """Check every read of every equation."""
        for at, equation in enumerate(self.equations):
            for read in reads(equation.value):
                solved = equation.implicit and read.element.tensor == equation.target
                if read.element.tensor in self.place and not solved:
                    self._check_read(at, equation, read)
        self._check_initial_values()
        for name in self.place:
            self._check_direction(name)

    def _check_read(self, at: int, equation: Equation, read: Read) -> None:
        name, element = read.element.tensor, read.element
        tied = name == equation.target or self.tied(equation.target, name)
        if tied and equation.is_main and self.time[name] in lags(equation, element):
            if not read.guarded:
                self._check_reached(equation, element)
        elif self.place[name] >= at and tied:
            raise self.complain(
                CycleError,
                (equation.element, element),
                given=f"{equation.target}, which its own definition reads as {element}",
                expected="a read at a constant lag, of an earlier or later position",
                fix=f"read {name}[t-1, ...] and give {name}[-1, ...] = ...",
            )
        elif self.place[name] >= at:
            raise self.complain(
                OrderError,
                (equation.element, element),
                given=f"{name}, read above its definition",
                expected="definitions before reads",
                fix=f"move the equation of {name} up",
            )

    def _check_reached(self, equation: Equation, element: Element) -> None:
        """Check that the values are given that a lag reaches beyond the range."""
        slot, steps = lags(equation, element)[str(self.time[element.tensor])]
        given = [
            e.indices[slot] for e in self.equations if e.target == element.tensor and not e.is_main
        ]
        for number in range(1, abs(steps) + 1):
            if not any(_position(i) == (steps > 0, number) for i in given):
                where = f"-{number}" if steps < 0 else _after(element, slot, number)
                raise self.complain(
                    InitialValueError,
                    (equation.element, element),
                    given=f"{element} without an initial value",
                    expected=f"what {element.tensor} is at position {where}",
                    fix=f"add {_with(element, slot, where)} = ...",
                )

    def _check_initial_values(self) -> None:
        seen: set[tuple[str, tuple[Expr | None, ...]]] = set()
        for equation in self.equations:
            if equation.is_main:
                continue
            fixed = tuple(None if isinstance(i, Index) else i for i in equation.indices)
            outside = [_position(i) for i in fixed if i is not None]
            known = equation.target in self.place or equation.target in self.inputs
            if not known or len(outside) > 1 or None in outside:
                raise self.complain(
                    InitialValueError,
                    equation.element,
                    given=f"{equation.element} on the left-hand side",
                    expected="a position before or after the range of a recurrence or an input",
                    fix="give H[-1, ...] or H[size[t], ...], and define or declare H[t, ...]",
                )
            if (equation.target, fixed) in seen:
                raise self.complain(
                    InitialValueError,
                    equation.element,
                    given=f"a second initial value {equation.element}",
                    expected="each initial value once",
                    fix="remove one of the two",
                )
            seen.add((equation.target, fixed))

    def _check_direction(self, name: str) -> None:
        letter = str(self.time[name])
        steps = [
            (lags(equation, read.element)[letter][1], equation, read.element)
            for equation, read in self._tied_reads(name)
            if letter in lags(equation, read.element)
        ]
        if len({s > 0 for s, _, _ in steps}) > 1:
            _, equation, element = steps[-1]
            raise self.complain(
                DirectionError,
                (equation.element, element),
                given=f"lags of {', '.join(str(s) for s, _, _ in steps)} in one recurrence",
                expected="lags of one sign",
                fix="split it into a recurrence forward and one backward",
            )


def _breaks_cycles(letter: str, tied: list[tuple[str, str, dict[str, tuple[int, int]]]]) -> bool:
    """Return whether reads that do not shift a letter never lead back to where they began."""
    below: dict[str, set[str]] = {}
    for target, read, shifted in tied:
        if letter not in shifted:
            below.setdefault(target, set()).add(read)
    return not any(name in _closure(name, below) for name in below)


def _closure(name: str, below: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    stack = [name]
    while stack:
        for other in below.get(stack.pop(), ()):
            if other not in found:
                found.add(other)
                stack.append(other)
    return found


def _position(index: Expr | None) -> tuple[bool, int] | None:
    """Return (after the range, how far) for -1, -2, size[t], size[t] + 1; None inside the range."""
    if isinstance(index, Const):
        return (False, -int(index.value)) if index.value < 0 else None
    if isinstance(index, Size):
        return True, 1
    if isinstance(index, Add) and len(index.terms) == 2 and isinstance(index.terms[0], Size):
        more = index.terms[1]
        if isinstance(more, Const) and more.value > 0:
            return True, int(more.value) + 1
    return None


def _after(element: Element, slot: int, number: int) -> str:
    index = element.indices[slot]
    letter = next(i.name for i in index.children if isinstance(i, Index))
    return f"size[{letter}]" + (f" + {number - 1}" if number > 1 else "")


def _with(element: Element, slot: int, where: str) -> str:
    parts = [str(i) for i in element.indices]
    parts[slot] = where
    return f"{element.tensor}[{', '.join(parts)}]"


def check_order(equations: Sequence[Equation], complain: Complain, inputs: Collection[str]) -> None:
    """Refuse reads above a definition, cycles without a lag, and incomplete recurrences.

    Args:
        equations: The equations in order.
        complain: Makes an error.
        inputs: The names of the declared inputs, which may be given values beyond their range.

    Raises:
        SymgradError: OrderError, CycleError, InitialValueError or DirectionError.
    """
    _Order(equations, complain, inputs).check()


def time_slots(equations: Sequence[Equation]) -> dict[str, int]:
    """Return for each tensor that is read at a lag, or given values beyond its range, its time.

    That is the axis along which it recurs, counted from 0.
    """
    slots: dict[str, int] = {}
    for equation in equations:
        outside = [k for k, i in enumerate(equation.indices) if _position(i) is not None]
        if not equation.is_main and outside:
            slots[equation.target] = outside[0]
    order = _Order(equations, _no_complaint)
    for name, letter in order.time.items():
        if letter is not None:
            letters = [i.name for i in equations[order.place[name]].letters]
            slots.setdefault(name, letters.index(letter))
    return slots


def _no_complaint(*_: object, **__: object) -> SymgradError:
    raise AssertionError("the equations were checked when they were read")
