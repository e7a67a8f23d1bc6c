"""Composite indices: several letters that together count through one axis.

In: letters. Out: the position `(g, c)` = `g*size[c] + c`, its parts and its length. Any term of
that form is composite, however it was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.terms import Add, Element, Expr, Index, Mul, Size
from symgrad.ir.text_build import written_product
from symgrad.ir.visit import rebuild

if TYPE_CHECKING:
    from collections.abc import Sequence


def composite(parts: Sequence[Expr], lengths: Sequence[Expr]) -> Expr:
    """Return the position that parts of the given lengths count to, the outermost first.

    A number may stand for the outermost part; 0 stays visible: `(0, c)` is not the letter c.
    """
    terms: list[Expr] = []
    for at, part in enumerate(parts):
        tail = tuple(lengths[at + 1 :])
        if not tail:
            terms.append(part)
        elif isinstance(part, Index):
            terms.append(Mul((part, *tail)))
        else:
            terms.append(written_product((part, *tail)))
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def composite_parts(position: Expr) -> tuple[Index, ...] | None:
    """Return the letters of a composite position, the outermost first; None for another term.

    >>> from symgrad.ir.text import parse_expression
    >>> read = parse_expression("X[n, (g, c)]")
    >>> [i.name for i in composite_parts(read.indices[1])]
    ['g', 'c']
    """
    if not isinstance(position, Add):
        return None
    rest = [_strided(term) for term in position.terms]
    parts: list[Index] = []
    while rest:
        stride = sorted(i.axis for i in parts)
        found = next((s for s in rest if s is not None and s[1] == stride), None)
        if found is None:
            return None
        parts.insert(0, found[0])
        rest.remove(found)
    return tuple(parts)


def _strided(term: Expr) -> tuple[Index, list[str]] | None:
    """Return the letter of `g*size[c]` and the axes that it steps over; None for another term."""
    factors = term.factors if isinstance(term, Mul) else (term,)
    letters = [f for f in factors if isinstance(f, Index)]
    sizes = [f.axis for f in factors if isinstance(f, Size)]
    if len(letters) != 1 or len(letters) + len(sizes) < len(factors):
        return None
    return letters[0], sorted(sizes)


def as_written(position: Expr) -> Expr:
    """Return a composite position as `composite` makes it; other terms as they are."""
    parts = composite_parts(position)
    return position if parts is None else composite(parts, [Size(i.axis) for i in parts])


def recomposed(expr: Expr) -> Expr:
    """Return a term in which every composite position is as `composite` makes it."""
    new = rebuild(expr, recomposed)
    if not isinstance(new, Element):
        return new
    return Element(new.tensor, tuple(map(as_written, new.indices)), new.outside)


def letters_of(position: Expr) -> tuple[Index, ...]:
    """Return the letters of a position on the left-hand side: its own, or those of a composite."""
    if isinstance(position, Index):
        return (position,)
    return composite_parts(position) or ()


def length_of_position(position: Expr) -> Expr:
    """Return the length of the axis that a letter or a composite index counts through."""
    lengths = tuple(Size(i.axis) for i in letters_of(position))
    return lengths[0] if len(lengths) == 1 else Mul(lengths)
