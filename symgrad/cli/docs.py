"""`symgrad docs`: a page for every layer, as a static site, as Markdown or as LaTeX."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated

import typer

from symgrad.cli import NO, console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from symgrad.handbook.families import Family


class Format(StrEnum):
    """What the pages are written in."""

    HTML = "html"
    MARKDOWN = "markdown"
    LATEX = "latex"


def run(
    layers: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="The layers; else all.")
    ] = None,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write or to check.")
    ],
    format: Annotated[  # noqa: A002
        Format, typer.Option(help="A static site, Markdown, or LaTeX to include.")
    ] = Format.HTML,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if the folder is stale.")
    ] = False,
    json: console.Json = False,
) -> None:
    """Write the handbook: a page for each layer, all of it derived.

    The site needs no server, no network and no script. Older files that symgrad wrote into the
    folder are removed; other files are left alone, and never replaced.
    """
    from symgrad.handbook.families import chosen  # noqa: PLC0415 (quick start)
    from symgrad.handbook.folder import differences, fill  # noqa: PLC0415

    families = chosen(layers)
    if check:
        stale = differences(output, dict(_files(families, format, talk=not json)))
        if json:
            console.say_json({"folder": str(output), "stale": stale})
        else:
            console.say(*stale, f"{output} is {'stale' if stale else 'current'}")
        if stale:
            raise typer.Exit(NO)
        return
    written, removed = fill(output, _files(families, format, talk=not json))
    if json:
        console.say_json({"folder": str(output), "written": written, "removed": removed})
    else:
        gone = f", {len(removed)} removed" if removed else ""
        console.say(f"wrote {len(written)} files to {output}{gone}")


def _files(families: list[Family], format: Format, *, talk: bool) -> Iterator[tuple[str, str]]:  # noqa: A002
    """Yield the path and the text of each file, with a progress bar."""
    from rich.console import Console  # noqa: PLC0415 (quick start)
    from rich.progress import track  # noqa: PLC0415

    from symgrad.handbook.render import files  # noqa: PLC0415

    terminal = Console(stderr=True)
    yield from track(
        files(families, format.value),
        description="writing",
        total=sum(len(f.layers) for f in families),
        console=terminal,
        transient=True,
        disable=not (talk and terminal.is_terminal),
    )
