"""The operations that every target spells: contract, map, reduce, gather, scatter, and more.

In: nothing. Out: frozen records over named arrays whose axes are labelled by indices. An operand is
an `Element` whose positions are distinct indices, such as `X[n, k]`; labels say which axes meet, so
this module knows no memory layout and no target. `symgrad.lowering.window_ops` has the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.ir.terms import Element, Index
from symgrad.ir.visit import elements
from symgrad.lowering.window_ops import Flatten, Fold, Keep, Scan, Stack, Window

if TYPE_CHECKING:
    from symgrad.ir.equation import Equation, System
    from symgrad.ir.terms import Expr

#: What an array holds: numbers of the call's float type, integers, or truth values.
REAL, INTEGER, BOOL = "real", "int", "bool"

#: The reduction that gives exponentials their shift: the maximum, replaced by a finite number where
#: it is infinite, and by any finite number over an empty axis. Its derivative is taken as 0, for
#: what it shifts does not depend on it.
SHIFT = "shift"


def labels(operand: Element) -> tuple[Index, ...]:
    """Return the labels of the axes of an operand."""
    found = tuple(i for i in operand.indices if isinstance(i, Index))
    assert len(found) == len(operand.indices), "an operand is read at plain indices"
    return found


@dataclass(frozen=True)
class Map:
    """An element-wise operation: `out` is `value` at every point.

    Attributes:
        out: The array that is defined.
        value: A term over operands, indices and sizes, without a reduction. It may lack labels of
            `out`: then it is repeated along them.
    """

    out: Element
    value: Expr

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        return tuple(dict.fromkeys(e.tensor for e in elements(self.value)))


@dataclass(frozen=True)
class Contract:
    """A sum of products of two operands over the labels that both have and `out` has not."""

    out: Element
    left: Element
    right: Element

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        return tuple(dict.fromkeys((self.left.tensor, self.right.tensor)))

    @property
    def summed(self) -> tuple[Index, ...]:
        """The labels that are summed over."""
        kept = set(labels(self.out))
        return tuple(i for i in labels(self.left) if i not in kept)

    @property
    def shared(self) -> tuple[Index, ...]:
        """The labels that both operands and the result have: a batch of products."""
        right = set(labels(self.right))
        return tuple(i for i in labels(self.out) if i in right and i in labels(self.left))

    @property
    def is_row_dot(self) -> bool:
        """Whether the operands have the same labels: a dot product for each kept label."""
        return set(labels(self.left)) == set(labels(self.right))


@dataclass(frozen=True)
class Reduce:
    """A reduction of one operand over the labels that `out` has not.

    Attributes:
        out: The array that is defined.
        op: `sum prod max min argmax argmin any all`, or `SHIFT`.
        source: What is reduced.
    """

    out: Element
    op: str
    source: Element

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        return (self.source.tensor,)

    @property
    def summed(self) -> tuple[Index, ...]:
        """The labels that are reduced."""
        kept = set(labels(self.out))
        return tuple(i for i in labels(self.source) if i not in kept)


@dataclass(frozen=True)
class Gather:
    """A read at computed positions: `out` is `source[positions]`, such as `E[T[n], d]`.

    Attributes:
        out: The array that is defined.
        source: Name of the array that is read.
        positions: For each axis of the source a label of `out` or an integer-valued term.
        proved: Whether all positions are in range, by declaration or by their form.
        fill: What a position out of range reads; None if that is an error.
    """

    out: Element
    source: str
    positions: tuple[Expr, ...]
    proved: bool = True
    fill: Expr | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        inner = [e.tensor for p in self.positions for e in elements(p)]
        return tuple(dict.fromkeys((self.source, *inner)))


@dataclass(frozen=True)
class Scatter:
    """A sum into computed positions: `out[positions] += source`, from zeros.

    Attributes:
        out: The array that is defined.
        positions: For each axis of `out` a label of the source or an integer-valued term in them.
        source: What is added.
        proved: Whether all positions are in range; those that are not are dropped.
    """

    out: Element
    positions: tuple[Expr, ...]
    source: Element
    proved: bool = True

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        inner = [e.tensor for p in self.positions for e in elements(p)]
        return tuple(dict.fromkeys((*inner, self.source.tensor)))


Op = Map | Contract | Reduce | Gather | Scatter | Window | Fold | Flatten | Scan | Keep | Stack


@dataclass(frozen=True)
class Program:
    """A System as operations, in an order in which each reads what stands above it.

    Attributes:
        system: The System that was lowered: names, inputs, outputs and fixed lengths.
        ops: The operations; each array is defined once.
        kinds: REAL, INTEGER or BOOL for each input and each array that is defined.
        comments: For an array that an equation names, that equation.
    """

    system: System
    ops: tuple[Op, ...]
    kinds: dict[str, str]
    comments: dict[str, Equation]
