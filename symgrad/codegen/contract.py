"""Spells a contraction of two operands as a product of matrices.

In: a Contract and the verbs of a target. Out: `X @ W.T`, a row dot, a tensordot, a batched product;
an einsum only where none of these fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from symgrad.codegen.pieces import ATOM, PRODUCT, REAL, Piece, permutation
from symgrad.lowering.ops import Contract, labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from symgrad.ir.terms import Element, Index


class Verbs(Protocol):
    """What a target can spell.

    Attributes:
        inner: For an array of windows the number of the axis that lies densest in memory.
        last: For a result that is summed into positions the label that should lie densest.
    """

    inner: dict[str, int]
    last: dict[str, Index]

    def name_of(self, tensor: str) -> str:
        """Return the spelling of an array."""

    def permute(self, text: str, axes: Sequence[int]) -> str:
        """Return an array with its axes in another order."""

    def row_dot(self, left: str, right: str) -> str:
        """Return dot products along the last axis of two arrays with the same axes."""

    def partial_dot(self, left: str, right: str, form: str, axes: Sequence[int]) -> str:
        """Return sums of products over some axes of two arrays with the same axes."""

    def full_dot(self, left: str, right: str) -> str:
        """Return the sum of all products of two arrays of the same shape."""

    def tensordot(self, left: str, right: str, pairs: tuple[Sequence[int], Sequence[int]]) -> str:
        """Return a sum of products over pairs of axes."""

    def products(self, text: str, left: str, right: str) -> str:
        """Return a contraction in Einstein's notation, as a batch of matrix products."""


@dataclass(frozen=True)
class _Side:
    """An operand as text, with its labels."""

    text: str
    labels: tuple[Index, ...]

    @staticmethod
    def of(verbs: Verbs, operand: Element) -> _Side:
        return _Side(verbs.name_of(operand.tensor), labels(operand))

    def moved(self, verbs: Verbs, wanted: tuple[Index, ...]) -> _Side:
        """Return the operand with its axes in another order."""
        if self.labels == wanted:
            return self
        return _Side(verbs.permute(self.text, permutation(self.labels, wanted)), wanted)


def spell_contract(verbs: Verbs, op: Contract) -> Piece:
    """Return the spelling of a contraction; its labels may be in another order than wanted."""
    left, right = _Side.of(verbs, op.left), _Side.of(verbs, op.right)
    if op.is_row_dot:
        return _row_dot(verbs, op, left, right)
    turned = _is_turned(verbs, op)
    if turned:
        left, right = right, left
    if op.shared:
        return _batched(verbs, op, left, right)
    if turned is not None:
        return _matrix(verbs, op, left, right)
    one_way = _matrix(verbs, op, left, right)
    other = _matrix(verbs, op, right, left)
    if other.labels == labels(op.out) and one_way.labels != other.labels:
        return other
    return one_way


def _is_turned(verbs: Verbs, op: Contract) -> bool | None:
    """Return whether the right operand should come first; None if it does not matter.

    A product copies its first operand with the summed axes last and its second with these first.
    Windows are copied fastest if the axis that lies densest stays last; so is what is summed into
    positions afterwards.
    """
    for operand in (op.left, op.right):
        at = verbs.inner.get(operand.tensor)
        if at is not None:
            comes_first = labels(operand)[at] in op.summed
            return comes_first == (operand is op.right)
    wanted = verbs.last.get(op.out.tensor)
    return None if wanted is None else wanted in labels(op.left)


def _row_dot(verbs: Verbs, op: Contract, left: _Side, right: _Side) -> Piece:
    right = right.moved(verbs, left.labels)
    summed, kept = op.summed, tuple(i for i in left.labels if i not in op.summed)
    if len(summed) == 1 and not kept:
        return Piece(f"{left.text} @ {right.text}", PRODUCT)
    if len(summed) == 1:
        axis = left.labels.index(summed[0])
        if axis == len(left.labels) - 1:
            return Piece(verbs.row_dot(left.text, right.text), ATOM, REAL, kept)
    if not kept:
        return Piece(verbs.full_dot(left.text, right.text))
    letters = _letters(left.labels)
    form = "".join(letters[i] for i in left.labels)
    form = f"{form},{form}->{''.join(letters[i] for i in kept)}"
    axes = permutation(left.labels, summed)
    return Piece(verbs.partial_dot(left.text, right.text, form, axes), ATOM, REAL, kept)


def _matrix(verbs: Verbs, op: Contract, left: _Side, right: _Side) -> Piece:
    """Spell a contraction without a batch: a matrix product, or a tensordot of more axes."""
    summed = op.summed
    rows = tuple(i for i in left.labels if i not in summed)
    columns = tuple(i for i in right.labels if i not in summed)
    fits = len(left.labels) <= 2 or left.labels[-1] == summed[0]
    if len(summed) == 1 and len(columns) <= 1 and fits:
        first = left.moved(verbs, (*rows, *summed))
        second = right.moved(verbs, (*summed, *columns))
        return Piece(f"{first.text} @ {second.text}", PRODUCT, REAL, (*rows, *columns))
    pairs = (permutation(left.labels, summed), permutation(right.labels, summed))
    text = verbs.tensordot(left.text, right.text, pairs)
    return Piece(text, ATOM, REAL, (*rows, *columns))


def _batched(verbs: Verbs, op: Contract, left: _Side, right: _Side) -> Piece:
    """Spell one product for each point of a batch."""
    batch, summed = op.shared, op.summed
    rows = tuple(i for i in left.labels if i not in (*batch, *summed))
    columns = tuple(i for i in right.labels if i not in (*batch, *summed))
    if len(summed) > 1 or len(rows) > 1 or len(columns) > 1:
        return _einsum(verbs, op, left, right)
    if not rows or (columns and _comes_first(columns[0], rows[0], labels(op.out))):
        left, right, rows, columns = right, left, columns, rows
    first = left.moved(verbs, (*batch, *rows, *summed))
    if columns:
        second = right.moved(verbs, (*batch, *summed, *columns))
        return Piece(f"{first.text} @ {second.text}", PRODUCT, REAL, (*batch, *rows, *columns))
    second = right.moved(verbs, (*batch, *summed))
    text = f"({first.text} @ {second.text}[..., None])[..., 0]"
    return Piece(text, ATOM, REAL, (*batch, *rows))


def _comes_first(index: Index, other: Index, order: Sequence[Index]) -> bool:
    return order.index(index) < order.index(other)


def _einsum(verbs: Verbs, op: Contract, left: _Side, right: _Side) -> Piece:
    symbols = _letters((*left.labels, *right.labels))
    sides = ["".join(symbols[i] for i in side) for side in (left.labels, right.labels)]
    text = f"{sides[0]},{sides[1]}->{''.join(symbols[i] for i in labels(op.out))}"
    return Piece(verbs.products(text, left.text, right.text), ATOM, REAL, labels(op.out))


def _letters(labels: Sequence[Index]) -> dict[Index, str]:
    """Return a letter for each label: its own where it has one."""
    found = list(dict.fromkeys(labels))
    symbols: dict[Index, str] = {}
    spare = iter(c for c in "abcdefghijklmnopqrstuvwxyz" if c not in {i.name for i in found})
    for index in found:
        fits = len(index.name) == 1 and index.name.isalpha() and index.name not in symbols.values()
        symbols[index] = index.name if fits else next(spare)
    return symbols
