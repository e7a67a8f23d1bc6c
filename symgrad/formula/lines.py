"""Where long formulas break: a sum too wide for a line goes on at one of its signs.

In: boxes. Out: the lines of a right-hand side.
"""

from __future__ import annotations

from symgrad.formula.boxes import (
    SYMBOLS,
    Apply,
    Big,
    Box,
    Cases,
    Fenced,
    Fraction,
    Leaf,
    Row,
    Script,
)

#: Letters in a line before a sum goes on in the next one.
LONG = 64
_SIGNS = (Leaf("+"), Leaf("-"))


def _width(box: Box) -> float:
    """Return about how many letters wide a box is."""
    match box:
        case Leaf():
            return 0.5 if box.kind == "symbol" and len(box.text) == 1 else len(_shown(box))
        case Script():
            sides = [0.7 * _width(s) for s in (box.below, box.above) if s is not None]
            return _width(box.base) + max(sides, default=0)
        case Fraction():
            return max(_width(box.top), _width(box.bottom))
        case Row():
            return sum(map(_width, box.parts))
        case Big():
            return 1.5 + _width(box.body)
        case Cases():
            first = _width(box.then) + _width(box.condition)
            return 3 + max(first, _width(box.otherwise) + 6)
        case Apply():
            return _width(box.function) + _width(box.argument)
        case Fenced():
            return 1 + _width(box.body)
        case _:
            return _width(box.base)


def _shown(box: Leaf) -> str:
    return SYMBOLS[box.text][1] if box.kind == "symbol" else box.text


def lines_of(box: Box) -> list[Row]:
    """Return a long sum as several lines, each but the first led by its sign."""
    whole = [Row((box,), "tight")]
    if not isinstance(box, Row) or box.join != "space" or _width(box) <= LONG:
        return whole
    if any(p not in _SIGNS for p in box.parts[1::2]):
        return whole
    lines: list[list[Box]] = [[box.parts[0]]]
    for sign, part in zip(box.parts[1::2], box.parts[2::2], strict=True):
        if sum(map(_width, lines[-1])) + _width(part) > LONG:
            lines.append([])
        lines[-1] += [sign, part]
    return [Row(tuple(line), "space") for line in lines]
