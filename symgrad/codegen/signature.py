"""Arguments of a generated function: names, types, defaults, shapes, and where lengths come from.

In: a System and the order of its inputs. Out: what the signature, the docstring and the checks at
the door print.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symgrad.errors import TargetError, UnsupportedError
from symgrad.ir.show import show_shape
from symgrad.ir.sizes import axes_of
from symgrad.ir.terms import Const, Expr, Index, Mul, Size
from symgrad.ir.visit import walk
from symgrad.lowering.kinds import kind_of_tensor
from symgrad.lowering.names import RESERVED, python_name
from symgrad.lowering.ops import BOOL, INTEGER, REAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from symgrad.ir.equation import System, Tensor


_PYTHON_TYPES = {REAL: "float", INTEGER: "int", BOOL: "bool"}


@dataclass(frozen=True)
class Argument:
    """An argument that is a tensor of the System."""

    tensor: Tensor
    name: str
    kind: str

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.tensor.shape)

    @property
    def default(self) -> str | None:
        """The default value as Python, None if the argument is required."""
        value = self.tensor.default
        if value is None:
            return None
        return repr(float(value)) if self.kind == REAL else str(int(value))

    @property
    def is_number(self) -> bool:
        """Whether a Python number of the float type may be given."""
        return self.rank == 0 and self.kind == REAL

    @property
    def also(self) -> str:
        """The Python type that is taken beside an array, empty if there is none."""
        return "" if self.rank else _PYTHON_TYPES[self.kind]

    def letters(self, spelled: dict[str, str]) -> str:
        """Return the axes separated by spaces, as the check at the door reads them."""
        return " ".join(_letter(s, spelled) for s in self.tensor.shape)


@dataclass(frozen=True)
class Signature:
    """The arguments of a function.

    Attributes:
        arguments: The tensors, those with a default last.
        lengths: Axes whose length no argument has: integer arguments before the defaults.
        spelled: The Python name of the length of each axis, or its value where it is fixed.
    """

    arguments: tuple[Argument, ...]
    lengths: tuple[str, ...]
    spelled: dict[str, str]

    @property
    def like(self) -> str:
        """The name of the first array of real numbers, empty if there is none."""
        arrays = [a.name for a in self.arguments if a.kind == REAL and a.rank]
        numbers = [a.name for a in self.arguments if a.is_number]
        return (arrays or numbers or [""])[0]

    def place(self, axis: str) -> tuple[str, int] | None:
        """Return an argument and its axis that have a length, None if no argument has it."""
        for argument in self.arguments:
            for k, size in enumerate(argument.tensor.shape):
                if isinstance(size, Size) and size.axis == axis:
                    return argument.name, k
        return None

    def with_lengths(self, used: Iterable[str]) -> Signature:
        """Return the signature with an integer argument for each of some axes."""
        return replace(self, lengths=tuple(used))

    @property
    def has_array(self) -> bool:
        """Whether some argument is an array of real numbers with axes."""
        return any(a.kind == REAL and a.rank for a in self.arguments)

    def names(self) -> tuple[str, ...]:
        """Return the Python names of all arguments, in order."""
        required = [a.name for a in self.arguments if a.default is None]
        optional = [a.name for a in self.arguments if a.default is not None]
        return (*required, *(self.spelled[a] for a in self.lengths), *optional)


def make_signature(system: System, order: Sequence[str]) -> Signature:
    """Return the signature of a function that runs a System.

    Args:
        system: What the function runs.
        order: Names of the inputs, in the order wanted; the others follow.
    """
    tensors = {t.name: t for t in system.inputs}
    wanted = [n for n in order if n in tensors] + [n for n in tensors if n not in order]
    arguments = sorted((_argument(tensors[n]) for n in wanted), key=lambda a: a.default is not None)
    return Signature(tuple(arguments), (), _spell_lengths(system, _axes(system)))


def _letter(length: Expr, spelled: dict[str, str]) -> str:
    """Return an axis as the check at the door reads it: a letter, or a product of letters."""
    factors = length.factors if isinstance(length, Mul) else (length,)
    letters = [spelled[f.axis] if isinstance(f, Size) else str(f) for f in factors]
    return "*".join([x for x in letters if x != "1"] or ["1"])


def _argument(tensor: Tensor) -> Argument:
    factors = [f for s in tensor.shape for f in (s.factors if isinstance(s, Mul) else (s,))]
    if tensor.optional or any(not isinstance(f, (Size, Const)) for f in factors):
        what = "an input that may be absent" if tensor.optional else "an axis of this length"
        raise UnsupportedError(
            where=f"input {tensor.name}{show_shape(tensor)}",
            given=what,
            expected="an input that is always given, with axes of letters and products of them",
            fix="give the axis a letter and a length, size[i] = ..., or give the input always",
        )
    return Argument(tensor, python_name(tensor.name), kind_of_tensor(tensor))


def _axes(system: System) -> tuple[str, ...]:
    """Return every axis that a System mentions, in order of appearance."""
    found = dict.fromkeys(system.axes)
    for tensor in system.inputs:
        found.update(dict.fromkeys(a for s in tensor.shape for a in axes_of(s)))
    found.update(dict.fromkeys(b for a, e in system.sizes for b in (a, *axes_of(e))))
    found.update(dict.fromkeys(t.limit for t in system.inputs if t.limit))
    for equation in system.equations:
        nodes = walk(equation.value)
        found.update(dict.fromkeys(n.axis for n in nodes if isinstance(n, (Size, Index))))
    return tuple(found)


def _spell_lengths(system: System, axes: Sequence[str]) -> dict[str, str]:
    """Return the Python name of the length of each axis; a constant is spelled as it is."""
    fixed = {a: str(e.value) for a, e in system.sizes if isinstance(e, Const)}
    names = {python_name(n) for n in (*(t.name for t in system.inputs), *system.defined)}
    spelled: dict[str, str] = {}
    for axis in axes:
        name = python_name(axis)
        if name in names or name in RESERVED or not name.isidentifier():
            name = f"size_{''.join(c if c.isalnum() else '_' for c in name)}"
        spelled[axis] = fixed.get(axis, name)
    return spelled


def check_names(system: System) -> None:
    """Raise unless the names of a System stay apart in Python.

    Raises:
        TargetError: If two tensors have one Python name, or a name is taken by the module.
    """
    seen: dict[str, str] = {}
    for tensor in (*(t.name for t in system.inputs), *system.defined):
        name = python_name(tensor)
        other = seen.setdefault(name, tensor)
        if other != tensor or name in RESERVED:
            user = other if other != tensor else "generated code"
            raise TargetError(
                where=f"the names of {system.name}",
                given=f"{tensor}, spelled {name} in Python",
                expected=f"a name that {user} does not use",
                fix="rename the tensor",
            )
