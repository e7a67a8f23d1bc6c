"""`symgrad gen`: a standalone Python module with the forward and backward functions of a layer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import Annotated

import typer

from symgrad.cli import console


class Target(StrEnum):
    """What the generated code runs on."""

    NUMPY = "numpy"
    TORCH = "torch"


def run(  # noqa: PLR0913 (the options of a command)
    what: console.What,
    *,
    target: Annotated[Target, typer.Option(help="What the code runs on.")] = Target.NUMPY,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; else print the code.")
    ] = None,
    wrt: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Inputs to differentiate, as W,X; else all real ones."),
    ] = None,
    batch: Annotated[
        str, typer.Option(metavar="LETTERS", help="The batch axes, which equations write as `...`.")
    ] = "n",
    own: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=LETTERS", help="What an input has of them; repeatable."),
    ] = None,
    conventions: console.Kinks = console.Convention.TORCH,
    option: console.Options = None,
    json: console.Json = False,
) -> None:
    """Write the code of a layer, for NumPy or torch.

    The module stands alone: it imports NumPy or torch, and nothing of symgrad. A file that symgrad
    did not write is never replaced.
    """
    from symgrad.autodiff.derive import derive  # noqa: PLC0415 (quick start)
    from symgrad.codegen.files import write  # noqa: PLC0415
    from symgrad.codegen.generate import generate  # noqa: PLC0415

    derivation = derive(
        console.system_of(what, option), console.names(wrt), conventions=conventions.value
    )
    source = generate(derivation, target.value, console.names(batch) or (), console.own_axes(own))
    if output is not None:
        write(output, source)
    if json:
        where = {"source": source} if output is None else {"file": str(output)}
        console.say_json({"name": derivation.system.name, "target": target.value, **where})
    elif output is None:
        console.say(source.rstrip())
    else:
        console.say(f"wrote {output}")
