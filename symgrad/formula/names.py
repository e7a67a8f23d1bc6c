"""How the names of tensors and functions are spelled.

In: names of the equation language. Out: boxes. Nothing here knows what an expression is.
"""

from __future__ import annotations

from typing import Literal

from symgrad.formula.boxes import GREEK, Accent, Box, Leaf, Script, number, symbol

_ACCENTS: dict[str, Literal["bar", "dot"]] = {"_bar": "bar", "_dot": "dot"}
#: Functions with a name of their own in mathematics; the others are upright words.
_FUNCTIONS = {
    **{name: name for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "atan": "arctan",
    "sigmoid": "sigma",
    "maximum": "max",
    "minimum": "min",
}


def name_box(name: str) -> Box:
    """Return the name of a tensor or scalar.

    Cotangents get a bar and tangents a dot. What composition adds before a dot, and a word after an
    underscore, stand above: `fc1.W_bar`, `V_new`.
    """
    for suffix, accent in _ACCENTS.items():
        if name.endswith(suffix):
            prefix, _, last = name.removesuffix(suffix).rpartition(".")
            core, words = _core(last)
            return _with_words(Accent(core, accent), _joined(prefix, words))
    prefix, _, last = name.rpartition(".")
    core, words = _core(last)
    return _with_words(core, _joined(prefix, words))


def _joined(prefix: str, words: str) -> str:
    return ", ".join(part for part in (prefix, words) if part)


def _with_words(core: Box, words: str) -> Box:
    if not words:
        return core
    above = upright(words)
    if isinstance(core, Script):
        return Script(core.base, core.below, above)
    return Script(core, above=above)


def _core(name: str) -> tuple[Box, str]:
    """Return a name without its words, and these."""
    for suffix, accent in _ACCENTS.items():
        if name.endswith(suffix):  # a cotangent of a cotangent
            core, words = _core(name.removesuffix(suffix))
            return Accent(core, accent), words
    first, _, words = name.partition("_")
    letter = _letter(first)
    if letter is None:
        return upright(name), ""
    return letter, words.replace("_", " ")


def _letter(name: str) -> Box | None:
    """Return a Latin or Greek letter, with its number; None for a word."""
    base = name.rstrip("0123456789")
    if len(base) == 1 and base.isalpha():
        box: Box = Leaf(base, "letter")
    elif base in GREEK:
        box = symbol(base)
    else:
        return None
    return box if base == name else Script(box, number(name[len(base) :]))


def upright(name: str) -> Leaf:
    """Return a word as one upright name."""
    return Leaf(name, "word")


def function_box(name: str) -> Box:
    """Return the name of a scalar function."""
    if name == "sign":
        return upright("sgn")
    return symbol(_FUNCTIONS[name]) if name in _FUNCTIONS else upright(name)
