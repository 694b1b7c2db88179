"""``smsbench capacity``: the search, its suite's manifest, its report and its exit code."""

from __future__ import annotations

import shutil

from rich.console import Console

from analysis.capacity_record import SEARCH_ITSELF
from analysis.records import Instant, Manifest, RecordedScenario, write_manifest
from loadtests.capacity.find import NAME, SearchOutcome, SearchRequest, find_capacity
from loadtests.capacity.result import lines
from loadtests.capacity.search import trials_text
from loadtests.runner import manifest as manifests
from loadtests.runner.ending import run_to_end
from loadtests.runner.interruption import Interruption
from loadtests.runner.probe import ProbeStopped
from loadtests.runner.progress import Progress
from loadtests.runner.reporting import report, say
from loadtests.runner.settings import RunSettings

TITLE = "capacity: the highest sustained rate at which every objective is met"


def search_capacity(asked: SearchRequest, settings: RunSettings, console: Console) -> int:
    """Search, report, and return the exit code of the report, so that process, page and files agree."""
    started = manifests.instant()
    say(console, TITLE)
    say(console, f"objectives: {', '.join(settings.objectives)}")
    say(console, f"seed {settings.seed}; run directory {settings.out}")

    def run(interruption: Interruption) -> int:
        with Progress(console) as progress:
            found = _found(asked, settings, progress, interruption)
        write_manifest(settings.out, _suite(found, settings, started, interruption.asked))
        say(console, "report ...")
        code = report(settings.out, console, allow_undecided=settings.allow_undecided)
        for line in lines(found.result, found.unjudged, found.judges, asked.search.most_trials):
            say(console, line)
        say(console, trials_text(len(found.result.trials)))
        return code

    def kept() -> str:
        return f"the trials made so far are below {settings.out / 'trials'}"

    return run_to_end(run, console, settings.out, lambda: "the trial", kept)


def _found(
    asked: SearchRequest, settings: RunSettings, progress: Progress, interruption: Interruption
) -> SearchOutcome:
    try:
        return find_capacity(asked, settings, progress, interruption)
    except ProbeStopped:
        if settings.target is not None:
            shutil.rmtree(settings.out)  # it was created for this search and is empty: only the first probes
        raise


def _suite(found: SearchOutcome, settings: RunSettings, started: Instant, interrupted: bool) -> Manifest:
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
        capacity=SEARCH_ITSELF,
    )
