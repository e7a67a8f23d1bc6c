"""Generated pages are current; every error has a code and a docstring of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from symgrad.formula.pages import PAGES, error_classes, errors_page

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("path", PAGES)
def test_page_is_current(path: str, request: pytest.FixtureRequest) -> None:
    file = ROOT / path
    if request.config.getoption("--update-golden"):
        file.write_text(PAGES[path](), encoding="utf-8")
    assert file.read_text(encoding="utf-8") == PAGES[path](), "run pytest with --update-golden"


def test_codes_differ() -> None:
    codes = [kind.code for kind in error_classes()]
    assert len(set(codes)) == len(codes)


def test_every_error_explains_itself() -> None:
    page = errors_page()
    for kind in error_classes():
        assert kind.__doc__, kind
        assert f"`{kind.__name__}`" in page
