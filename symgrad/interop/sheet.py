"""A text in the making: tensors with names and letters, and equations over them.

In: arrays, and equations as text. Out: a `Binding`: the System, and the arrays bound to its inputs.
Rows of the operator table write on a sheet; what one row defines another may read, so operators
compose.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import numpy as np

from symgrad.errors import UnsupportedError
from symgrad.ir.text import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from symgrad.ir.equation import System

_POOL = tuple("ijklmnpqrstuvwabcdfgh")
_WORD = re.compile(r"[A-Za-z_]\w*")
_KINDS = {"f": "real", "i": "int", "u": "int", "b": "bool"}


class NoRowError(Exception):
    """What the table has no equations for: an operator, or one of its arguments."""


@dataclass(frozen=True)
class Operand:
    """A tensor on a sheet.

    Attributes:
        name: Its name in the text.
        letters: A letter for each axis.
        shape: The lengths, as numbers.
        kind: "real", "int" or "bool".
        values: The array that is bound to an input; None for what is defined.
    """

    name: str
    letters: tuple[str, ...]
    shape: tuple[int, ...]
    kind: str = "real"
    values: NDArray[Any] | None = field(default=None, compare=False)

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    def at(self, positions: Iterable[object]) -> str:
        """Return the text that reads it at positions, one for each axis."""
        inside = ", ".join(map(str, positions))
        return f"{self.name}[{inside}]" if inside else self.name

    @property
    def here(self) -> str:
        """The text that reads it at its own letters."""
        return self.at(self.letters)

    def axis(self, dim: int) -> int:
        """Return the number of an axis that may be counted from the end.

        Raises:
            NoRowError: If there is no such axis.
        """
        rank = max(self.rank, 1)
        if not -rank <= dim < rank:
            raise NoRowError(f"axis {dim} of {self.rank}")
        return dim % rank


@dataclass(frozen=True)
class Binding:
    """A System and what is bound to its inputs.

    Attributes:
        system: The System.
        arrays: For each input its array.
        sources: For inputs that are tensors of the caller, that tensor.
    """

    system: System
    arrays: dict[str, NDArray[Any]]
    sources: dict[str, Any]


def number(value: object) -> str:
    """Return a number as the text of a literal.

    >>> number(-0.5), number(2), number(True), number(math.inf)
    ('(-0.5)', '2', '1', 'inf')

    Raises:
        NoRowError: If the language has no literal for it.
    """
    if isinstance(value, Operand) and value.rank == 0:
        return value.name
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (int, np.integer)):
        text = str(int(value))
    elif isinstance(value, (float, np.floating)) and not math.isnan(value):
        text = repr(float(value))
    else:
        raise NoRowError(f"{value!r} as a number")
    return f"({text})" if text.startswith("-") else text


class Sheet:
    """Collects declarations, lengths and equations."""

    def __init__(self) -> None:
        self.inputs: dict[str, Operand] = {}
        self.sources: dict[str, Any] = {}
        #: Inputs that are views of other tensors.
        self.views: set[str] = set()
        self._limits: dict[str, str] = {}
        self._lengths: dict[str, str] = {}
        self._lines: list[str] = []
        self._taken: set[str] = set()
        self._fixed: dict[str, int] = {}

    # Names

    def letter(self) -> str:
        """Return a letter that nothing else has."""
        numbered = (f"i{n}" for n in count(1))
        found = next(c for c in chain(_POOL, numbered) if c not in self._taken)
        self._taken.add(found)
        return found

    def letters(self, many: int) -> tuple[str, ...]:
        """Return letters that nothing else has."""
        return tuple(self.letter() for _ in range(many))

    def name(self, wish: str) -> str:
        """Return a name that nothing else has, the wished one if it is free."""
        numbered = (f"{wish}{n}" for n in count(2))
        found = next(c for c in chain((wish,), numbered) if c not in self._taken)
        self._taken.add(found)
        return found

    # What a text is made of

    def input(self, array: NDArray[Any], wish: str = "X", source: Any = None) -> Operand:
        """Add an input and return it.

        Raises:
            NoRowError: If its numbers are complex.
        """
        kind = _KINDS.get(array.dtype.kind)
        if kind is None:
            raise NoRowError(f"numbers of type {array.dtype}")
        wanted = {"real": np.float64, "int": np.int64, "bool": np.bool_}[kind]
        values: NDArray[Any] = np.array(array, dtype=wanted)
        name = self.name(wish)
        made = Operand(name, self.letters(values.ndim), values.shape, kind, values)
        self.inputs[name] = made
        if source is not None:
            self.sources[name] = source
        return made

    def index(self, given: Operand, length: int, *, wrap: bool = True) -> tuple[Operand, str]:
        """Return a tensor of positions as an input `index(v)`, and the letter v.

        Raises:
            NoRowError: If the positions are computed.
        """
        if given.values is None or given.kind != "int":
            raise NoRowError("positions that are computed")
        values = given.values % length if wrap and length else given.values
        made = self.input(values, "T")
        self._limits[made.name] = limit = self.fixed(length)
        if not any(given.name in line for line in self._lines):
            self.inputs.pop(given.name, None)
        return made, limit

    def fixed(self, length: int | str) -> str:
        """Return a new letter with a given length."""
        letter = self.letter()
        self.fix(letter, length)
        return letter

    def fix(self, letter: str, length: int | str) -> None:
        """Say how long the axis of a letter is."""
        self._lengths[letter] = f"size[{letter}] = {length}"

    def line(self, text: str) -> None:
        """Add a line."""
        self._lines.append(text)

    def define(
        self,
        letters: Sequence[str],
        shape: Sequence[int],
        value: str,
        *,
        kind: str = "real",
        wish: str = "Y",
    ) -> Operand:
        """Add an equation and return what it defines.

        Args:
            letters: The letters of the left-hand side, or composite ones such as `(i, j)`; those
                that the value does not mention repeat it.
            shape: Their lengths.
            value: The right-hand side.
            kind: What kind of numbers it has.
            wish: A name.
        """
        assert len(letters) == len(shape), f"{letters} over {shape}"
        words = set(_WORD.findall(value))
        missing = [c for place in letters for c in _WORD.findall(place) if c not in words]
        if missing and kind == "bool":
            value = " and ".join([f"({value})", *(f"{c} == {c}" for c in missing)])
        elif missing:
            value = " + ".join([value, *(f"0 * {c}" for c in missing)])
        name = self.name(wish)
        self.line(f"{Operand(name, tuple(letters), tuple(shape)).here} = {value}")
        plain = []
        for place in letters:
            parts = _WORD.findall(place)
            plain.append(place if len(parts) == 1 else self.letter())
            if len(parts) > 1:
                self.fix(plain[-1], " * ".join(f"size[{c}]" for c in parts))
        return Operand(name, tuple(plain), tuple(shape), kind)

    def text(self, outputs: Sequence[Operand]) -> str:
        """Return the whole text."""
        declared = []
        for operand in self.inputs.values():
            limit = self._limits.get(operand.name)
            kind = f"index({limit})" if limit else operand.kind
            shape = f"[{', '.join(operand.letters)}]" if operand.letters else ""
            declared.append(f"{operand.name}: {kind}{shape}")
        last = f"return {', '.join(o.name for o in outputs)}"
        return "\n".join([*declared, *self._used_lengths(declared), *self._lines, last])

    def _used_lengths(self, declared: Sequence[str]) -> list[str]:
        """Return the lengths of the letters that the text has."""
        used = set(_WORD.findall("\n".join([*declared, *self._lines])))
        for letter in reversed(self._lengths):
            if letter in used:
                used.update(_WORD.findall(self._lengths[letter]))
        return [line for letter, line in self._lengths.items() if letter in used]

    def binding(self, name: str, results: Sequence[Operand]) -> Binding:
        """Return the System of the sheet with some results as outputs, and what is bound."""
        outputs: list[Operand] = []
        for result in results:
            fresh = result.name not in self.inputs and result not in outputs
            outputs.append(
                result
                if fresh
                else self.define(result.letters, result.shape, result.here, kind=result.kind)
            )
        system = _parsed(self.text(outputs), name if name.isidentifier() else "composed")
        used = {t.name for t in system.inputs}
        arrays = {n: o.values for n, o in self.inputs.items() if n in used and o.values is not None}
        return Binding(system, arrays, {n: s for n, s in self.sources.items() if n in used})


@lru_cache(maxsize=512)
def _parsed(text: str, name: str) -> System:
    return parse(text, name=name)


def refused(what: str, given: str) -> UnsupportedError:
    """Return the error for what the table does not have."""
    return UnsupportedError(
        where=f"from_torch({what})",
        given=given,
        expected="an operator or module of the table, with arguments that its row covers",
        fix="write the equations down and parse them; docs/torch-operators.md lists the table",
    )
