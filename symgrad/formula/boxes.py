"""Formulas as boxes: what stands beside, above and below what. Two printers spell them.

In: nothing. Out: the box classes and the table of symbols. `symgrad.formula.layout` builds boxes
from terms; `symgrad.formula.latex` and `symgrad.formula.mathml` print them, so that both notations
have the same parentheses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What is between the parts of a row: nothing, a space, an invisible product, commas.
Join = Literal["tight", "space", "product", "indices", "letters", "arguments"]


@dataclass(frozen=True)
class Leaf:
    """A name, a number or a symbol.

    Attributes:
        text: What it says; for a symbol, its key in `SYMBOLS`.
        kind: A `letter` is slanted and a `word` upright; `bold` is an upright number; `text` is
            running text.
    """

    text: str
    kind: Literal["letter", "word", "number", "bold", "symbol", "text"] = "symbol"


@dataclass(frozen=True)
class Row:
    """Boxes side by side."""

    parts: tuple[Box, ...]
    join: Join


@dataclass(frozen=True)
class Script:
    """A base with something below or above to its right."""

    base: Box
    below: Box | None = None
    above: Box | None = None


@dataclass(frozen=True)
class Accent:
    """A base under a bar or a dot."""

    base: Box
    accent: Literal["bar", "dot"]


@dataclass(frozen=True)
class Fraction:
    """One box over another."""

    top: Box
    bottom: Box


@dataclass(frozen=True)
class Root:
    """A square root."""

    base: Box


@dataclass(frozen=True)
class Fenced:
    """A box between brackets: `(`, `[`, `|`, `floor`, or the bars of a length."""

    body: Box
    fence: Literal["(", "[", "|", "floor", "size"] = "("


@dataclass(frozen=True)
class Apply:
    """A function and its argument, which brings its own brackets."""

    function: Box
    argument: Box


@dataclass(frozen=True)
class Big:
    """A reduction: an operator with its range below, and what it reduces."""

    operator: Box
    below: Box
    body: Box


@dataclass(frozen=True)
class Cases:
    """A value by cases: what holds where a condition does, and what otherwise."""

    then: Box
    condition: Box
    otherwise: Box


Box = Leaf | Row | Script | Accent | Fraction | Root | Fenced | Apply | Big | Cases

_FUNCTIONS = "exp log sin cos tan arctan sinh cosh tanh max min"
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma"
    " tau phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
_LETTERS = (
    "\u03b1\u03b2\u03b3\u03b4\u03f5\u03b6\u03b7\u03b8\u03ba\u03bb\u03bc\u03bd\u03be\u03c0\u03c1\u03c3\u03c4\u03d5\u03c7\u03c8\u03c9"
    "\u0393\u0394\u0398\u039b\u039e\u03a0\u03a3\u03a6\u03a8\u03a9"
)

#: Key: LaTeX, the character or word itself, and the MathML element: an operator or an identifier.
SYMBOLS: dict[str, tuple[str, str, Literal["mo", "mi"]]] = {
    "=": ("=", "=", "mo"),
    "&=": ("&=", "=", "mo"),
    "+": ("+", "+", "mo"),
    "-": ("-", "\u2212", "mo"),
    "<": ("<", "<", "mo"),
    ">": (">", ">", "mo"),
    "<=": (r"\leq", "\u2264", "mo"),
    ">=": (r"\geq", "\u2265", "mo"),
    "==": ("=", "=", "mo"),
    "!=": (r"\neq", "\u2260", "mo"),
    "mod": (r"\bmod", "mod", "mo"),
    ":": (":", ":", "mo"),
    "and": (r"\wedge", "\u2227", "mo"),
    "or": (r"\vee", "\u2228", "mo"),
    "not": (r"\neg", "\u00ac", "mo"),
    "times": (r"\cdot", "\u22c5", "mo"),
    "entrywise": (r"\odot", "\u2299", "mo"),
    "divided": (r"\oslash", "\u2298", "mo"),
    "top": (r"\top", "\u22a4", "mo"),
    "sum": (r"\sum", "\u2211", "mo"),
    "prod": (r"\prod", "\u220f", "mo"),
    "any": (r"\bigvee", "\u22c1", "mo"),
    "all": (r"\bigwedge", "\u22c0", "mo"),
    "...": (r"\ldots", "\u2026", "mi"),
    "inf": (r"\infty", "\u221e", "mi"),
    "eps": (r"\varepsilon", "\u03b5", "mi"),
    **{name: (f"\\{name}", name, "mi") for name in _FUNCTIONS.split()},
    **{
        name: (f"\\{name}", letter, "mi")
        for name, letter in zip(_GREEK.split(), _LETTERS, strict=True)
    },
}
#: Names of letters that are written as such.
GREEK = frozenset({*_GREEK.split(), "eps"})


def symbol(key: str) -> Leaf:
    """Return a symbol of the table."""
    assert key in SYMBOLS, f"no symbol {key!r}"
    return Leaf(key)


def number(text: str | int) -> Leaf:
    """Return a number, as it is written."""
    return Leaf(str(text), "number")


def negative(box: Box) -> Row:
    """Return a box with a minus before it."""
    return Row((symbol("-"), box), "tight")


def beside(parts: list[Box], join: Join) -> Box:
    """Return boxes side by side; a single one is itself."""
    return parts[0] if len(parts) == 1 else Row(tuple(parts), join)


#: The vector of ones.
ONES = Leaf("1", "bold")
