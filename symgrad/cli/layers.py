"""`symgrad layers`: what there is."""

from __future__ import annotations

from textwrap import dedent
from typing import Annotated

import typer

from symgrad.cli import console


def run(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The one to show.")] = None,
    json: console.Json = False,
) -> None:
    """List the layers, losses and optimizers; or show one."""
    from symgrad import layers  # noqa: F401, PLC0415 (fills the table)
    from symgrad.layers.registry import LAYERS, get  # noqa: PLC0415

    chosen = sorted(LAYERS.values(), key=lambda entry: entry.name) if name is None else [get(name)]
    if json:
        fields = ("name", "text", "params", "source")
        console.say_json([{f: getattr(entry, f) for f in fields} for entry in chosen])
    elif name is None:
        width = max(len(entry.name) for entry in chosen)
        console.say(*(f"{entry.name:<{width}}  {entry.source}" for entry in chosen))
    else:
        entry = chosen[0]
        console.say(entry.name)
        console.section("Equations", dedent(entry.text).strip().splitlines())
        console.section("Parameters", entry.params)
        console.section("Source", [entry.source] if entry.source else [])
