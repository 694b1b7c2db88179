"""A key press in the terminal during a wait."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from types import TracebackType
from typing import Any

ENDING = ("q", "Q", "\r", "\n")


class KeyPress:
    """Within its ``with`` block ``pressed`` shows whether q or Enter was pressed. Ctrl-C is not affected.

    Nothing is read without a terminal, or if this process is not in its foreground: a read would stop the
    process.
    """

    def __init__(self) -> None:
        self._fd: int | None = None
        self._before: Any = None

    @property
    def possible(self) -> bool:
        return self._fd is not None

    def pressed(self) -> bool:
        if self._fd is None or not _in_foreground(self._fd):
            return False
        found = False
        while select.select([self._fd], [], [], 0.0)[0]:
            typed = os.read(self._fd, 64).decode(errors="replace")
            if not typed:  # the terminal was closed
                self._fd = None
                break
            found = found or any(key in typed for key in ENDING)
        return found

    def __enter__(self) -> KeyPress:
        try:
            fd = sys.stdin.fileno()
            if os.isatty(fd) and _in_foreground(fd):
                self._before = termios.tcgetattr(fd)
                tty.setcbreak(fd)
                self._fd = fd
        except (OSError, ValueError, AttributeError, termios.error):
            self._fd = None  # no standard input, or it is not a terminal
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None and _in_foreground(self._fd):
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)


def _in_foreground(fd: int) -> bool:
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False
