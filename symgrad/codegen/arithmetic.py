"""Sums and products of pieces, with the work done on the smallest arrays.

In: terms and a function that spells one. Out: pieces. Factors and terms with fewer axes are
combined with each other before they meet the larger ones; numbers go to the smallest array of a
product.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Protocol

from symgrad.codegen.pieces import (  # fmt: skip
    ATOM,
    BOOL,
    INTEGER,
    POWER,
    PRODUCT,
    REAL,
    SUM,
    UNARY,
    Piece,
    aligned,
    in_order,
    number,
)
from symgrad.ir.build import split_coefficient
from symgrad.ir.terms import ONE, Const, Element, Expr, Mul, Power, Size
from symgrad.ir.text_affine import is_fixed
from symgrad.ir.visit import arguments

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from symgrad.ir.terms import Index


class Speller(Protocol):
    """What sums and products need of the emitter that calls them."""

    bool_terms: ClassVar[bool]
    order: tuple[Index, ...]
    divides_by_length: bool

    def piece(self, expr: Expr) -> Piece:
        """Return the spelling of a term."""

    def real(self, piece: Piece) -> Piece:
        """Return a piece as numbers of the call's float type."""


Labels = tuple["Index", ...]


def union(pieces: Iterable[Piece], order: Sequence[Index]) -> Labels:
    """Return the labels of several pieces, in order."""
    return in_order(list(dict.fromkeys(i for p in pieces for i in p.labels)), order)


def spell_sum(emit: Speller, terms: Sequence[Expr]) -> Piece:
    """Return the spelling of a sum."""
    rows = [_signed(emit, t) for t in terms]
    if all(p.kind == INTEGER for _, p in rows):
        return _chain(emit, rows, INTEGER)
    groups: dict[Labels, list[tuple[int, Piece]]] = {}
    for sign, piece in rows:
        groups.setdefault(piece.labels, []).append((sign, piece))
    full = union((p for _, p in rows), emit.order)
    merged: list[tuple[int, Piece]] = []
    for labels, group in groups.items():
        if len(group) == 1 or labels == full:
            merged.extend(group)
            continue
        turn = 1 if any(sign > 0 for sign, _ in group) else -1
        merged.append((turn, _chain(emit, [(s * turn, p) for s, p in group], REAL)))
    return _chain(emit, merged, REAL)


def _signed(emit: Speller, term: Expr) -> tuple[int, Piece]:
    coefficient, rest = split_coefficient(term)
    if coefficient < 0:
        positive = Const(-coefficient)
        if rest is ONE:
            return -1, emit.piece(positive)
        factors = arguments(rest, Mul)
        return -1, emit.piece(rest if positive is ONE else Mul((positive, *factors)))
    return 1, emit.piece(term)


def _chain(emit: Speller, rows: Sequence[tuple[int, Piece]], kind: str) -> Piece:
    """Spell signed pieces after each other, a positive one with the most axes first."""
    labels = union((p for _, p in rows), emit.order)

    some_positive = any(s > 0 for s, _ in rows)

    def rank(row: tuple[int, Piece]) -> tuple[bool, bool, bool]:
        sign, piece = row
        return sign < 0 and some_positive, piece.kind == BOOL, piece.scalar and sign < 0

    ordered = sorted(rows, key=rank)
    arrays = [r for r in ordered if r[0] > 0 and not r[1].scalar and r[1].kind != BOOL]
    if arrays and len(arrays) > 1:
        first = max(arrays, key=lambda r: len(r[1].labels))
        ordered = [first, *(r for r in ordered if r is not first)]
    text, scalar, seen_real = "", True, False
    for sign, piece in ordered:
        fit = aligned(_term(emit, piece, kind, seen_real=seen_real), labels)
        scalar = scalar and fit.scalar
        seen_real = seen_real or (fit.kind == REAL and not fit.scalar)
        if text:
            text += f" {'-' if sign < 0 else '+'} {fit.at(PRODUCT)}"
        else:
            text = f"-{fit.at(UNARY)}" if sign < 0 else fit.at(SUM)
    return Piece(text, SUM, kind, labels, scalar)


def _term(emit: Speller, piece: Piece, kind: str, *, seen_real: bool) -> Piece:
    """Return a term as numbers; a target may add truth values to numbers as they are."""
    if kind == INTEGER or (piece.kind == BOOL and seen_real and emit.bool_terms):
        return piece
    return emit.real(piece)


