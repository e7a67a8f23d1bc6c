"""A progress bar that appears only if the work lasts longer than a second."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from types import TracebackType

_DELAY = 1.0


class Progress:
    """Counts steps, and draws them on standard error when that is a terminal.

    Args:
        total: Number of steps.
        label: What is going on.
        enabled: Whether to draw at all.
        console: Where to draw.
        done: Steps that were done in an earlier run.
    """

    def __init__(
        self,
        total: int,
        label: str,
        *,
        enabled: bool = True,
        console: Console | None = None,
        done: int = 0,
    ) -> None:
        self._total = total
        self._label = label
        self._console = console or Console(stderr=True)
        self._enabled = enabled and self._console.is_terminal
        self._began = perf_counter()
        self._bar: Bar | None = None
        self.done = self._first = done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, loss: float) -> None:
        """Count one step."""
        self.done += 1
        if not self._enabled:
            return
        elapsed = perf_counter() - self._began
        if self._bar is None and elapsed > _DELAY:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total}  {task.fields[state]}"),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.add_task(self._label, total=self._total, state="")
            self._bar.start()
        if self._bar is not None:
            state = f"loss {loss:.4f}  {(self.done - self._first) / elapsed:.0f} steps/s"
            self._bar.update(self._bar.task_ids[0], completed=self.done, state=state)
