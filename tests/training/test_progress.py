"""The progress bar is drawn on terminals, and only when the work takes longer than a second."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from symgrad.training import progress

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Replace the clock by a list whose last entry is the time."""
    times = [0.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: times[-1])
    return times  # type: ignore[return-value]


def drawn(clock: list[float], *, seconds: float, terminal: bool, enabled: bool = True) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100)
    with progress.Progress(4, "training", enabled=enabled, console=console) as bar:
        for step in range(1, 5):
            clock.append(step * seconds / 4)
            bar.advance(loss=0.5)
        assert bar.done == 4
    return stream.getvalue()


def test_long_work_on_a_terminal_shows_steps_and_loss(clock: list[float]) -> None:
    text = drawn(clock, seconds=8.0, terminal=True)
    assert "training" in text
    assert "loss 0.5000" in text
    assert "4/4" in text


def test_nothing_else_draws(clock: list[float]) -> None:
    assert drawn(clock, seconds=0.9, terminal=True) == ""
    clock[:] = [0.0]
    assert drawn(clock, seconds=8.0, terminal=False) == ""
    clock[:] = [0.0]
    assert drawn(clock, seconds=8.0, terminal=True, enabled=False) == ""