def spell_product(emit: Speller, factors: Sequence[Expr]) -> Piece:
    """Return the spelling of a product."""
    coefficient, top, bottom = _split(factors)
    pieces = [emit.piece(f) for f in top]
    if not bottom and coefficient.denominator == 1 and all(p.kind == INTEGER for p in pieces):
        head = [] if coefficient == 1 else [number(coefficient)]
        return _times([*head, *pieces], union(pieces, emit.order), INTEGER)
    sizes = [f for f in bottom if _is_size(f)]
    below = [emit.real(emit.piece(f)) for f in bottom if f not in sizes]
    above = _as_numbers(emit, pieces)
    return _Quotient(emit, coefficient, above, below, sizes).spell()


def _is_size(expr: Expr) -> bool:
    """Return whether a factor is a length, a root of one, or a formula of lengths."""
    is_length = isinstance(expr, Power) and isinstance(expr.base, Size)
    return is_length or (is_fixed(expr) and not isinstance(expr, Const))


def _split(factors: Sequence[Expr]) -> tuple[Fraction, list[Expr], list[Expr]]:
    """Return the rational coefficient, the factors above and the factors below the line."""
    coefficient, top, bottom = Fraction(1), [], []
    for factor in factors:
        if isinstance(factor, Const):
            coefficient *= factor.value
        elif isinstance(factor, Power) and factor.exponent < 0:
            inverse = factor.base if factor.exponent == -1 else Power(factor.base, -factor.exponent)
            bottom.append(inverse)
        else:
            top.append(factor)
    return coefficient, top, bottom


def _as_numbers(emit: Speller, pieces: Sequence[Piece]) -> list[Piece]:
    """Return factors as numbers; truth values stay as they are behind an array of numbers."""
    has_array = any(p.kind == REAL and not p.scalar and p.labels for p in pieces)
    kept = [p if p.kind == BOOL and has_array else emit.real(p) for p in pieces]
    return sorted(kept, key=lambda p: p.kind == BOOL)


def _times(pieces: Sequence[Piece], labels: Labels, kind: str = REAL) -> Piece:
    """Spell factors after each other."""
    fits = [aligned(p, labels) for p in pieces]
    scalar = all(p.scalar for p in pieces)
    if len(fits) == 1:
        return replace(fits[0], labels=labels, kind=kind)
    head = fits[0].at(PRODUCT)
    text = " * ".join([head, *(p.at(UNARY) for p in fits[1:])])
    return Piece(text, PRODUCT, kind, labels, scalar)


