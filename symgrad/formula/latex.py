"""Terms, equations and Systems as LaTeX, in index notation.

In: IR, or boxes. Out: LaTeX that amsmath typesets (and matplotlib, where no cases occur).
"""

from __future__ import annotations

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
from symgrad.formula.layout import boxed, boxed_sides
from symgrad.formula.names import function_box, name_box

if TYPE_CHECKING:
    from collections.abc import Iterable

    from symgrad.ir.equation import Equation, System
    from symgrad.ir.terms import Expr, Index

_JOINS = {
    "tight": "",
    "space": " ",
    "product": " ",
    "indices": "",
    "letters": ",",
    "arguments": ", ",
}
_FENCES = {
    "(": (r"\left(", r"\right)"),
    "[": (r"\left[", r"\right]"),
    "|": (r"\left|", r"\right|"),
    "size": ("|", "|"),
    "floor": (r"\left\lfloor ", r" \right\rfloor"),
}


def latex(expr: Expr, scope: Iterable[Index] = ()) -> str:
    """Return a term in LaTeX.

    Args:
        expr: The term.
        scope: Indices visible around it, whose letters no binder may use.
    """
    return latex_box(boxed(expr, scope))


def latex_equation(equation: Equation, *, relation: str = "=") -> str:
    r"""Return an equation in LaTeX.

    >>> from symgrad.ir.text import parse
    >>> print(latex_equation(parse("Y[n, o] = sum[i](X[n, i] * W[o, i]) + b[o]").equation("Y")))
    Y_{no} = \sum_{i} X_{ni} W_{oi} + b_{o}
    """
    left, right = boxed_sides(equation)
    return f"{latex_box(left)} {relation} {latex_box(right)}"


def latex_system(system: System) -> str:
    """Return the equations of a System as an `aligned` block."""
    return latex_equations(system.equations)


def latex_equations(equations: Iterable[Equation]) -> str:
    """Return equations as an `aligned` block."""
    return latex_aligned(latex_equation(e, relation="&=") for e in equations)


def latex_aligned(rows: Iterable[str]) -> str:
    """Return rows, each with an `&`, as an `aligned` block."""
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def latex_name(name: str) -> str:
    r"""Return the name of a tensor or scalar in LaTeX.

    >>> print(latex_name("X_bar"), latex_name("fc1.W"), latex_name("gamma"), latex_name("loss"))
    \bar{X} W^{\mathrm{fc1}} \gamma \mathrm{loss}
    """
    return latex_box(name_box(name))


def latex_function(name: str) -> str:
    r"""Return the name of a scalar function in LaTeX.

    >>> print(latex_function("tanh"), latex_function("softplus"))
    \tanh \mathrm{softplus}
    """
    return latex_box(function_box(name))


def latex_box(box: Box) -> str:  # noqa: C901 (one case per box)
    """Return a box in LaTeX."""
    match box:
        case Leaf():
            return _leaf(box)
        case Row():
            return _row(box)
        case Script():
            return _script(box)
        case Accent():
            return f"\\{box.accent}{{{latex_box(box.base)}}}"
        case Fraction():
            return f"\\frac{{{latex_box(box.top)}}}{{{latex_box(box.bottom)}}}"
        case Root():
            return f"\\sqrt{{{latex_box(box.base)}}}"
        case Fenced():
            return _fenced(box)
        case Apply():
            return latex_box(box.function) + latex_box(box.argument)
        case Big():
            space = "" if isinstance(box.body, Fenced) and not _is_series(box) else " "
            below = f"{latex_box(box.operator)}_{{{latex_box(box.below)}}}"
            return below + space + latex_box(box.body)
        case Cases():
            first = f"{latex_box(box.then)} & {latex_box(box.condition)} \\\\ "
            last = f"{latex_box(box.otherwise)} & \\text{{otherwise}}"
            return f"\\begin{{cases}} {first}{last} \\end{{cases}}"


def _is_series(box: Big) -> bool:
    return box.operator in (Leaf("sum"), Leaf("prod"))


def _leaf(box: Leaf) -> str:
    match box.kind:
        case "symbol":
            return SYMBOLS[box.text][0]
        case "word":
            return f"\\mathrm{{{_escaped(box.text)}}}"
        case "bold":
            return f"\\mathbf{{{box.text}}}"
        case "text":
            return f"\\text{{{_escaped(box.text)}}}"
        case "letter" | "number":
            return box.text


def _escaped(text: str) -> str:
    return text.replace("_", r"\_").replace(" ", r"\ ")


def _row(box: Row) -> str:
    texts = [latex_box(p) for p in box.parts]
    if box.join != "product":
        return _JOINS[box.join].join(texts)
    out = texts[0]
    for before, part, text in zip(box.parts, box.parts[1:], texts[1:], strict=False):
        out += (r" \, " if is_word(before) and is_word(part) else " ") + text
    return out


def is_word(box: Box) -> bool:
    """Return whether a box reads as a word, which needs a space beside another."""
    if isinstance(box, (Script, Accent)):
        return is_word(box.base)
    return isinstance(box, Leaf) and box.kind == "word"


def _script(box: Script) -> str:
    base = latex_box(box.base)
    if isinstance(box.base, Script):
        base = f"{{{base}}}"
    below = "" if box.below is None else f"_{{{latex_box(box.below)}}}"
    above = "" if box.above is None else f"^{{{latex_box(box.above)}}}"
    return base + below + above


def _fenced(box: Fenced) -> str:
    opening, closing = _FENCES[box.fence]
    return opening + latex_box(box.body) + closing
