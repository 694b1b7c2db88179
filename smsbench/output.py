"""Standard output and standard error that cannot end a run.

The output's encoding may lack characters, and its reader may go away (``| head -1``, a closed terminal, a
full disk behind a redirection). The command continues and keeps its own exit code.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any


class ForgivingFile(io.RawIOBase):
    """Writes to a file descriptor until a write fails; later output is dropped."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lost = False

    def write(self, data: Any) -> int:
        while not self._lost:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:  # another program has made the pipe we share non-blocking
                select.select([], [self._descriptor], [])
            except OSError:
                self._lost = True
        return len(data)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


def replace_output() -> None:
    """Replace both streams of this process. A stream that was closed at the start stays closed."""
    _occupy_standard_descriptors()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            continue
        try:
            descriptor = stream.fileno()
        except (OSError, AttributeError):  # it is captured, for example by a test
            continue
        stream.flush()
        file = io.BufferedWriter(ForgivingFile(descriptor))
        replaced = io.TextIOWrapper(
            file,
            encoding=stream.encoding,
            errors="replace" if name == "stdout" else "backslashreplace",
            line_buffering=stream.line_buffering,
        )
        setattr(sys, name, replaced)


def _occupy_standard_descriptors() -> None:
    """Open closed ones on /dev/null; otherwise the next file would get the number, and our output."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number, which is this one