class _Quotient:
    """A product with factors above and below a line, spelled from the smallest arrays up."""

    def __init__(
        self,
        emit: Speller,
        coefficient: Fraction,
        above: list[Piece],
        below: list[Piece],
        sizes: Sequence[Expr],
    ) -> None:
        self.emit = emit
        self.sign = -1 if coefficient < 0 else 1
        self.coefficient = abs(coefficient)
        self.above = above
        self.below = below
        self.sizes = sizes
        numbers = {p.labels for p in above if p.kind != BOOL}
        #: The labels of groups of truth values.
        self.truths = {p.labels for p in above} - numbers

    def spell(self) -> Piece:
        """Return the piece."""
        groups = self._groups()
        scalar = groups.pop((), None)
        late: list[Expr] = []
        if scalar is None:
            late = list(self.sizes)
        elif groups or self.emit.order:
            early = [s for s in self.sizes if self._is_never_zero(s)]
            late = [s for s in self.sizes if s not in early] if groups else []
            scalar = self._divided_by_sizes(scalar, self.sizes if not groups else early, guard=True)
        else:
            scalar = self._divided_by_sizes(scalar, self.sizes, guard=False)
        negative = self.sign < 0 and scalar is None  # no library negates truth values
        pieces = sorted(
            groups.values(), key=lambda p: (negative and p.labels in self.truths, len(p.labels))
        )
        if not pieces:
            assert scalar is not None, "a product has a factor"
            return self._divided(self._negated(scalar), union(self.below, self.emit.order))
        first = pieces[0]
        if scalar is not None and first.strength == PRODUCT:  # 2 * (a * b) reads as 2 * a * b
            first = replace(first, text=f"{scalar.at(PRODUCT)} * {first.text}")
        elif scalar is not None:
            first = _times([scalar, first], first.labels)
        first = self._divided_by_sizes(first, late, guard=False)
        first = self._negated(first)
        labels = union([first, *pieces[1:], *self.below], self.emit.order)
        return self._divided(_times([first, *pieces[1:]], labels), labels)

    def _groups(self) -> dict[Labels, Piece]:
        """Return the factors above the line by labels, each divided by those below with its own."""
        groups: dict[Labels, list[Piece]] = {}
        for piece in self.above:
            groups.setdefault(piece.labels, []).append(piece)
        if self.coefficient != 1:
            groups.setdefault((), []).insert(0, number(self.coefficient))
        below = list(self.below)
        found: dict[Labels, Piece] = {}
        for labels, group in groups.items():
            whole = _times(group, labels)
            own = [p for p in below if p.labels == labels]
            if own and len(groups) > 1:
                below = [p for p in below if p not in own]
                whole = _over(whole, _times(own, labels), labels)
            found[labels] = whole
        self.below = below
        if not found:
            found[()] = number(Fraction(1))
        return found

    def _is_never_zero(self, size: Expr) -> bool:
        """Return whether the result is empty where the length is 0: it may be taken as 1 then."""
        base = size.base if isinstance(size, Power) else size
        return isinstance(base, Size) and any(i.axis == base.axis for i in self.emit.order)

    def _divided_by_sizes(self, piece: Piece, sizes: Sequence[Expr], *, guard: bool) -> Piece:
        """Divide by lengths; `guard` keeps a Python division away from zero."""
        for size in sizes:
            text = self.emit.piece(size)
            if guard and self._is_never_zero(size):
                text = Piece(f"max({text.text}, 1)", ATOM, INTEGER, (), scalar=True)
            elif not piece.scalar and not self._is_empty_without(size, piece):
                self.emit.divides_by_length = True
            piece = _over(piece, text, piece.labels)
        return piece

    @staticmethod
    def _is_empty_without(size: Expr, piece: Piece) -> bool:
        base = size.base if isinstance(size, Power) else size
        return isinstance(base, Size) and any(i.axis == base.axis for i in piece.labels)

    def _negated(self, piece: Piece) -> Piece:
        if self.sign > 0:
            return piece
        if piece.strength >= PRODUCT:
            return replace(piece, text=f"-{piece.text}", strength=min(piece.strength, UNARY))
        return replace(piece, text=f"-({piece.text})", strength=UNARY)

    def _divided(self, piece: Piece, labels: Labels) -> Piece:
        if not self.below:
            return piece
        return _over(piece, _times(self.below, union(self.below, self.emit.order)), labels)


def _over(top: Piece, bottom: Piece, labels: Labels) -> Piece:
    up, down = aligned(top, labels), aligned(bottom, labels)
    scalar = top.scalar and bottom.scalar
    return Piece(f"{up.at(PRODUCT)} / {down.at(UNARY)}", PRODUCT, REAL, labels, scalar)


def spell_power(emit: Speller, base: Expr, exponent: Fraction, root: str) -> Piece:
    """Return the spelling of a power with a positive exponent.

    Args:
        emit: The emitter.
        base: What is raised.
        exponent: To what.
        root: The spelling of a square root, with {x} for its argument.
    """
    piece = emit.real(emit.piece(base))
    whole, rest = divmod(exponent, 1)
    if piece.scalar or (not piece.labels and isinstance(base, Element) and rest):
        text = piece.at(ATOM)
        word = text.replace(".", "")  # ruff wants no space beside names and numbers
        star = "**" if word.isidentifier() or word.isdigit() else " ** "
        text = f"{text}{star}{number(exponent).at(ATOM)}"
        return Piece(text, POWER, REAL, (), piece.scalar)
    if (rest and rest != Fraction(1, 2)) or whole > 8:
        simple = isinstance(base, Element)
        star = "**" if simple else " ** "
        text = f"{piece.at(ATOM)}{star}{number(exponent).at(ATOM)}"
        return replace(piece, text=text, strength=POWER)
    factors = [piece] * int(whole)
    if rest:
        factors.append(replace(piece, text=root.format(x=piece.text), strength=ATOM))
    return _times(factors, piece.labels)
