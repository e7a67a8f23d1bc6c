"""Terms, equations and Systems as MathML Core, which browsers show without a script.

In: IR, or boxes. Out: elements as text. What LaTeX leaves to the reader is said: a product has an
invisible times, a call an invisible application, indices an invisible comma.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from symgrad.formula.boxes import (
    SYMBOLS,
    Accent,
    Apply,
    Big,
    Box,
    Cases,
    Fenced,
    Fraction,
    Leaf,
    Root,
    Row,
    Script,
)
from symgrad.formula.latex import is_word
from symgrad.formula.layout import boxed, boxed_sides

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from symgrad.ir.equation import Equation, System
    from symgrad.ir.terms import Expr

_TIMES, _APPLY, _SEPARATE = "\u2062", "\u2061", "\u2063"
_FENCES = {"(": "()", "[": "[]", "|": "||", "size": "||", "floor": "\u230a\u230b"}
#: Letters in a line before a sum goes on in the next one.
_LONG = 64
_SIGNS = (Leaf("+"), Leaf("-"))
_ACCENTS = {"bar": "\u00af", "dot": "\u02d9"}
_BETWEEN = {
    "tight": "",
    "space": "",
    "indices": f"<mo>{_SEPARATE}</mo>",
    "letters": '<mo separator="true">,</mo>',
    "arguments": '<mo separator="true">,</mo>',
}


def mathml(expr: Expr) -> str:
    """Return a term in MathML, in a line of text.

    >>> from symgrad.ir.text import parse_expression
    >>> print(mathml(parse_expression("a + 1")))
    <math><mi>a</mi><mo>+</mo><mn>1</mn></math>
    """
    return math(mathml_box(boxed(expr)))


def mathml_equation(equation: Equation) -> str:
    """Return an equation in MathML, displayed."""
    return mathml_table([boxed_sides(equation)])


def mathml_system(system: System) -> str:
    """Return the equations of a System in MathML, displayed, their signs of equality aligned."""
    return mathml_table([boxed_sides(e) for e in system.equations])


def mathml_table(rows: Iterable[tuple[Box, Box]]) -> str:
    """Return equations in MathML, given by their sides."""
    lines = []
    for left, right in rows:
        sides = f"<mtd>{mathml_box(left)}</mtd><mtd><mo>=</mo></mtd>"
        for line in _lines(right):
            lines.append(f"<mtr>{sides}<mtd>{mathml_box(line)}</mtd></mtr>")
            sides = "<mtd></mtd><mtd></mtd>"
    table = "\n".join(lines)
    return math(f'<mtable displaystyle="true">\n{table}\n</mtable>', block=True)


def math(content: str, *, block: bool = False) -> str:
    """Return the root element around some content."""
    display = ' display="block"' if block else ""
    return f"<math{display}>{content}</math>"


def mathml_box(box: Box) -> str:  # noqa: C901 (one case per box)
    """Return a box in MathML; it may be several elements side by side."""
    match box:
        case Leaf():
            return _leaf(box)
        case Row():
            return _row(box)
        case Script():
            return _script(box)
        case Accent():
            bar = f'<mo stretchy="false">{_ACCENTS[box.accent]}</mo>'
            return f'<mover accent="true">{_one(box.base)}{bar}</mover>'
        case Fraction():
            return f"<mfrac>{_one(box.top)}{_one(box.bottom)}</mfrac>"
        case Root():
            return f"<msqrt>{mathml_box(box.base)}</msqrt>"
        case Fenced():
            return _fenced(box)
        case Apply():
            function, argument = mathml_box(box.function), mathml_box(box.argument)
            return f"<mrow>{function}<mo>{_APPLY}</mo>{argument}</mrow>"
        case Big():
            below = f"<munder>{_one(box.operator)}{_one(box.below)}</munder>"
            return f"<mrow>{below}{mathml_box(box.body)}</mrow>"
        case Cases():
            return _cases(box)


def _one(box: Box) -> str:
    """Return a box as exactly one element."""
    return f"<mrow>{mathml_box(box)}</mrow>" if isinstance(box, Row) else mathml_box(box)


def _leaf(box: Leaf) -> str:
    match box.kind:
        case "symbol":
            _, text, tag = SYMBOLS[box.text]
            return f"<{tag}>{escape(text)}</{tag}>"
        case "number":
            return f"<mn>{escape(box.text)}</mn>"
        case "bold":
            return f'<mn class="bold">{escape(box.text)}</mn>'
        case "text":
            return f"<mtext>{escape(box.text)}</mtext>"
        case "word":
            upright = ' mathvariant="normal"' if len(box.text) == 1 else ""
            return f"<mi{upright}>{escape(box.text)}</mi>"
        case "letter":
            return _primed(box.text)


def _primed(text: str) -> str:
    letter = text.rstrip("'")
    primes = len(text) - len(letter)
    name = f"<mi>{escape(letter)}</mi>"
    if not primes:
        return name
    marks = "\u2032" * primes
    return f'<mrow>{name}<mo lspace="0" rspace="0">{marks}</mo></mrow>'


def _row(box: Row) -> str:
    parts = [_one(p) for p in box.parts]
    if box.join != "product":
        return _BETWEEN[box.join].join(parts)
    return parts[0] + "".join(
        _times(before, part) + text
        for before, part, text in zip(box.parts, box.parts[1:], parts[1:], strict=False)
    )


def _times(before: Box, after: Box) -> str:
    spaced = is_word(before) or is_word(after) or isinstance(after, Apply)
    space = ' lspace="0.17em"' if spaced else ""
    return f"<mo{space}>{_TIMES}</mo>"


def _script(box: Script) -> str:
    base = _one(box.base)
    below = "" if box.below is None else _one(box.below)
    above = "" if box.above is None else _one(box.above)
    tag = ("msub" if below else "m") + ("sup" if above else "")
    return f"<{tag}>{base}{below}{above}</{tag}>" if below or above else base


def _fenced(box: Fenced) -> str:
    opening, closing = _FENCES[box.fence][0], _FENCES[box.fence][1]
    body = mathml_box(box.body)
    if opening == closing:  # a bar has no side of its own
        sides = [f'<mo fence="true" form="{form}">|</mo>' for form in ("prefix", "postfix")]
        return f"<mrow>{sides[0]}{body}{sides[1]}</mrow>"
    return f"<mrow><mo>{opening}</mo>{body}<mo>{closing}</mo></mrow>"


def _cases(box: Cases) -> str:
    rows: Sequence[tuple[str, str]] = (
        (mathml_box(box.then), f"<mtext>if\u00a0</mtext>{mathml_box(box.condition)}"),
        (mathml_box(box.otherwise), "<mtext>otherwise</mtext>"),
    )
    cells = "".join(f"<mtr><mtd>{value}</mtd><mtd>{when}</mtd></mtr>" for value, when in rows)
    return f'<mrow><mo>{{</mo><mtable class="cases">{cells}</mtable></mrow>'


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


def _lines(box: Box) -> list[Row]:
    """Return a long sum as several lines, each but the first led by its sign."""
    whole = [Row((box,), "tight")]
    if not isinstance(box, Row) or box.join != "space" or _width(box) <= _LONG:
        return whole
    if any(p not in _SIGNS for p in box.parts[1::2]):
        return whole
    lines: list[list[Box]] = [[box.parts[0]]]
    for sign, part in zip(box.parts[1::2], box.parts[2::2], strict=True):
        if sum(map(_width, lines[-1])) + _width(part) > _LONG:
            lines.append([])
        lines[-1] += [sign, part]
    return [Row(tuple(line), "space") for line in lines]
