"""Ctrl-C: once ends the run in order, twice aborts it."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Aborted(BaseException):
    """The user asked twice: stop everything now, without a report."""


class Interruption:
    """Within its ``with`` block SIGINT and SIGTERM are remembered instead of raised; the second one
    aborts.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, or less where the user interrupts meanwhile."""
        if seconds > 0:
            self._asked.wait(seconds)

    def forget(self) -> None:
        """What was asked has been done: the next Ctrl-C is a first one again."""
        self._asked.clear()

    def __enter__(self) -> Interruption:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._signalled)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise Aborted
        self._asked.set()
