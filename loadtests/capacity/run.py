"""``smsbench capacity``: the search, its suite's manifest, its report and its exit code."""

from __future__ import annotations

import time

from rich.console import Console

from analysis.exit_codes import ExitCode
from analysis.records import Instant, Manifest, RecordedScenario, write_manifest
from loadtests.capacity.find import NAME, Asked, Found, find_capacity
from loadtests.capacity.result import exit_code, lines
from loadtests.runner import manifest as manifests
from loadtests.runner import scenario_run
from loadtests.runner.interruption import Aborted, Interruption
from loadtests.runner.probe import ProbeStopped
from loadtests.runner.progress import Progress
from loadtests.runner.run_directory import lost_directory
from loadtests.runner.settings import RunSettings

TITLE = "capacity: the highest sustained rate at which every objective is met"


def search_capacity(asked: Asked, settings: RunSettings, console: Console) -> int:
    """Search, report, and return the exit code, one of ``ExitCode``."""
    began_s, started = time.monotonic(), manifests.instant()
    _say(console, TITLE)
    _say(console, f"objectives: {', '.join(settings.objectives)}")
    _say(console, f"seed {settings.seed}; run directory {settings.out}")
    asking = "ending the trial in order, then the report; Ctrl-C again aborts"
    try:
        with Interruption(lambda: _say(console, asking)) as interruption:
            with Progress(console) as progress:
                found = find_capacity(asked, settings, progress, interruption)
            write_manifest(settings.out, _suite(found, settings, started, interruption.asked))
            _say(console, "report ...")
            scenario_run.report(settings.out, console)
    except Aborted:
        _say(console, f"aborted; the trials made so far are below {settings.out / 'trials'}")
        return ExitCode.INTERRUPTED
    except ProbeStopped as stopped:
        _say(console, str(stopped))
        return ExitCode.USAGE
    except OSError as error:
        why = lost_directory(settings.out, error)
        if why is None:
            raise
        _say(console, f"{why}. This search proves nothing: make room, or give --out another disk's directory")
        return ExitCode.INVALID
    for line in lines(found.result, found.unjudged):
        _say(console, line)
    _say(console, f"{len(found.result.trials)} trials, {time.monotonic() - began_s:.0f} s in all")
    return ExitCode.INTERRUPTED if interruption.asked else exit_code(found.result)


def _suite(found: Found, settings: RunSettings, started: Instant, interrupted: bool) -> Manifest:
    """Over the trial at the sustained rate; ``capacity.json`` lists all of them."""
    first = next(iter(found.manifests.values()))
    return Manifest(
        kind="suite",
        scenario=RecordedScenario(name=NAME, title=TITLE, decides=False),
        parts=(found.shown,),
        seeds={"plan": settings.seed},
        profile_name=first.profile_name,
        objectives=settings.objectives,
        target=first.target,
        versions=manifests.versions(),
        machine=manifests.machine(),
        started=started,
        ended=manifests.instant(),
        exit_reason="interrupted" if interrupted else "finished",
        capacity=".",
    )


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
