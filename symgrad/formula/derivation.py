"""A derivation for people: the steps that really happened, numbered, as text or as Markdown.

In: a Derivation. Out: texts. Nothing is derived or simplified here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from symgrad.formula.latex import latex_box, latex_equation, latex_equations, latex_system
from symgrad.formula.matrix import matrix_system
from symgrad.ir.show import show_equation, show_shape
from symgrad.rewriting.checked import ROUNDING, worst

if TYPE_CHECKING:
    from symgrad.derivation import Derivation
    from symgrad.ir.equation import System
    from symgrad.rewriting.trace import Step

Level = Literal["none", "main", "all"]
LEVELS: tuple[Level, ...] = get_args(Level)


def chosen_steps(derivation: Derivation, level: Level) -> tuple[Step, ...]:
    """Return the steps to show: none, those a reader follows, or all of them."""
    if level == "none":
        return ()
    return tuple(s for s in derivation.steps if level == "all" or not s.detail)


def captions(
    steps: tuple[Step, ...], form: str = "{rule}: {law}", again_form: str = "{rule}"
) -> list[str]:
    """Return the rule of each step with its law, which is given once where it repeats."""
    found = []
    for step, before in zip(steps, (None, *steps), strict=False):
        rule = step.rule.replace("_", " ")
        again = before is not None and (before.rule, before.law) == (step.rule, step.law)
        found.append((again_form if again else form).format(rule=rule, law=step.law))
    return found


def steps_as_text(derivation: Derivation, level: Level = "main") -> list[str]:
    """Return the numbered steps: the rule and its law, and the equation that resulted."""
    steps = chosen_steps(derivation, level)
    lines = []
    for number, (step, caption) in enumerate(zip(steps, captions(steps), strict=True), start=1):
        lines.append(f"{number:>3}. {caption}")
        lines.append(f"     {show_equation(step.after)}")
    return lines


def verdict(derivation: Derivation) -> str:
    """Return what a check of all steps at a random point found, as a sentence."""
    off = worst(derivation.cells)
    if off is None:
        return "No point was found at which every step has a value."
    if off > ROUNDING:
        return f"The steps disagree at a random point, by {off:.1e}: this is a defect of symgrad."
    return "Every step holds at a random point, computed with 50 digits."


def shapes(system: System, names: tuple[str, ...] | None = None) -> list[str]:
    """Return `X[n, k]` for each input and defined tensor, or for the ones named."""
    wanted = (*(t.name for t in system.inputs), *system.defined) if names is None else names
    return [f"{name}{show_shape(system.tensor(name))}" for name in wanted]


def saved_shapes(derivation: Derivation) -> list[str]:
    """Return `P[n, k]` for each saved tensor; derivation may have named tensors of its own."""
    systems = (derivation.forward, derivation.system)
    return [
        next(shape for s in systems if s.has(name) for shape in shapes(s, (name,)))
        for name in derivation.saved
    ]


def as_markdown(derivation: Derivation, level: Level = "main") -> str:
    """Return a derivation as a Markdown page with LaTeX: equations, gradient, matrices, steps."""
    system = derivation.system
    parts = [
        f"# {system.name}",
        f"Tensors: {', '.join(f'`{s}`' for s in shapes(system))}.",
        "## Equations",
        _display(latex_system(system)),
        "## Gradient",
        _display(latex_equations(derivation.gradient)),
    ]
    sides, alone = matrix_system(derivation.gradient_system)
    matrices = [" = ".join(map(latex_box, pair)) for pair in sides if pair is not None]
    if matrices:
        each = ", for each batch entry" if alone else ""
        parts += [f"In matrix notation{each}:", *map(_display, matrices)]
    parts.append(
        f"Saved for the way back: {', '.join(f'`{s}`' for s in saved_shapes(derivation))}."
    )
    steps = chosen_steps(derivation, level)
    if steps:
        parts.append("## Steps")
        rows = zip(steps, captions(steps, "**{rule}**, `{law}`", "**{rule}**"), strict=True)
        parts += [
            f"{number}. {caption}:\n\n   {_display(latex_equation(step.after))}"
            for number, (step, caption) in enumerate(rows, start=1)
        ]
        parts.append(verdict(derivation))
    return "\n\n".join(parts) + "\n"


def _display(latex: str) -> str:
    return f"$${latex}$$"
