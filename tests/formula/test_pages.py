"""Generated pages are current; every error has a code and a docstring of its own.

The examples of docs/errors.md come from the tables of malformed texts and of misuses at the door
that the language is tested with: the first of each class, and what symgrad answers to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from symgrad.formula.pages import PAGES, error_classes, errors_page
from symgrad.interpreter import evaluate
from symgrad.ir.text import parse
from tests.interpreter.test_door import MISUSES
from tests.ir.test_text_errors import CASES

if TYPE_CHECKING:
    from symgrad.errors import SymgradError

ROOT = Path(__file__).parent.parent.parent


def error_examples() -> str:
    """Return a section with one malformed text for each class that has one, and its answer."""
    sections = [
        "",
        "## Examples",
        "",
        "Each text is one of those that the tests hold the answers to.",
    ]
    shown: set[type[SymgradError]] = set()
    for text, kind, _, _ in CASES.values():
        if kind in shown or (not text.isprintable() and "\n" not in text) or len(text) > 200:
            continue
        shown.add(kind)
        with pytest.raises(kind) as caught:
            parse(text)
        sections += ["", f"### {kind.code}: {kind.__name__}", "", "```text", text, "```", ""]
        sections += ["```text", str(caught.value), "```"]
    return "\n".join(sections) + "\n"


def door_examples() -> str:
    """Return a section with one misuse at the door for each class that has one, and its answer."""
    sections = ["", "## At the door", "", "What a call answers to arrays that do not fit.", ""]
    shown: set[type[SymgradError]] = set()
    for system, arrays, kind in MISUSES:
        if kind in shown:
            continue
        shown.add(kind)
        with pytest.raises(kind) as caught:
            evaluate(system, arrays)
        sections += [f"### {kind.code}: {kind.__name__}", "", "```text", str(system), "```", ""]
        sections += ["```text", str(caught.value), "```", ""]
    return "\n".join(sections[:-1]) + "\n"


def page_text(path: str) -> str:
    return PAGES[path]() + (error_examples() + door_examples() if path == "docs/errors.md" else "")


@pytest.mark.parametrize("path", PAGES)
def test_page_is_current(path: str, request: pytest.FixtureRequest) -> None:
    file = ROOT / path
    text = page_text(path)
    if request.config.getoption("--update-golden"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "run pytest with --update-golden"


def test_most_classes_have_an_example() -> None:
    assert error_examples().count("### SG1") >= 20
    assert door_examples().count("### SG2") >= 6


def test_the_tables_are_as_long_as_promised() -> None:
    assert len(CASES) >= 60
    assert len(MISUSES) >= 25


def test_codes_differ() -> None:
    codes = [kind.code for kind in error_classes()]
    assert len(set(codes)) == len(codes)


def test_every_error_explains_itself() -> None:
    page = errors_page()
    for kind in error_classes():
        assert kind.__doc__, kind
        assert f"`{kind.__name__}`" in page
