"""The commands that tests start as processes, and what a process is set to before its command starts.

``preexec_fn`` of ``subprocess`` would apply such settings too. It runs Python between fork and exec, which
can lock up if the parent has threads: Python 3.12 warns about it. Here a second interpreter applies them.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

# ``smsbench`` with these arguments.
StartSmsbench = Callable[..., subprocess.Popen[str]]


class StartLocust(Protocol):
    def __call__(self, *arguments: str, most_bytes: int | None = None) -> subprocess.Popen[str]:
        """Locust with these arguments. ``most_bytes`` limits each of its files, as a full disk does."""


# A limit also holds for the file in which the process would save its branch coverage: that is not measured.
_LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
os.execv(sys.argv[2], sys.argv[2:])
"""
_SIGNALLED = """
import os, signal, sys
for number in sys.argv[2].split(","):
    signal.signal(int(number), signal.Handlers[sys.argv[1]])
os.execv(sys.argv[3], sys.argv[3:])
"""


def with_small_files(most_bytes: int, command: Sequence[str]) -> list[str]:
    """The command with a limit for the size of each file. A write beyond it fails, as on a full disk."""
    return [sys.executable, "-c", _LIMITED, str(most_bytes), *command]


def with_signals(
    handler: signal.Handlers, numbers: Sequence[signal.Signals], command: Sequence[str]
) -> list[str]:
    """The command with these signals ignored or at their default, whatever this process does with them."""
    return [
        sys.executable,
        "-c",
        _SIGNALLED,
        handler.name,
        ",".join(str(int(each)) for each in numbers),
        *command,
    ]
