"""`symgrad verify`: the generated code of a layer against every oracle."""

from __future__ import annotations

from typing import Annotated

import typer

from symgrad.cli import NO, console
from symgrad.cli.gen import Target


def run(  # noqa: PLR0913 (the options of a command)
    what: console.What,
    *,
    target: Annotated[Target, typer.Option(help="What the code runs on.")] = Target.NUMPY,
    examples: Annotated[int, typer.Option(min=1, help="Random instances for each check.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the random instances.")] = 0,
    option: console.Options = None,
    json: console.Json = False,
) -> None:
    """Test the generated code of a layer, and print which checks it passes."""
    raise typer.Exit(NO)
