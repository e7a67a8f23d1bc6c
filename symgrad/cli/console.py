"""What the commands share: printing results and errors, and reading what a user names."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from symgrad.errors import OptionError, SymgradError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.table import Table

    from symgrad.ir.equation import System

#: Columns of a table where the output is no terminal.
_WIDTH = 130

Item = TypeVar("Item")

#: The options that several commands have.
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="A static option; repeatable."),
]


class Convention(StrEnum):
    """What a gradient is at kinks and ties."""

    TORCH = "torch"
    JAX = "jax"
    SHARE = "share"


Kinks = Annotated[
    Convention,
    typer.Option("--conventions", help="At kinks and ties: as PyTorch, as JAX, or shared."),
]
What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT",
        help="A layer, as `symgrad layers` lists them; equations; or a file of them.",
    ),
]


def use_one_thread() -> None:
    """Have matrix products run on one thread, unless the user says otherwise; before NumPy loads.

    Batches are small: more threads gain little on an idle machine and wait for each other on a busy
    one, and results do not depend on how many there are.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def say(*lines: str) -> None:
    """Print lines of a result."""
    for line in lines:
        typer.echo(line)


def say_json(value: object) -> None:
    """Print a result as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def progress(work: Sequence[Item], description: str, *, shown: bool) -> Iterable[Item]:
    """Yield what is to be done, with a bar on a terminal that shows how much of it is."""
    from rich.console import Console  # noqa: PLC0415 (quick start)
    from rich.progress import track  # noqa: PLC0415

    terminal = Console(stderr=True)
    return track(
        work,
        description=description,
        console=terminal,
        transient=True,
        disable=not (shown and terminal.is_terminal),
    )


def say_table(table: Table) -> None:
    """Print a table, as wide as the terminal; elsewhere as wide as it needs to be."""
    from rich.console import Console  # noqa: PLC0415 (quick start)

    terminal = Console()
    if not terminal.is_terminal:
        terminal = Console(width=_WIDTH)
    terminal.print(table)


def section(title: str, lines: Iterable[str]) -> None:
    """Print lines under a title, indented; nothing if there are none."""
    rows = list(lines)
    if rows:
        say("", title, *(f"  {row}".rstrip() for row in rows))


#: Packages that only an extra of symgrad brings.
_EXTRAS = {"torch": "torch", "hypothesis": "verify", "matplotlib": "plot", "jinja2": "docs"}


def complain(error: Exception, *, as_json: bool) -> None:
    """Print an error for people on standard error, or as JSON on standard output."""
    known = isinstance(error, SymgradError)
    if as_json:
        unknown = {"code": None, "kind": type(error).__name__, "given": str(error)}
        say_json({"error": error.as_dict() if isinstance(error, SymgradError) else unknown})
    elif isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        extra = _EXTRAS[error.name]
        sys.stderr.write(f"this needs {error.name}: pip install 'symgrad[{extra}]'\n")
    elif isinstance(error, OSError) and error.filename is not None and not known:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
    elif known:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    else:
        text = " ".join(str(error).split()) or "no message"
        sys.stderr.write(
            f"unexpected {type(error).__name__}: {text}\n"
            "  this is a defect of symgrad: run again with --debug and report what it shows\n"
        )


def names(text: str | None) -> tuple[str, ...] | None:
    """Return the names in a list separated by commas or blanks; None stays None.

    >>> names("W, X b")
    ('W', 'X', 'b')
    """
    found = None if text is None else tuple(text.replace(",", " ").split())
    if found == ():
        raise OptionError(
            where="a list of names",
            given=repr(text),
            expected="at least one name",
            fix="write W,X, or leave the option out",
        )
    return found


def option_values(pairs: Sequence[str] | None) -> dict[str, object]:
    """Return `NAME=VALUE` pairs as a mapping; numbers and flags are read as such.

    >>> option_values(["stride=2", "causal=true", "reduction=mean"])
    {'stride': 2, 'causal': True, 'reduction': 'mean'}
    """
    return dict(map(_option, pairs or ()))


def _option(pair: str) -> tuple[str, object]:
    name, equals, value = pair.partition("=")
    if not equals or not name:
        raise OptionError(
            where="--option",
            given=repr(pair),
            expected="NAME=VALUE",
            fix="for example --option reduction=mean",
        )
    flags: dict[str, object] = {"true": True, "false": False}
    text = value.strip()
    if text.lower() in flags:
        return name.strip(), flags[text.lower()]
    return name.strip(), int(text) if text.lstrip("-").isdigit() else text


def own_axes(pairs: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Return `NAME=LETTERS` pairs as a mapping; no letters say that there is no such axis.

    >>> own_axes(["bias=n", "X=m 1", "c="])
    {'bias': ('n',), 'X': ('m', '1'), 'c': ()}
    """
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs or ():
        name, equals, letters = pair.partition("=")
        if not equals or not name:
            raise OptionError(
                where="--own",
                given=repr(pair),
                expected="NAME=LETTERS",
                fix="for example --own bias=n, or --own bias= for no batch axis",
            )
        found[name.strip()] = tuple(letters.replace(",", " ").split())
    return found


def system_of(what: str, pairs: Sequence[str] | None = None) -> System:
    """Return the System that a user names: a layer, equations, or a file that holds equations."""
    options = option_values(pairs)
    written = _written(what)
    if written is not None:
        return _parsed(*written, options)
    from symgrad.layers.registry import get  # noqa: PLC0415 (quick start)

    return get(what).system(**options)


def systems_of(what: str, pairs: Sequence[str] | None = None) -> dict[str, System]:
    """Return the Systems that a user names: a layer for every value of the options left open."""
    options = option_values(pairs)
    written = _written(what)
    if written is not None:
        system = _parsed(*written, options)
        return {system.name: system}
    from symgrad.layers.registry import get  # noqa: PLC0415 (quick start)
    from symgrad.verification.verify import variants  # noqa: PLC0415

    return variants(get(what), options)


def _written(what: str) -> tuple[str, str] | None:
    """Return the equations that a user wrote, and a name for them; None for the name of a layer."""
    if "=" in what:
        return what, "system"
    path = Path(what)
    if path.suffix or len(path.parts) > 1:
        return path.read_text(encoding="utf-8"), path.stem
    return None


def _parsed(text: str, name: str, options: dict[str, object]) -> System:
    from symgrad.ir.text import parse  # noqa: PLC0415 (quick start)

    return parse(text, name=name, options=options)
