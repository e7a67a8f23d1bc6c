"""A derivation as a picture: equations, gradient and steps, typeset by matplotlib.

In: a Derivation and the path of a PNG, SVG or PDF. Out: the file, the same in every run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from symgrad.formula.derivation import Level, captions, chosen_steps
from symgrad.formula.latex import latex_box, latex_equation
from symgrad.formula.matrix import matrix_system
from symgrad.ir.show import show_equation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from symgrad.derivation import Derivation
    from symgrad.ir.equation import Equation

_GAP = 0.16  # inches between rows
_INDENT = 0.5
_BEFORE_FUNCTION = re.compile(r" (\\(?:exp|log|tanh|cosh|sinh|cos|sin|tan|sigma|mathrm))\b")
_AFTER_SUM = re.compile(r"(\\(?:sum|prod)_\{[^{}]*\})")


def draw_derivation(derivation: Derivation, path: Path, level: Level = "main") -> Path:
    """Draw a derivation; return the path of the picture."""
    import matplotlib as mpl  # noqa: PLC0415 (slow to load)
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({"svg.hashsalt": "symgrad", "mathtext.fontset": "cm"}):
        figure = Figure(figsize=(1, 1), facecolor="white")
        FigureCanvasAgg(figure)
        rows = [
            figure.text(x, 0, text, size=size, va="top", color=color, family=family)
            for x, text, size, color, family in _rows(derivation, level)
        ]
        starts = [row.get_position()[0] for row in rows]
        boxes = [row.get_window_extent() for row in rows]
        ends = [x + box.width / figure.dpi for x, box in zip(starts, boxes, strict=True)]
        width = max(ends) + _INDENT
        height = sum(box.height for box in boxes) / figure.dpi + _GAP * (len(rows) + 1)
        figure.set_size_inches(width, height)
        top = height - _GAP
        for row, x, box in zip(rows, starts, boxes, strict=True):
            row.set_position((x / width, top / height))
            top -= box.height / figure.dpi + _GAP
        date = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=150, metadata=date)
    return path


_Row = tuple[float, str, float, str, str]


def _rows(derivation: Derivation, level: Level) -> Iterator[_Row]:
    """Yield position in inches, text, size, color and font of each row."""
    yield _heading(f"{derivation.system.name}: the equations")
    yield from map(_equation, derivation.system.equations)
    yield _heading("its gradient, derived")
    yield from map(_equation, derivation.gradient)
    sides, alone = matrix_system(derivation.gradient_system)
    matrices = [" = ".join(map(latex_box, pair)) for pair in sides if pair is not None]
    if matrices:
        yield _heading(f"in matrix notation{', for each batch entry' if alone else ''}")
        yield from map(_formula, matrices)
    steps = chosen_steps(derivation, level)
    if steps:
        yield _heading("the steps")
    for number, (step, caption) in enumerate(zip(steps, captions(steps), strict=True), start=1):
        words = f"{number}. {caption}"
        yield _INDENT, words.replace("$", r"\$"), 9, "dimgray", "sans-serif"
        yield _equation(step.after)


def _heading(text: str) -> _Row:
    return _INDENT / 2, text.replace("_", " "), 12, "navy", "sans-serif"


def _equation(equation: Equation) -> _Row:
    text = latex_equation(equation)
    if r"\begin" in text:  # cases are beyond matplotlib
        return _INDENT, show_equation(equation), 10, "black", "monospace"
    return _formula(text)


def _formula(text: str) -> _Row:
    """Return a row of LaTeX, with the space that matplotlib does not put around operators."""
    spaced = _BEFORE_FUNCTION.sub(r" \\,\1", _AFTER_SUM.sub(r"\1 \\,", text))
    return _INDENT, f"${spaced}$".replace(r"\frac", r"\dfrac"), 13, "black", "serif"
