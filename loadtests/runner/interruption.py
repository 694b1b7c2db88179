"""Ctrl-C: once ends the run in order, twice aborts it. A closed terminal counts once, however many signals
it sends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Any


class Aborted(BaseException):
    """The user asked twice: stop everything now, without a report."""


class Interruption:
    """Within its ``with`` block SIGINT, SIGTERM and SIGHUP are remembered instead of raised; the second
    SIGINT or SIGTERM aborts. ``acknowledge`` is called at once for each that is remembered, in a thread of
    its own.
    """

    def __init__(self, acknowledge: Callable[[], None] = lambda: None) -> None:
        self._acknowledge = acknowledge
        # A handler may run in the middle of a print, so it must not print itself; this queue it may use.
        self._signals: SimpleQueue[bool] = SimpleQueue()
        self._asked = threading.Event()
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask as the user does, by a program."""
        self._asked.set()

    def pause(self, seconds: float) -> None:
        """Wait, or less where the user interrupts meanwhile."""
        if seconds > 0:
            self._asked.wait(seconds)

    def forget(self) -> None:
        """The interruption has been handled: the next Ctrl-C counts as a first one."""
        self._asked.clear()

    def __enter__(self) -> Interruption:
        threading.Thread(target=self._answer, daemon=True).start()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._signalled)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup makes a process ignore it
            self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._signalled)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._signals.put(False)

    def _answer(self) -> None:
        while self._signals.get():
            self._acknowledge()

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            if number == signal.SIGHUP:  # the kernel and the shell both send one
                return
            raise Aborted
        self._asked.set()
        self._signals.put(True)
