"""How to read the formulas and the steps: what all pages share.

In: nothing. Out: rows of a sign, as a formula, and what it means; of a rule, and what it does.
"""

from __future__ import annotations

from symgrad.formula.boxes import ONES, Leaf, Row, Script, symbol
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
        Inline(_Fenced(Row((Leaf("g", "letter"), Leaf("c", "letter")), "letters"))),
        "As an index: two letters that count through one axis, c the faster one.",
    ),
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

#: What each rule of a derivation does.
RULES: dict[str, str] = {
    "chain rule": "The cotangent of a tensor is the sum of what every equation that reads it sends "
    "back: the cotangent of that equation's tensor, times the derivative of its right-hand side.",
    "insert definitions": "Equals are put for equals: a name is replaced by what defines it.",
    "normalise": "The formula is put in its normal form: products are multiplied out, like terms "
    "are collected, factors that a sum does not touch stand before it.",
    "reuse forward value": "A forward equation is solved for something that the gradient would "
    "compute again, so that a value that is at hand takes its place.",
    "factor common": "What all terms share stands before a bracket.",
    "close loop": "Time is put back: what the reads at other steps send back to a state is its "
    "cotangent.",
}
