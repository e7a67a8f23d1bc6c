"""Boxes as plain text, for a terminal: `W_bar = Y_bar^T X`.

In: boxes. Out: one line. Fractions and exponents are spelled with parentheses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symgrad.formula.boxes import (
    SYMBOLS,
    Accent,
    Apply,
    Big,
    Cases,
    Fenced,
    Fraction,
    Leaf,
    Root,
    Row,
    Script,
)  # fmt: skip
from symgrad.formula.matrix import matrix_system

if TYPE_CHECKING:
    from symgrad.formula.boxes import Box
    from symgrad.ir.equation import System

_JOINS = {
    "tight": "", "space": " ", "product": " ", "indices": "", "letters": ", ", "arguments": ", ",
}  # fmt: skip
_FENCES = {"(": "()", "[": "[]", "|": "||", "floor": ("floor(", ")"), "size": ("size[", "]")}
#: What a keyboard has for a symbol.
_KEYS = {"-": "-", "top": "T"}


def plain_box(box: Box) -> str:  # noqa: C901 (one case per box)
    """Return a box as text."""
    match box:
        case Leaf():
            plain = _KEYS.get(box.text) or SYMBOLS.get(box.text, ("", box.text))[1]
            return plain if box.kind == "symbol" else box.text
        case Row():
            return _JOINS[box.join].join(map(plain_box, box.parts))
        case Script():
            below = "" if box.below is None else f"_{_closed(box.below)}"
            above = "" if box.above is None else f"^{_closed(box.above)}"
            return _closed(box.base) + below + above
        case Accent():
            return f"{plain_box(box.base)}_{box.accent}"
        case Fraction():
            return f"{_closed(box.top)}/{_closed(box.bottom)}"
        case Root():
            return f"sqrt({plain_box(box.base)})"
        case Fenced():
            opening, closing = _FENCES[box.fence]
            return opening + plain_box(box.body) + closing
        case Apply():
            return plain_box(box.function) + plain_box(box.argument)
        case Big():
            return f"{plain_box(box.operator)}[{plain_box(box.below)}] {plain_box(box.body)}"
        case Cases():
            then, other = plain_box(box.then), plain_box(box.otherwise)
            return f"({then} if {plain_box(box.condition)} else {other})"


def _closed(box: Box) -> str:
    """Return a box as text that nothing beside it can be taken for a part of."""
    text = plain_box(box)
    return f"({text})" if isinstance(box, (Row, Fraction, Big)) and len(text) > 1 else text


def matrix_lines(system: System) -> tuple[list[str], bool]:
    """Return the equations that have a matrix notation, and whether for each batch entry alone.

    >>> from symgrad.autodiff.derive import derive
    >>> from symgrad.ir.text import parse
    >>> linear = parse("Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]")
    >>> for line in matrix_lines(derive(linear).backward)[0]:
    ...     print(line)
    X_bar = Y_bar W
    W_bar = Y_bar^T X
    b_bar = Y_bar^T 1
    """
    sides, alone = matrix_system(system)
    return [" = ".join(map(plain_box, pair)) for pair in sides if pair is not None], alone
