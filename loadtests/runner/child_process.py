"""Starts child processes of this program: with its modules, a fixed environment, and an end with their
parent.

A child gets the user's variables for programs, libraries, home and certificates. Settings of other tools
(Locust, matplotlib, proxies, Python) are not passed on, since they would change what is measured or drawn.
"""

from __future__ import annotations

import os
import signal
import site
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from smsbench import own_modules

_PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TMP", "TEMP", "TZ", "XDG_CACHE_HOME"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),  # certificates for https targets
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),  # numpy may need it to start
    # The paths of Python's library and of its compiled files.
    *("PYTHONHOME", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
    "COVERAGE_PROCESS_CONFIG",  # set by the coverage tool alone (`make coverage`)
)


class Child(Struct, frozen=True):
    """A running child. It ends when ``lifeline``, the other end of a pipe that it watches, is closed."""

    process: subprocess.Popen[bytes]
    lifeline: IO[bytes]

    def release(self) -> None:
        """Close its resources. Call it when the child has ended."""
        self.lifeline.close()
        if self.process.stdout is not None:
            self.process.stdout.close()
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):  # what the child has not read
                self.process.stdin.close()


def start_child(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdout: int | IO[Any],
    stderr: int | IO[Any],
    stdin: int | IO[Any] = subprocess.DEVNULL,
    cwd: Path | None = None,
) -> Child:
    """Run a module in a session of its own, so that the terminal's Ctrl-C reaches only this process.

    ``environment`` is added to the fixed variables. Secrets go there, since other users can read arguments.
    """
    watched, held = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", own_modules.__file__, module, *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env={**child_environment(), **environment, own_modules.LIFELINE: str(watched)},
            pass_fds=[watched],
            start_new_session=True,
        )
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(watched)
    return Child(process, os.fdopen(held, "wb", buffering=0))


def run_child(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdout: int | IO[Any],
    stderr: int | IO[Any],
    cwd: Path,
) -> int:
    """Run a module to its end and return its exit code. Kill it if this call is interrupted."""
    child = start_child(module, arguments, environment, stdout=stdout, stderr=stderr, cwd=cwd)
    try:
        return child.process.wait()
    finally:
        child.process.kill()
        child.process.wait()
        child.release()


def child_environment() -> dict[str, str]:
    """The variables that every child gets."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own = {
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        own_modules.LATER_PATH: os.pathsep.join(own_modules.later_path()),
    }
    return passed_on | own


def with_home(home: Path) -> dict[str, str]:
    """An environment in which Python finds libraries in the user's home, but no settings."""
    user_base = site.getuserbase()
    return {"HOME": str(home)} | ({"PYTHONUSERBASE": user_base} if user_base else {})


def ending_text(exit_code: int) -> str:
    """``code 3``, or ``signal SIGKILL``."""
    if exit_code >= 0:
        return f"code {exit_code}"
    try:
        return f"signal {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"signal {-exit_code}"
