"""The analysis of a run directory in a separate process, and its verdict on the console."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from analysis.exit_codes import ExitCode
from analysis.records import read_result
from loadtests.runner.child_process import ending_text, run_child

_STEP_SUMMARY = "GITHUB_STEP_SUMMARY"  # a file that the analysis appends its summary to
_WARNING = "warning: "  # begins a line of the analysis that the user must see


def say(console: Console, text: str) -> None:
    """Print a line as it is: no markup, no highlighting, no folding."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def say_error(text: str) -> None:
    """Print an error on standard error. A program that reads standard output does not get it."""
    print(text, file=sys.stderr, flush=True)


def report(
    run_dir: Path,
    console: Console,
    objectives: tuple[str, ...] = (),
    allow_undecided: bool = False,
    export: str = "",
    no_charts: bool = False,
) -> int:
    """Analyse a run directory in a separate process, print its verdict, and return its exit code. Errors go
    to standard error.

    ``objectives`` replace the manifest's objectives, if there are any. ``export`` is the format of the file
    with one row for each message; "" for none. ``no_charts``: the report has no charts.

    The verdict is in the result file that the process writes with this call's id. Its exit code alone is not
    a verdict: a crash has the same codes.
    """
    call = secrets.token_hex(8)
    place = run_dir.resolve()
    judging = [option for objective in objectives for option in ("--slo", objective)]
    judging += ["--allow-undecided"] if allow_undecided else []
    judging += ["--export", export] if export else []
    judging += ["--no-charts"] if no_charts else []
    code, output = analyse(place, call, judging)
    result = read_result(place)
    if result is None or result.call != call:
        # There may be a report of an earlier analysis; its verdict does not count.
        say_error(output or f"the analysis ended with {ending_text(code)} and without a verdict")
        if output and code != ExitCode.USAGE:
            say_error(f"the analysis ended with {ending_text(code)} and without a verdict")
        if result is not None:
            say_error(f"{run_dir / 'report'} was written by an earlier analysis")
        return ExitCode.USAGE if code == ExitCode.USAGE else ExitCode.CRASHED
    for line in output.splitlines():
        if line.startswith(_WARNING):
            say_error(line)
    shown = verdict((place / "report" / "summary.md").read_text(encoding="utf-8"))
    if console.is_terminal:
        console.print(Markdown(shown))
    else:
        say(console, shown)
    say(console, f"report: {run_dir / 'report' / 'index.html'}")
    return result.exit_code


def analyse(run_dir: Path, call: str, judging: list[str]) -> tuple[int, str]:
    """The exit code and the output of the analysis."""
    with tempfile.TemporaryFile() as output:
        # matplotlib reads a matplotlibrc of its working directory.
        code = run_child(
            "analysis",
            [str(run_dir), "--call", call, *judging],
            _step_summary(),
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=run_dir,
        )
        output.seek(0)
        return code, output.read().decode("utf-8", "replace").strip()


def _step_summary() -> dict[str, str]:
    """The variable for the analysis, which has another working directory."""
    place = os.environ.get(_STEP_SUMMARY, "")
    return {_STEP_SUMMARY: str(Path(place).absolute())} if place else {}


def verdict(summary: str) -> str:
    """The beginning of the summary, up to its first table."""
    return summary.partition("\n## ")[0].strip()
