"""The commands on the pages about training print what the pages show.

Numbers may differ by what another machine's rounding makes of them; times are not compared.
`--update-golden` writes what is printed into the pages, and the pictures beside them.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from symgrad.cli import YES, main

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent.parent.parent / "docs"
BLOCK = re.compile(r"```console\n\$ symgrad ([^\n]*)\n(.*?)```", re.DOTALL)
#: What a command draws, and the picture on the page.
PICTURES = {"mlp-mnist5k.png": DOCS / "images" / "optimizers.png"}


def commands() -> Iterator[tuple[str, str]]:
    for page in ("training.md", "optimizers.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        yield from ((page, command) for command, _ in BLOCK.findall(text))


def without_times(text: str) -> str:
    """Return a text with nothing in the columns that hold seconds."""
    lines, place = [], None
    for line in text.splitlines():
        place = place if line else None  # a table ends at an empty line
        if (found := re.search(r" *seconds", line)) is not None:
            place = found.span()
        elif place is not None and len(line) >= place[1]:
            line = line[: place[0]] + line[place[1] :]  # noqa: PLW2901 (the same line, cut)
        lines.append(line)
    return "\n".join(lines)


def assert_alike(found: str, expected: str) -> None:
    """Check that two texts differ in numbers alone, and in these by what rounding may do.

    That is one percent of an accuracy, a tenth of a loss, and more of one that is almost 0.
    """
    number = re.compile(r"(?<![\w.])-?\d+\.\d+(?![\w.])")
    texts = [re.sub(r"\b\de-1\d\b", "tiny", without_times(t)) for t in (found, expected)]
    assert number.sub("0", texts[0]).split() == number.sub("0", texts[1]).split()
    for a, b in zip(*(map(float, number.findall(t)) for t in texts), strict=True):
        assert a == pytest.approx(b, rel=0.01 if b >= 1 else 0.1 if b > 0.01 else 0.9), (a, b)


@pytest.mark.parametrize(("page", "command"), list(commands()))
def test_a_command_prints_what_its_page_shows(
    page: str,
    command: str,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)) == YES
    printed = capsys.readouterr().out
    path = DOCS / page
    text = path.read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        head = f"```console\n$ symgrad {command}\n"
        before, _, after = text.partition(head)
        text = before + head + printed + after[after.index("```") :]
        path.write_text(text, encoding="utf-8")
        for file in PICTURES.keys() & {p.name for p in tmp_path.iterdir()}:
            PICTURES[file].write_bytes((tmp_path / file).read_bytes())
    shown = dict(BLOCK.findall(text))[command]
    assert_alike(printed, shown)


def test_texts_that_differ_are_told_apart() -> None:
    page = "epoch  loss  seconds\n    1  0.50      1.2\n\ntest accuracy: 95.2 %"
    assert_alike(page.replace("1.2", "9.9").replace("95.2", "95.3"), page)
    for old, new in (("0.50", "0.60"), ("95.2", "94.2"), ("    1", "    2"), ("epoch", "step ")):
        with pytest.raises(AssertionError):
            assert_alike(page.replace(old, new), page)
