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
from symgrad.formula.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from symgrad.ir.equation import Equation, System
    from symgrad.ir.terms import Expr

_TIMES, _APPLY, _SEPARATE = "\u2062", "\u2061", "\u2063"
_BOLD_ZERO = 0x1D7CE
_FENCES = {"(": "()", "[": "[]", "|": "||", "size": "||", "floor": "\u230a\u230b"}
_ACCENTS = {"bar": "\u203e", "dot": "\u02d9"}
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
        for line in lines_of(right):
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
            bar = f'<mo class="accent" stretchy="false">{_ACCENTS[box.accent]}</mo>'
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
            return f"<mn>{bold_digits(box.text)}</mn>"
        case "text":
            return f"<mtext>{escape(box.text)}</mtext>"
        case "word":
            upright = ' mathvariant="normal"' if len(box.text) == 1 else ""
            return f"<mi{upright}>{escape(box.text)}</mi>"
        case "letter":
            return _primed(box.text)


def bold_digits(text: str) -> str:
    """Return a number in bold digits, which are characters of their own in mathematics."""
    return "".join(chr(_BOLD_ZERO + int(digit)) for digit in text)


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
