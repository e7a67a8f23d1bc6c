"""Entries to files: a static site, Markdown or LaTeX, by templates.

In: families of layers and a format. Out: the text of each file, by its path in the folder. Nothing
is written here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers.python import PythonLexer

from symgrad import __version__
from symgrad.codegen.generate import GENERATED_BY
from symgrad.handbook.entry import Entry, entry_of
from symgrad.handbook.reading import RULES, SIGNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from symgrad.handbook.families import Family

Format = Literal["html", "markdown", "latex"]
FORMATS: tuple[Format, ...] = get_args(Format)
_ENDINGS: dict[Format, str] = {"html": "html", "markdown": "md", "latex": "tex"}
_NOTE = f"{GENERATED_BY} {__version__}: write it again instead of editing it."
_SPECIAL = re.compile(r"[\\{}$&#^_%~]")
_SPELLED = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}


@dataclass(frozen=True)
class Chapter:
    """A family with the entries of its layers."""

    family: Family
    entries: tuple[Entry, ...]


def files(chapters: Iterable[Family], format: Format = "html") -> Iterator[tuple[str, str]]:  # noqa: A002
    """Yield the path and the text of each file: a page for each layer, then what leads to them."""
    ending = _ENDINGS[format]
    environment = _environment()
    page = environment.get_template(f"page.{ending}.j2")
    shared = {"note": _NOTE, "version": __version__, "signs": SIGNS, "rules": RULES}
    done = []
    for family in chapters:
        entries = []
        for layer in family.layers:
            entry = entry_of(layer, family.title, plots=format == "html")
            entries.append(entry)
            family_names = [other.name for other in family.layers]
            text = page.render(entry=entry, siblings=family_names, **shared)
            yield f"{entry.name}.{ending}", text
        done.append(Chapter(family, tuple(entries)))
    index = environment.get_template(f"index.{ending}.j2")
    yield f"index.{ending}", index.render(chapters=done, **shared)
    if format == "html":
        yield "style.css", environment.get_template("style.css.j2").render(**shared)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("symgrad.handbook"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["python"] = _highlighted
    environment.filters["tex"] = tex_text
    environment.filters["cell"] = lambda text: text.replace("|", r"\vert{}")
    environment.filters["lines"] = lambda text: len(text.splitlines())
    return environment


def _highlighted(source: str) -> Markup:
    """Return Python code as HTML, each token in a class."""
    return Markup(highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)))


def tex_text(text: str) -> str:
    r"""Return running text for LaTeX.

    >>> print(tex_text("layer_norm: 5 %"))
    layer\_norm: 5 \%
    """
    return _SPECIAL.sub(lambda m: _SPELLED.get(m[0], f"\\{m[0]}"), text)
