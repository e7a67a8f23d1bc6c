"""Equations and Systems: the one concept everything in symgrad is made of.

In: terms. Out: a layer, a loss, a network, an optimizer step, or the backward pass of any of these,
as an ordered list of equations over named tensors. Systems are values: a change makes a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from symgrad.ir.composite import composite, length_of_position, letters_of
from symgrad.ir.terms import BATCH, Element, Expr, Index, Mul, Size
from symgrad.ir.visit import tensors_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from fractions import Fraction

REAL_KINDS = ("real", "positive", "nonnegative", "unit", "symmetric", "spd", "simplex")
NOISE_KINDS = ("uniform", "normal")
INTEGER_KINDS = ("index", "int")
#: Kinds whose last two axes have one length.
SQUARE_KINDS = ("symmetric", "spd")


@dataclass(frozen=True)
class Tensor:
    """A declared tensor: name, kind and shape.

    Attributes:
        name: Its name; dots come from composition only.
        kind: One of REAL_KINDS, NOISE_KINDS, INTEGER_KINDS or "bool".
        shape: The length of each axis: `Size` of a letter, or an expression in sizes.
        limit: For an `index(v)` tensor, the axis v that its values index; else None.
        default: The value of an optional run-time scalar, else None.
        optional: Whether the input may be absent.
    """

    name: str
    kind: str = "real"
    shape: tuple[Expr, ...] = ()
    limit: str | None = None
    default: Fraction | None = None
    optional: bool = False

    @property
    def is_real(self) -> bool:
        """Whether cotangents of the tensor exist."""
        return self.kind in REAL_KINDS

    @property
    def axes(self) -> tuple[str, ...]:
        """The letters of the axes; an axis of composite length has none and is written `*`."""
        return tuple(s.axis if isinstance(s, Size) else "*" for s in self.shape)

    def positions(self) -> tuple[Expr, ...]:
        """Return a free index for each axis, a composite one for an axis of composite length.

        A repeated letter is numbered (`X[i, i2]`).
        """
        counts: dict[str, int] = {}

        def letter(size: Expr) -> Index:
            assert isinstance(size, Size), f"{self.name} has an axis of length {size}"
            count = counts[size.axis] = counts.get(size.axis, 0) + 1
            return Index(size.axis if count == 1 else f"{size.axis}{count}", size.axis)

        out: list[Expr] = []
        for length in self.shape:
            sizes = length.factors if isinstance(length, Mul) else (length,)
            out.append(composite([letter(s) for s in sizes], sizes))
        return tuple(out)


@dataclass(frozen=True)
class Equation:
    """A definition `target[indices] = value`, or an equation that the target solves.

    Attributes:
        target: The tensor that is defined.
        indices: A free index for each axis, or a composite one; also -1 or a size where a value
            beyond the range is given: of a recurrence, or of an input.
        value: The right-hand side, over the free indices.
        implicit: Whether the value is a comparison `left == right` that holds for all of its free
            indices, and the target is the one tensor for which it does.
    """

    target: str
    indices: tuple[Expr, ...]
    value: Expr
    implicit: bool = False

    @property
    def element(self) -> Element:
        """The left-hand side as an element."""
        return Element(self.target, self.indices)

    @property
    def letters(self) -> tuple[Index, ...]:
        """The free indices of the left-hand side, in order."""
        return tuple(letter for i in self.indices for letter in letters_of(i))

    @property
    def is_main(self) -> bool:
        """Whether this is a definition for all indices, not an initial value."""
        return all(letters_of(i) for i in self.indices)

    def __str__(self) -> str:
        from symgrad.ir.show import show_equation  # noqa: PLC0415 (it reads these classes)

        return show_equation(self)


def parts_at(equation: Equation, element: Element) -> dict[Index, Expr] | None:
    """Return what the letters of a definition are where an element reads what it defines.

    None where a composite index is read at a place that does not show its parts.
    """
    found: dict[Index, Expr] = {}
    for index, place in zip(equation.indices, element.indices, strict=True):
        letters = letters_of(index)
        parts = (place,) if len(letters) == 1 else letters_of(place)
        if len(letters) > 1 and [i.axis for i in letters_of(place)] != [i.axis for i in letters]:
            return None
        found.update(zip(letters, parts, strict=True))
    return found


@dataclass(frozen=True)
class System:
    """An ordered list of equations with named inputs and outputs.

    Attributes:
        name: What the generated functions are called.
        inputs: Every tensor that is read and not defined, declared ones first.
        equations: The definitions; each reads what stands above it (or looks back in time).
        outputs: Names of the returned tensors.
        params: The inputs that are parameters, in order.
        sizes: Lengths that are fixed: axis to an expression in other sizes, or a constant.
    """

    name: str
    inputs: tuple[Tensor, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[str, ...]
    params: tuple[str, ...] = ()
    sizes: tuple[tuple[str, Expr], ...] = ()

    @property
    def defined(self) -> tuple[str, ...]:
        """Names of the defined tensors, in order."""
        return tuple(dict.fromkeys(e.target for e in self.equations if e.is_main))

    def equation(self, name: str) -> Equation:
        """Return the (main) definition of a tensor.

        Raises:
            KeyError: If the System does not define `name`.
        """
        for equation in self.equations:
            if equation.target == name and equation.is_main:
                return equation
        raise KeyError(name)

    def tensor(self, name: str) -> Tensor:
        """Return the declaration of an input, or that of a defined tensor as its equation gives it.

        Raises:
            KeyError: If the System does not mention `name`.
        """
        for tensor in self.inputs:
            if tensor.name == name:
                return tensor
        from symgrad.ir.kinds import tensor_kinds  # noqa: PLC0415 (it reads these classes)

        equation = self.equation(name)
        shape = tuple(length_of_position(i) for i in equation.indices)
        return Tensor(name, tensor_kinds(self)[name], shape)

    def has(self, name: str) -> bool:
        """Return whether `name` is an input or defined."""
        return name in self.defined or any(t.name == name for t in self.inputs)

    @property
    def axes(self) -> tuple[str, ...]:
        """The letters of all axes of all tensors, in order of appearance."""
        found: dict[str, None] = {}
        for shape in (t.shape for t in self.inputs):
            found.update(dict.fromkeys(s.axis for s in shape if isinstance(s, Size)))
        for equation in self.equations:
            found.update(dict.fromkeys(i.axis for i in equation.letters))
        return tuple(found)

    @property
    def has_batch(self) -> bool:
        """Whether some tensor has the leading batch axes `...`."""
        return BATCH in self.axes

    def with_equations(self, equations: Iterable[Equation]) -> System:
        """Return the System with other equations, its unused inputs dropped."""
        new = replace(self, equations=tuple(equations))
        used = {*new.outputs, *(e.target for e in new.equations if not e.is_main)}
        used = used.union(*(tensors_read(e.value) for e in new.equations))
        used = used.union(*(tensors_read(i) for e in new.equations for i in e.indices))
        return replace(new, inputs=tuple(t for t in new.inputs if t.name in used))

    def map_values(self, function: Callable[[Expr], Expr]) -> System:
        """Return the System with every right-hand side mapped."""
        return replace(
            self, equations=tuple(replace(e, value=function(e.value)) for e in self.equations)
        )

    def __str__(self) -> str:
        from symgrad.ir.show import show_system  # noqa: PLC0415 (it reads these classes)

        return show_system(self)
