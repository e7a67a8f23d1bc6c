"""Ctrl-C between steps: an interrupt waits until the step that is going on is over."""

from __future__ import annotations

import signal
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class Interrupts:
    """Remembers the first interrupt in place of raising it; a second one is raised at once.

    Outside of the main thread, where Python delivers no signals, it does nothing.

    Attributes:
        pending: Whether there was one.
    """

    def __init__(self) -> None:
        self.pending = False
        self._before: Any = None
        self._active = current_thread() is main_thread()

    def __enter__(self) -> Self:
        if self._active:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._active:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (of signal)
        if self.pending:
            raise KeyboardInterrupt
        self.pending = True
