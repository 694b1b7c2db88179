"""``smsbench run``: a scenario's parts one after another, then one report over all of them."""

from __future__ import annotations

import shutil

from rich.console import Console

from analysis.exit_codes import ExitCode
from loadtests.runner import manifest as manifests
from loadtests.runner.diagnosis import why_nothing_was_accepted
from loadtests.runner.ending import run_to_end
from loadtests.runner.interruption import Interruption
from loadtests.runner.probe import ProbeStopped
from loadtests.runner.progress import Progress
from loadtests.runner.reporting import report, say, say_error
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Scenario
from loadtests.suites.suite_parts import PartsDone, run_parts


def run_scenario(scenario: Scenario, settings: RunSettings, console: Console) -> int:
    """Run the scenario, write the report, and return the exit code, one of ``ExitCode``."""
    started = manifests.instant()
    say(console, f"{scenario.name}: {scenario.title}")
    say(console, f"seed {settings.seed}; run directory {settings.out}")

    progress = Progress(console)

    def run(interruption: Interruption) -> int:
        with progress:
            done = _played(scenario, settings, progress, interruption)
        if not done.places:
            say(console, "interrupted before any part: there is nothing to report")
            return ExitCode.INTERRUPTED
        if scenario.is_suite:
            manifests.write_suite(
                *(settings.out, scenario, settings.seed, started, done.places),
                whole=done.whole,
                failures=done.failures,
                capacity=done.capacity,
            )
        return _reported(settings, console)

    def kept() -> str:
        if scenario.is_suite:
            begun = sorted(path.parent for path in settings.out.glob("parts/*/run.json"))
            places = [str(place.relative_to(settings.out)) for place in begun]
            if places:
                manifests.write_suite(settings.out, scenario, settings.seed, started, places, whole=False)
        return f"to report the records so far: smsbench report {settings.out}"

    return run_to_end(run, console, settings.out, lambda: progress.ends, kept)


def _played(
    scenario: Scenario, settings: RunSettings, progress: Progress, interruption: Interruption
) -> PartsDone:
    try:
        return run_parts(scenario, settings, progress, interruption)
    except ProbeStopped:
        if settings.target is not None:  # the first part was probed, and it has no simulated one beside it
            shutil.rmtree(settings.out)  # it was created for this run
        raise


def _reported(settings: RunSettings, console: Console) -> int:
    say(console, "report ...")
    code = report(
        settings.out, console, allow_undecided=settings.allow_undecided, no_charts=settings.no_charts
    )
    why = why_nothing_was_accepted(settings.out, settings.target)
    if why is not None:
        say(console, why)
    if code == ExitCode.USAGE:  # the run directory was valid when the run began, and no longer is
        say_error(
            "The result of this run is not valid: no analysis of its records, or no report, could be written"
        )
        return ExitCode.INVALID
    return code
