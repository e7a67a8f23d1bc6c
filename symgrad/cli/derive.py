"""`symgrad derive`: equations in, gradient and derivation out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated

import typer

from symgrad.cli import console

if TYPE_CHECKING:
    from symgrad.derivation import Derivation


class Steps(StrEnum):
    """How much of the derivation to show."""

    NONE = "none"
    MAIN = "main"
    ALL = "all"


class Format(StrEnum):
    """The notation of the result."""

    TEXT = "text"
    MARKDOWN = "markdown"


def run(  # noqa: PLR0913 (the options of a command)
    what: console.What,
    *,
    wrt: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Inputs to differentiate, as W,X; else all real ones."),
    ] = None,
    steps: Annotated[Steps, typer.Option(help="The steps of the derivation to show.")] = Steps.MAIN,
    format: Annotated[Format, typer.Option(help="Text, or Markdown with LaTeX.")] = Format.TEXT,  # noqa: A002
    batch: Annotated[
        str | None,
        typer.Option(metavar="LETTERS", help="Write the batch axes `...` as these letters."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it too, as SVG, PNG or PDF.")
    ] = None,
    conventions: console.Kinks = console.Convention.TORCH,
    option: console.Options = None,
    json: console.Json = False,
) -> None:
    """Derive the gradient of a layer or of equations.

    Prints the equations, the gradient in closed form, the steps that led there, what the forward
    pass saves for the backward pass, and the operation counts.
    """
    from symgrad.autodiff.derive import derive  # noqa: PLC0415 (quick start of other commands)
    from symgrad.ir.batch import fix_batch  # noqa: PLC0415

    system = console.system_of(what, option)
    if batch is not None:
        system = fix_batch(system, console.names(batch) or ())
    derivation = derive(system, console.names(wrt), conventions=conventions.value)
    if picture is not None:
        from symgrad.formula.picture import draw_derivation  # noqa: PLC0415

        draw_derivation(derivation, picture, steps.value)
    if json:
        console.say_json(as_data(derivation, steps))
    elif format is Format.MARKDOWN:
        from symgrad.formula.derivation import as_markdown  # noqa: PLC0415

        console.say(as_markdown(derivation, steps.value).rstrip())
    else:
        show(derivation, steps)


def show(derivation: Derivation, steps: Steps) -> None:
    """Print a derivation as text."""
    from symgrad.formula.derivation import shapes, steps_as_text, verdict  # noqa: PLC0415
    from symgrad.formula.plain import matrix_lines  # noqa: PLC0415
    from symgrad.ir.show import show_equation  # noqa: PLC0415

    system = derivation.system
    console.say(system.name)
    console.section("Tensors", [", ".join(shapes(system))])
    console.section("Equations", map(show_equation, system.equations))
    console.section("Gradient", map(show_equation, derivation.gradient))
    matrices, alone = matrix_lines(derivation.gradient_system)
    each = ", for each batch entry" if alone else ""
    console.section(f"In matrix notation{each}", matrices)
    rows = steps_as_text(derivation, steps.value)
    console.section("Steps", [*rows, verdict(derivation)] if rows else [])
    saved_and_operations(derivation)


def saved_and_operations(derivation: Derivation) -> None:
    """Print what the way forward leaves for the way back, and what both cost."""
    from symgrad.formula.derivation import saved_shapes  # noqa: PLC0415

    console.section("Saved for the way back", [", ".join(saved_shapes(derivation)) or "nothing"])
    rows = []
    for direction, counts in operations(derivation).items():
        rows.append(f"{direction}, element by element: {counts['elementwise']}")
        if counts["products"]:
            rows.append(f"{direction}, {counts['products']} matrix product(s): {counts['flops']}")
    console.section("Operations", rows)


def operations(derivation: Derivation) -> dict[str, dict[str, str | int]]:
    """Return the operation counts of both directions, as formulas in axis lengths."""
    from symgrad.ir.show import show  # noqa: PLC0415
    from symgrad.lowering.cost import cost_sheet  # noqa: PLC0415

    counts: dict[str, dict[str, str | int]] = {}
    for name in ("forward", "backward"):
        sheet = cost_sheet(getattr(derivation, name))
        counts[name] = {
            "elementwise": show(sheet.elementwise),
            "reductions": sheet.reductions,
            "products": sheet.contractions,
            "flops": show(sheet.flops),
        }
    return counts


def as_data(derivation: Derivation, steps: Steps) -> dict[str, object]:
    """Return a derivation as plain data."""
    from symgrad.formula.derivation import chosen_steps, saved_shapes, shapes  # noqa: PLC0415
    from symgrad.formula.plain import matrix_lines  # noqa: PLC0415

    system = derivation.system
    return {
        "name": system.name,
        "inputs": shapes(system, tuple(t.name for t in system.inputs)),
        "outputs": shapes(system, system.outputs),
        "equations": [str(e) for e in system.equations],
        "wrt": list(derivation.wrt),
        "gradient": [str(e) for e in derivation.gradient],
        "matrices": matrix_lines(derivation.gradient_system)[0],
        "saved": saved_shapes(derivation),
        "steps": [
            {
                "rule": step.rule,
                "law": step.law,
                "before": None if step.before is None else str(step.before),
                "after": str(step.after),
            }
            for step in chosen_steps(derivation, steps.value)
        ],
        "operations": operations(derivation),
    }
