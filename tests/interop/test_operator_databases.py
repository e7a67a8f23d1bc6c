"""A sample of torch's own databases runs in the suite, and docs/torch-operators.md is true of it.

`python -m tests.op_db` runs all of it and writes the page.
"""

from __future__ import annotations

import re
import signal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests import op_db

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.torch

#: The first sample of each is run, in so many tests.
SHARDS = 12
#: Derivations of these take the longest by far.
SLOW = "nn.Transformer"


@cache
def listed() -> dict[str, str]:
    """Return for each name on the page the heading it stands under."""
    found: dict[str, str] = {}
    heading = ""
    for line in op_db.PAGE.read_text(encoding="utf-8").splitlines():
        heading = line.removeprefix("## ") if line.startswith("## ") else heading
        rows = re.findall(r"^\| `([^`]+)`", line) if line.startswith("|") else []
        for name in rows or (re.findall(r"`([^`]+)`", line) if line.startswith("**") else []):
            assert name not in found, f"{name} is listed twice"
            found[name] = heading
    return found


@cache
def items() -> list[tuple[str, Any, Any]]:
    """Return the name of each operator and module, the entry, and what runs it."""
    operators, modules = op_db.databases()
    found: list[tuple[str, Any, Any]] = [
        (op_db.full_name(op), op, op_db.run_operator) for op in operators
    ]
    return found + [(m.name, m, op_db.run_module) for m in modules]


@pytest.fixture
def _patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a sample take long: coverage is slow."""
    monkeypatch.setattr(op_db, "LIMIT", 120)
    before = signal.signal(signal.SIGALRM, op_db._late)
    yield
    signal.signal(signal.SIGALRM, before)


def test_the_page_lists_every_operator_and_module() -> None:
    assert {*listed()} == {name for name, _, _ in items()}


def test_the_page_counts_what_it_lists() -> None:
    text = op_db.PAGE.read_text("utf-8")
    total = re.search(r"^\| all \| (\d+) \| (\d+) \|", text, re.MULTILINE)
    assert total is not None
    good = [n for n, h in listed().items() if h.startswith(("Passed", "Torch gives nan"))]
    assert [len(good), len(listed())] == [int(n) for n in total.groups()]


def test_nothing_is_listed_as_wrong_and_every_deviation_has_a_reason() -> None:
    assert [n for n, h in listed().items() if h == "Wrong"] == []
    assert {n for n, h in listed().items() if h.startswith("Torch gives nan")} == {
        *op_db.DEVIATIONS
    }


@pytest.mark.usefixtures("_patience")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_sample_of_the_databases_does_what_the_page_says(shard: int) -> None:
    for name, entry, run in items()[shard::SHARDS]:
        if name.startswith(SLOW):
            continue
        row = run(entry, 1)
        assert row.verdicts, f"{name} has no samples"
        assert row.status != "wrong", f"{name}: {row.why}"
        if listed()[name] == "Passed":
            assert row.status == "passed", f"{name}: {row.why}"
