"""The operations that move data or run along an axis: window, fold, flatten, scan, keep, stack.

In: nothing. Out: frozen records like those of `symgrad.lowering.ops`. A Window and a Fold with the
same positions are the transposes of each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from symgrad.ir.visit import elements

if TYPE_CHECKING:
    from symgrad.ir.terms import Element, Expr, Index


@dataclass(frozen=True)
class Window:
    """A read at affine positions: `out` is `source[positions]`, such as `X[n, 2*h + p - 1]`.

    Attributes:
        out: The array that is defined: one axis for each index that occurs.
        source: Name of the array that is read.
        shape: The length of each axis of the source.
        positions: For each axis of the source an affine term in the labels of `out`.
        proved: For each axis whether the positions are in range whatever the lengths are.
        fill: What a position out of range reads; None if that is an error.
    """

    out: Element
    source: str
    shape: tuple[Expr, ...]
    positions: tuple[Expr, ...]
    proved: tuple[bool, ...]
    fill: Expr | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        return (self.source,)


@dataclass(frozen=True)
class Fold:
    """A sum into affine positions: `out[positions] += source`, from zeros.

    Attributes:
        out: The array that is defined.
        positions: For each axis of `out` an affine term in the labels of the source. What falls
            out of range is dropped.
        source: What is added.
    """

    out: Element
    positions: tuple[Expr, ...]
    source: Element

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        return (self.source.tensor,)


@dataclass(frozen=True)
class Flatten:
    """Axes of one array counted through as one: `out[n, (g, c)] = source[n, g, c]`.

    Attributes:
        out: The array that is defined; a label that stands for several has an axis of its own.
        source: The array with an axis for each label.
        groups: For each axis of `out` the labels of the source that it counts through.
    """

    out: Element
    source: Element
    groups: tuple[tuple[Index, ...], ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        return (self.source.tensor,)


@dataclass(frozen=True)
class Scan:
    """A reduction of what stands up to each position: a cumulative sum, product, maximum, ...

    Attributes:
        out: The array that is defined.
        op: `sum prod max min logsumexp any all`.
        source: What is reduced, with the axes of `out` in the same order.
        along: The label of `out` that is run along.
        reverse: Whether it runs from the end.
    """

    out: Element
    op: str
    source: Element
    along: Index
    reverse: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        return (self.source.tensor,)


@dataclass(frozen=True)
class Keep:
    """The elements for which a condition holds, for a reduction that needs one at least.

    Attributes:
        out: The array that is defined: the source where the mask holds, `fill` elsewhere.
        source: The values.
        mask: Truth values over some of the labels of the source.
        fill: A number that the reduction ignores.
        bound: The labels that are reduced: the mask must hold somewhere along them.
    """

    out: Element
    source: Element
    mask: Element
    fill: Expr
    bound: tuple[Index, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        inner = [e.tensor for e in elements(self.mask)]
        return tuple(dict.fromkeys((self.source.tensor, *inner)))


@dataclass(frozen=True)
class Stack:
    """Arrays side by side along a new axis: `out[n, q]` is the source number q at n.

    Attributes:
        out: The array that is defined.
        sources: As many arrays as the axis is long, each with the other labels of `out`.
        along: The label of `out` that counts them.
    """

    out: Element
    sources: tuple[Element, ...]
    along: Index

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays that are read."""
        return tuple(dict.fromkeys(s.tensor for s in self.sources))
