"""``smsbench run``: a scenario's parts one after another, then one report over all of them."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from analysis.exit_codes import ExitCode
from analysis.records import read_result
from loadtests.runner import manifest as manifests
from loadtests.runner.child_process import ending_words, run_child
from loadtests.runner.interruption import Aborted, Interruption
from loadtests.runner.outcomes import why_nothing_was_accepted
from loadtests.runner.probe import ProbeStopped
from loadtests.runner.progress import Progress
from loadtests.runner.run_directory import lost_directory
from loadtests.runner.settings import RunSettings
from loadtests.runner.suite_parts import run_parts
from loadtests.scenarios.scenario import Scenario

_STEP_SUMMARY = ("GITHUB_STEP_SUMMARY",)  # a file that the analysis appends its summary to
_ENDING = "ending the load in order, then the report; Ctrl-C again aborts"


def run_scenario(scenario: Scenario, settings: RunSettings, console: Console) -> int:
    """Run it, report it, and return the exit code, one of ``ExitCode``."""
    began_s = time.monotonic()
    _say(console, f"{scenario.name}: {scenario.title}")
    _say(console, f"seed {settings.seed}; run directory {settings.out}")
    try:
        code = _run_and_report(scenario, settings, console)
    except ProbeStopped as stopped:
        _say(console, f"STOPPED after {time.monotonic() - began_s:.0f} s. {stopped}")
        return ExitCode.USAGE
    except OSError as error:
        why = lost_directory(settings.out, error)
        if why is None:
            raise
        _say(console, f"{why}. This run proves nothing: make room, or give --out a directory on another disk")
        return ExitCode.INVALID
    _say(console, f"{time.monotonic() - began_s:.0f} s in all")
    return code


def _run_and_report(scenario: Scenario, settings: RunSettings, console: Console) -> int:
    started = manifests.instant()
    try:
        with Interruption(lambda: _say(console, _ENDING)) as interruption:
            with Progress(console) as progress:
                done = run_parts(scenario, settings, progress, interruption)
            if not done.places:
                _say(console, "interrupted before any part: there is nothing to report")
                return ExitCode.INTERRUPTED
            if scenario.is_suite:
                manifests.write_suite(
                    *(settings.out, scenario, settings.seed, started, done.places),
                    whole=done.whole,
                    failures=done.failures,
                    capacity=done.capacity,
                )
            _say(console, "report ...")
            code = report(settings.out, console, allow_undecided=settings.allow_undecided)
    except ProbeStopped:
        if not scenario.is_suite and settings.target is not None:
            shutil.rmtree(settings.out)  # it was made for this run, and there is nothing in it
        raise
    except Aborted:
        if scenario.is_suite:
            begun = sorted(path.parent for path in settings.out.glob("parts/*/run.json"))
            places = [str(place.relative_to(settings.out)) for place in begun]
            if places:
                manifests.write_suite(settings.out, scenario, settings.seed, started, places, whole=False)
        _say(console, f"aborted; draw what there is with: smsbench report {settings.out}")
        return ExitCode.INTERRUPTED
    why = why_nothing_was_accepted(settings.out, settings.target)
    if why is not None:
        _say(console, why)
    if code == ExitCode.USAGE:  # the run directory was valid when the run began, and no longer is
        _say(
            console,
            "This run proves nothing: its records could not be analysed, or the report not be written",
        )
        return ExitCode.INVALID
    return code


def report(
    run_dir: Path,
    console: Console,
    objectives: tuple[str, ...] = (),
    allow_undecided: bool = False,
    export: str = "",
) -> int:
    """Analyse a run directory in a process of its own, print its verdict, and return its exit code.

    ``objectives`` replace the manifest's objectives, if there are any. ``export`` is the format of the file
    with one row for each message; "" for none.

    The verdict is what that process wrote into a result file with this call's id. Its exit code alone is
    not a verdict: a crash has the same codes.
    """
    call = secrets.token_hex(8)
    place = run_dir.resolve()
    judging = [option for one in objectives for option in ("--slo", one)]
    judging += ["--allow-undecided"] if allow_undecided else []
    judging += ["--export", export] if export else []
    code, said = _analyse(place, call, judging)
    result = read_result(place)
    if result is None or result.call != call:
        # A report of an earlier analysis may stand there; its verdict is not this one's.
        _say(console, said or f"the analysis ended with {ending_words(code)} and without a verdict")
        if said and code != ExitCode.USAGE:
            _say(console, f"the analysis ended with {ending_words(code)} and without a verdict")
        if result is not None:
            _say(console, f"{run_dir / 'report'} is of an earlier analysis")
        return ExitCode.USAGE if code == ExitCode.USAGE else ExitCode.CRASHED
    shown = verdict((place / "report" / "summary.md").read_text(encoding="utf-8"))
    if console.is_terminal:
        console.print(Markdown(shown))
    else:
        _say(console, shown)
    _say(console, f"report: {run_dir / 'report' / 'index.html'}")
    return result.exit_code


def _analyse(run_dir: Path, call: str, judging: list[str]) -> tuple[int, str]:
    """The exit code and the output of the analysis."""
    with tempfile.TemporaryFile() as said:
        # matplotlib reads a matplotlibrc of the directory it is started in.
        code = run_child(
            "analysis",
            [str(run_dir), "--call", call, *judging],
            {name: os.environ[name] for name in _STEP_SUMMARY if name in os.environ},
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=run_dir,
        )
        said.seek(0)
        return code, said.read().decode("utf-8", "replace").strip()


def verdict(summary: str) -> str:
    """The summary's beginning: what stands before its first table."""
    return summary.partition("\n## ")[0].strip()


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
