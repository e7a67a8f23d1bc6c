"""How to read the formulas: the signs that all pages share.

In: nothing. Out: rows of a sign, as a formula, and what it means.
"""

from __future__ import annotations

from symgrad.formula.boxes import ONES, Leaf, Script, symbol
from symgrad.formula.boxes import Fenced as _Fenced
from symgrad.formula.names import name_box
from symgrad.handbook.notation import Inline

_X = name_box("X")
_I = Leaf("i", "letter")

#: A sign and its meaning.
SIGNS: tuple[tuple[Inline, str], ...] = (
    (
        Inline(name_box("X_bar")),
        "The cotangent of X: the gradient of a loss by X. It has the shape of X.",
    ),
    (
        Inline(Leaf("n", "letter")),
        "The batch, where layers have one: any number of leading axes, here under one letter.",
    ),
    (Inline(_Fenced(_I, "size")), "The length of the axis i."),
    (
        Inline(_Fenced(Leaf("a < b", "text"), "[")),
        "1 where the condition holds, and 0 elsewhere.",
    ),
    (
        Inline(Script(symbol("delta"), Leaf("ij", "letter"))),
        "1 where i = j, and 0 elsewhere.",
    ),
    (Inline(ONES), "A column of ones, as long as it has to be."),
    (Inline(symbol("entrywise")), "The product, or with a number the power, entry by entry."),
    (Inline(symbol("divided")), "The quotient entry by entry."),
    (
        Inline(Script(_X, above=Leaf("word", "word"))),
        "A name with a word to it, not a power: X_word in code.",
    ),
)
