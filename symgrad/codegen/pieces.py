"""Pieces of generated text: what a piece holds, which axes it has, how strongly it binds.

In: text. Out: text with parentheses, axes and number types put right. Both targets use it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from symgrad.lowering.ops import BOOL, INTEGER, REAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.ir.terms import Index

# Binding strengths of Python's grammar; a piece weaker than its context gets parentheses.
LOWEST, COMPARE, BIT_OR, BIT_AND, SUM, PRODUCT, UNARY, POWER, ATOM = range(9)

__all__ = ["ATOM", "BIT_AND", "BIT_OR", "BOOL", "COMPARE", "INTEGER", "LOWEST", "POWER", "PRODUCT"]
__all__ += [
    "REAL",
    "SUM",
    "UNARY",
    "Piece",
    "Spread",
    "aligned",
    "in_order",
    "number",
    "permutation",
]


@dataclass(frozen=True)
class Piece:
    """A piece of an expression.

    Attributes:
        text: The source text.
        strength: How strongly its outermost operator binds.
        kind: REAL, INTEGER or BOOL.
        labels: The labels of its axes, in order.
        scalar: Whether it is a Python number, which takes the type of what it meets.
    """

    text: str
    strength: int = ATOM
    kind: str = REAL
    labels: tuple[Index, ...] = ()
    scalar: bool = False

    def at(self, strength: int) -> str:
        """Return the text, in parentheses where the context binds more strongly."""
        return f"({self.text})" if self.strength < strength else self.text


@dataclass(frozen=True)
class Spread:
    """What is summed into positions: its text, and how many leading axes the positions have."""

    text: str
    axes: int


def in_order(labels: Sequence[Index], order: Sequence[Index]) -> tuple[Index, ...]:
    """Return labels in the order of the axes around them."""
    rank = {i: k for k, i in enumerate(order)}
    return tuple(sorted(labels, key=lambda i: rank[i]))


def permutation(labels: Sequence[Index], wanted: Sequence[Index]) -> tuple[int, ...]:
    """Return for each wanted label the axis that has it."""
    return tuple(labels.index(i) for i in wanted)


def aligned(piece: Piece, labels: Sequence[Index]) -> Piece:
    """Return a piece that broadcasts to `labels`; its own are some of them, in the same order.

    Axes that are missing in front need nothing; one that is missing behind gets a `None`.
    """
    if not piece.labels:
        return piece
    tail = labels[labels.index(piece.labels[0]) :]
    slots = [":" if i in piece.labels else "None" for i in tail]
    while slots and slots[-1] == ":":
        slots.pop()
    if not slots:
        return piece
    return replace(piece, text=f"{piece.at(ATOM)}[{', '.join(slots)}]", strength=ATOM)


def number(value: Fraction) -> Piece:
    """Return a rational number as a Python number: an integer, a decimal or a quotient."""
    kind = INTEGER if value.denominator == 1 else REAL
    strength = UNARY if value < 0 else ATOM
    if value.denominator == 1:
        return Piece(str(value.numerator), strength, kind, scalar=True)
    short = repr(float(value))
    if Fraction(short) == value and "e" not in short:
        return Piece(short, strength, kind, scalar=True)
    if value < 0:
        inner = number(-value)
        return Piece(f"-{inner.at(UNARY)}", UNARY, kind, scalar=True)
    return Piece(f"{value.numerator} / {value.denominator}", PRODUCT, kind, scalar=True)
