"""The end of every run: complete, interrupted, aborted, stopped by the probe, or on a full disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from analysis.exit_codes import ExitCode
from loadtests.runner.interruption import Aborted, Interruption
from loadtests.runner.probe import ProbeStopped
from loadtests.runner.reporting import say, say_error
from loadtests.runner.run_directory import lost_directory


def run_to_end(
    run: Callable[[Interruption], int],
    console: Console,
    out: Path,
    ends: Callable[[], str],
    when_aborted: Callable[[], str],
) -> int:
    """The exit code of ``run``, or that of an early end; the console, or standard error, shows the reason.

    ``ends`` is called in the signal handler of the first Ctrl-C: what it ends. ``when_aborted`` is called
    after the second, and reports what is left in ``out``.
    """
    began_s = time.monotonic()

    def acknowledge(ended: str) -> None:
        say(console, f"ending {ended}, then writing the report; Ctrl-C again aborts")

    try:
        with Interruption(acknowledge, ends) as interruption:
            code = run(interruption)
    except Aborted:
        say(console, f"aborted; {when_aborted()}")
        return ExitCode.INTERRUPTED
    except ProbeStopped as stopped:
        if not out.exists():
            say_error(f"the run directory {out} was removed: it had no records")
        say_error(f"STOPPED after {time.monotonic() - began_s:.0f} s. {stopped}")
        return ExitCode.USAGE
    except OSError as error:
        why = lost_directory(out, error)
        if why is None:
            raise
        say_error(f"{why}. The result of this run is not valid: make room, or use another disk (--out)")
        return ExitCode.INVALID
    say(console, f"{time.monotonic() - began_s:.0f} s in all")
    return code
