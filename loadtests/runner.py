"""``smsbench run``: a scenario's parts one after another, then one report over all of them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from analysis.exit_codes import EXIT_HELD, EXIT_INTERRUPTED, EXIT_INVALID, EXIT_MISSED
from loadtests.running import manifest as manifests
from loadtests.running.interruption import Aborted, Interruption
from loadtests.running.outcomes import why_nothing_was_accepted
from loadtests.running.part_run import PartRun
from loadtests.running.progress import Progress
from loadtests.running.settings import RunSettings
from loadtests.scenarios.scenario import Part, Scenario

_JUDGED = (EXIT_HELD, EXIT_MISSED, EXIT_INVALID, EXIT_INTERRUPTED)  # the analysis came to a verdict
_SUMMARY_LINES = 40
_ENDING = "ending the load in order, then the report; Ctrl-C again aborts"


def run_scenario(scenario: Scenario, settings: RunSettings, console: Console) -> int:
    """Run it, report it, and return the exit code, one of ``analysis.exit_codes``."""
    started = manifests.instant()
    began_s = time.monotonic()
    _say(console, f"{scenario.name}: {scenario.title}")
    _say(console, f"seed {settings.seed}; run directory {settings.out}")
    try:
        with Interruption(lambda: _say(console, _ENDING)) as interruption:
            with Progress(console) as progress:
                done = _run_parts(scenario, settings, progress, interruption)
            if scenario.is_suite:
                manifests.write_suite(settings.out, scenario, settings.seed, started, done)
            _say(console, "report ...")
            code = report(settings.out, console)
    except Aborted:
        if scenario.is_suite:
            begun = sorted(path.parent for path in settings.out.glob("parts/*/run.json"))
            places = [str(place.relative_to(settings.out)) for place in begun]
            if places:
                manifests.write_suite(settings.out, scenario, settings.seed, started, places)
        _say(console, f"aborted; draw what there is with: smsbench report {settings.out}")
        return EXIT_INTERRUPTED
    why = why_nothing_was_accepted(settings.out, settings.target)
    if why is not None:
        _say(console, why)
    _say(console, f"{time.monotonic() - began_s:.0f} s in all")
    return code


def report(run_dir: Path, console: Console) -> int:
    """Analyse a run directory in a process of its own, print its verdict, and return its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "analysis", str(run_dir)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,  # Ctrl-C is the runner's to judge
    )
    if done.returncode not in _JUDGED:
        # A report of an earlier analysis may stand there; its verdict is not this one's.
        _say(console, done.stderr.strip() or done.stdout.strip())
        return done.returncode
    summary, page = run_dir / "report" / "summary.md", run_dir / "report" / "index.html"
    shown = verdict(summary.read_text(encoding="utf-8"))
    if console.is_terminal:
        console.print(Markdown(shown))
    else:
        _say(console, shown)
    _say(console, f"report: {page}")
    return done.returncode


def verdict(summary: str) -> str:
    """The summary's beginning: up to its first section after the verdict, or its first lines."""
    lines = summary.strip().splitlines()
    sections = [at for at, line in enumerate(lines) if line.startswith("## ")]
    end = sections[1] if len(sections) > 1 else len(lines)
    return "\n".join(lines[: min(end, _SUMMARY_LINES)]).strip()


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _run_parts(
    scenario: Scenario, settings: RunSettings, progress: Progress, interruption: Interruption
) -> list[str]:
    """The directories of the parts that ran, relative to the run's own."""
    done: list[str] = []
    for number, part in enumerate(scenario.parts, start=1):
        place = f"parts/{number:02d}-{part.slug}" if scenario.is_suite else "."
        if scenario.is_suite:
            progress.part(f"part {number} of {len(scenario.parts)}: {_named(part, settings)}")
        manifest = PartRun(scenario, part, settings.out / place, settings, progress, interruption).run()
        done.append(place)
        if interruption.asked or manifest.exit_reason.startswith("error"):
            break
    return done


def _named(part: Part, settings: RunSettings) -> str:
    return f"{part.title} (provider profile {settings.profile or part.profile})"
