"""The table of commands."""

from __future__ import annotations

from typing import Annotated

import typer

import symgrad
from symgrad.cli import demo, derive, docs, gen, layers, train, verify

app = typer.Typer(
    name="symgrad",
    help="Equations in, verified gradients out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
for _command in (layers, derive, gen, verify, docs, train, demo):
    app.command(_command.__name__.rpartition(".")[2])(_command.run)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"symgrad {symgrad.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; anywhere on the line.")
    ] = False,
) -> None:
    """Equations in, verified gradients out."""
