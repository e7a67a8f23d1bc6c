"""Plots of functions of one entry and their derivatives, as SVG that takes its colours from a page.

In: a derivation. Out: an SVG element, or None where a layer does more than map each entry.
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any

from symgrad.codegen.generate import build
from symgrad.ir.terms import BATCH, Reduce, Size
from symgrad.ir.visit import elements, walk

if TYPE_CHECKING:
    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System

_RANGE = 4.0
_POINTS = 1601
#: A derivative that changes by so much between two points has a jump there.
_JUMP = 0.05
#: Colours that matplotlib writes and the page replaces.
_COLOURS = {"#010203": "var(--ink)", "#040506": "var(--line)", "#070809": "var(--value)"}
_COLOURS |= {"#0a0b0c": "var(--slope)"}
_INK, _LINE, _VALUE, _SLOPE = _COLOURS


def is_curve(system: System) -> bool:
    """Return whether a System maps each entry of one input to one entry of its output."""
    shaped = [t for t in system.inputs if t.shape]
    if len(shaped) != 1 or len(system.outputs) != 1 or not shaped[0].is_real:
        return False
    given = all(t.shape or t.default is not None for t in system.inputs)
    entrywise = all(
        all(isinstance(s, Size) and s.axis == BATCH for s in system.tensor(name).shape)
        and len(system.tensor(name).shape) <= 1
        for name in (shaped[0].name, *system.defined)
    )
    reads = [e for q in system.equations for e in elements(q.value)]
    plain = all(not e.indices or e.indices[0] in e.free for e in reads)
    reduces = any(isinstance(n, Reduce) for q in system.equations for n in walk(q.value))
    return given and entrywise and plain and not reduces and bool(shaped[0].shape)


def curve(system: System, derivation: Derivation) -> str | None:
    """Return the plot of a function and its derivative as an SVG element; None if it is no curve.

    Args:
        system: The System.
        derivation: Its derivation, with one batch axis: generated code computes what is drawn.
    """
    if not is_curve(system):
        return None
    import matplotlib as mpl  # noqa: PLC0415 (slow to load)
    import numpy as np  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    code = build(derivation, "numpy")
    x = np.linspace(-_RANGE, _RANGE, _POINTS)
    results = code.forward(x)
    results = results if isinstance(results, tuple) else (results,)
    known = dict(zip(code.forward_results, results, strict=True))
    name = next(t.name for t in derivation.system.inputs if t.shape)
    output = derivation.system.outputs[0]
    known |= {name: x, output + derivation.suffix: np.ones_like(x)}
    assert code.vjp is not None
    slope = code.vjp(*(known[a] for a in code.vjp_arguments if a in known))
    settings: Any = {
        "svg.hashsalt": "symgrad",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "text.color": _INK,
        "axes.edgecolor": _LINE,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "font.size": 11,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        axes.axhline(0, color=_LINE, linewidth=0.8)
        axes.axvline(0, color=_LINE, linewidth=0.8)
        axes.grid(visible=True, color=_LINE, linewidth=0.4)
        axes.plot(x, known[output], color=_VALUE, linewidth=2.2, label=f"{derivation.system.name}")
        broken = np.where(np.abs(np.diff(slope, append=slope[-1])) > _JUMP, np.nan, slope)
        axes.plot(x, broken, color=_SLOPE, linewidth=1.8, linestyle="--", label="its derivative")
        axes.set_xlim(-_RANGE, _RANGE)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="upper left")
        out = StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return _embedded(out.getvalue(), f"{derivation.system.name} and its derivative")


def _embedded(document: str, label: str) -> str:
    """Return the element of an SVG document, its colours and fonts left to the page."""
    svg = document[document.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    for given, wanted in _COLOURS.items():
        svg = svg.replace(given, wanted)
    svg = re.sub(r"\n\s*", "\n", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" class="plot" ', 1)
