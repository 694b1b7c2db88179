"""Ctrl-C: the first ends the run cleanly, the second aborts it. A closed terminal counts once, whatever the
number of its signals.
"""

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
    """Within its ``with`` block SIGINT, SIGTERM and SIGHUP are recorded and not raised; the second SIGINT or
    SIGTERM aborts. ``acknowledge`` is called at once for each recorded one, in a separate thread, with what
    ``ends`` said at the signal. ``ends`` is called in the signal handler: it only reads.
    """

    def __init__(
        self, acknowledge: Callable[[str], None] = lambda ended: None, ends: Callable[[], str] = lambda: ""
    ) -> None:
        self._acknowledge = acknowledge
        self._ends = ends
        # A signal handler may interrupt a print, so it must not print; it may use this queue.
        self._signals: SimpleQueue[str | None] = SimpleQueue()
        self._asked = threading.Event()
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        """Interrupt by program, as the user does by Ctrl-C."""
        self._asked.set()

    def pause(self, seconds: float) -> None:
        """Wait; an interruption by the user ends the wait."""
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
        self._signals.put(None)

    def _answer(self) -> None:
        while (ended := self._signals.get()) is not None:
            self._acknowledge(ended)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            if number == signal.SIGHUP:  # the kernel and the shell both send one
                return
            raise Aborted
        self._asked.set()
        self._signals.put(self._ends())
