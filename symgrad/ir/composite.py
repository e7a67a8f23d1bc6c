"""Composite indices: several letters that together count through one axis.

In: letters. Out: the position `(g, c)` = `g*size[c] + c`, its parts and its length. Any term of
that form is composite, however it was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.ir.terms import Add, Expr, Index, Mul, Size
from symgrad.ir.text_build import written_product

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
    parts: list[Index] = []
    for term in position.terms:
        first = term.factors[0] if isinstance(term, Mul) else term
        if not isinstance(first, Index):
            return None
        parts.append(first)
    expected = composite(parts, [Size(i.axis) for i in parts])
    return tuple(parts) if position is expected else None


def letters_of(position: Expr) -> tuple[Index, ...]:
    """Return the letters of a position on the left-hand side: its own, or those of a composite."""
    if isinstance(position, Index):
        return (position,)
    return composite_parts(position) or ()


def length_of_position(position: Expr) -> Expr:
    """Return the length of the axis that a letter or a composite index counts through."""
    lengths = tuple(Size(i.axis) for i in letters_of(position))
    return lengths[0] if len(lengths) == 1 else Mul(lengths)
