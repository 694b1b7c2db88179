"""A scenario in virtual time from start to report: its parts one after another, run directories written."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from analysis import records
from analysis.exit_codes import EXIT_INTERRUPTED
from analysis.objectives.defaults import DEFAULT_OBJECTIVES
from loadtests.arrivals import Plan, Schedule, key_tag_of
from loadtests.arrivals.chance import derive_seed
from loadtests.runner import report
from loadtests.running import manifest as manifests
from loadtests.running.interruption import Aborted, Interruption
from loadtests.running.provider_profile import ProfileChoice, choose_profile, require_profile
from loadtests.scenarios.scenario import Part, Scenario
from loadtests.simulate.simulation import (
    DRAIN_LIMIT_S,
    ZERO_NS,
    Ending,
    Settings,
    simulate,
)
from loadtests.simulate.simulation import Progress as Passed
from mock_provider.profiles import load_profile
from reference_sender.routes.smsapi import read_route

_LINE_EVERY_S = 10.0
_SAMPLES = 300


def simulate_scenario(
    scenario: Scenario,
    profile_name: str | None,
    seed: int,
    run_dir: Path,
    console: Console,
    slos: tuple[str, ...] = DEFAULT_OBJECTIVES,
    allow_undecided: bool = False,
) -> int:
    """Simulate it, report it, and return the exit code, one of ``analysis.exit_codes``.

    Ctrl-C once ends the simulated time and reports what was lived; twice aborts. Raises ``ValueError`` for
    a bad profile.
    """
    for name in {profile_name or part.profile for part in scenario.parts}:
        require_profile(name)
    run_dir.mkdir(parents=True, exist_ok=True)
    console.print(f"{scenario.name}, simulated: {scenario.title}", highlight=False, soft_wrap=True)
    console.print(f"seed {seed}; run directory {run_dir}", highlight=False, soft_wrap=True)
    started = manifests.instant()
    began_s = time.monotonic()
    try:
        with Interruption() as interruption:
            places = _live_parts(scenario, profile_name, seed, run_dir, console, interruption, slos)
    except Aborted:
        console.print(f"aborted; what there is stands in {run_dir}", highlight=False, soft_wrap=True)
        return EXIT_INTERRUPTED
    if not places:
        console.print("interrupted before any message: there is nothing to report", highlight=False)
        return EXIT_INTERRUPTED
    if scenario.is_suite:
        manifests.write_suite(run_dir, scenario, seed, started, places)
    console.print(f"simulated in {time.monotonic() - began_s:.0f} s; report ...", highlight=False)
    return report(run_dir, console, allow_undecided=allow_undecided)


def _live_parts(
    scenario: Scenario,
    profile_name: str | None,
    seed: int,
    run_dir: Path,
    console: Console,
    interruption: Interruption,
    slos: tuple[str, ...],
) -> list[str]:
    """The directories of the parts that were lived, relative to the run's own."""
    places: list[str] = []
    for number, part in enumerate(scenario.parts, start=1):
        if interruption.asked:
            break
        place = f"parts/{number:02d}-{part.slug}" if scenario.is_suite else "."
        folder = run_dir / place
        folder.mkdir(parents=True, exist_ok=True)
        choice = choose_profile(profile_name or part.profile, 1.0, folder)
        with _bar(console, part) as passed:

            def go_on(now: Passed, passed: Callable[[Passed], None] = passed) -> bool:
                passed(now)
                return not interruption.asked

            _live_part(scenario, part, choice, seed, folder, go_on, slos)
        places.append(place)
    return places


def _live_part(
    scenario: Scenario,
    part: Part,
    choice: ProfileChoice,
    seed: int,
    folder: Path,
    go_on: Callable[[Passed], bool],
    slos: tuple[str, ...],
) -> None:
    plan = part.plan(seed, key_tag_of(seed))
    provider_seed = derive_seed(seed, "provider") & 0x7FFF_FFFF
    route = read_route(f"smsapi+http://simulated@127.0.0.1?{choice.route_options()}").limits
    schedule = Schedule(plan)
    # A sample a second where the part is short, a few hundred where it is a day.
    sample_every_s = max(1.0, part.duration_s / _SAMPLES)
    settings = Settings(provider_seed, route, sample_every_s=sample_every_s)
    started = manifests.instant()
    with _no_collection():
        ending = simulate(schedule, load_profile(choice.argument), settings, folder, go_on)
    manifest = _manifest(scenario, part, plan, choice, provider_seed, started, ending, slos)
    records.write_manifest(folder, manifest)


def _manifest(
    scenario: Scenario,
    part: Part,
    plan: Plan,
    choice: ProfileChoice,
    provider_seed: int,
    started: records.Instant,
    ending: Ending,
    slos: tuple[str, ...],
) -> records.Manifest:
    """The run's clock is virtual: its zero is the day's, and the wall's instants are the simulation's own."""
    ended = manifests.instant()
    reason = "interrupted" if ending.interrupted else "drain_limit" if ending.open else "finished"
    return records.Manifest(
        mode="simulated",
        scenario=manifests.scenario_of(scenario.name, part, plan),
        timing=manifests.timing_of(part, 1.0),
        seeds=manifests.all_seeds(plan, provider_seed),
        profile_name=choice.name,
        profile=choice.document,
        target={"name": "reference_sender", "kind": "simulated"},
        slos=slos,
        versions=manifests.versions(),
        machine=manifests.machine(),
        started=records.Instant(started.wall, started.wall_ns, ZERO_NS),
        ended=records.Instant(ended.wall, ended.wall_ns, ending.end_ns),
        load_started_ns=ZERO_NS,
        load_ended_ns=ending.last_arrival_ns,
        planned=ending.arrived,
        drain_limit_s=DRAIN_LIMIT_S,
        exit_reason=reason,
        faults=manifests.faults_begun(ending.faults, ending.end_ns),
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """The cores make no cycles: looking for some, again and again, would take a sixth of the time."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _bar(console: Console, part: Part) -> Iterator[Callable[[Passed], None]]:
    """A progress bar of virtual hours; a line now and then where the output is no terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[clock]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    task = bar.add_task(part.title, total=part.duration_s, clock="")
    next_line_s = time.monotonic() + _LINE_EVERY_S

    def passed(now: Passed) -> None:
        nonlocal next_line_s
        clock = f"{now.at_s / 3600:5.1f} h  {now.arrived:,} arrived, {now.open:,} open"
        bar.update(task, completed=now.at_s, clock=clock)
        if not console.is_terminal and time.monotonic() >= next_line_s:
            next_line_s += _LINE_EVERY_S
            console.print(f"  {clock.strip()}", highlight=False)

    with bar:
        yield passed
