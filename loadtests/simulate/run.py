"""Simulates the parts of a scenario one after another, writes their run directories and the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from analysis.exit_codes import ExitCode
from loadtests.arrivals import arrival_count
from loadtests.runner import manifest as manifests
from loadtests.runner.ending import run_to_end
from loadtests.runner.interruption import Interruption
from loadtests.runner.provider_profile import require_profiles
from loadtests.runner.reporting import report, say
from loadtests.scenario import Part, Scenario
from loadtests.simulate.part import Choices, choices_of, simulate_part
from loadtests.simulate.route_results import RouteResult
from loadtests.simulate.simulation import SimulationProgress
from loadtests.simulate.two_processes import is_worth_it
from mock_provider.profiles import load_profile

_LINE_EVERY_S = 10.0


def simulate_scenario(
    scenario: Scenario,
    choices: Choices,
    seed: int,
    run_dir: Path,
    console: Console,
    allow_undecided: bool = False,
    no_charts: bool = False,
) -> int:
    """Simulate the scenario, write the report, and return the exit code, one of ``ExitCode``.

    The first Ctrl-C ends the simulation and reports the results so far; the second aborts. Raises
    ``ValueError`` for a bad profile, or a what-if that does not fit it.
    """
    left_out = "the capacity search is left out: it measures sockets and processes"
    notes = [left_out] if scenario.capacity is not None else []
    scenario = scenario.in_virtual_time()
    require_choices(scenario, choices)
    run_dir.mkdir(parents=True, exist_ok=True)
    say(console, f"{scenario.name}, simulated: {scenario.title}")
    what_if = choices.what_if.text()
    if what_if:
        say(console, f"what if: {what_if}")
    for note in (*notes, f"seed {seed}; run directory {run_dir}"):
        say(console, note)
    started = manifests.instant()

    def run(interruption: Interruption) -> int:
        began_s = time.monotonic()
        places = simulated_parts(scenario, choices, seed, run_dir, console, interruption)
        if not places:
            say(console, "interrupted before any message: there is nothing to report")
            return ExitCode.INTERRUPTED
        if scenario.is_suite:
            whole = len(places) == len(scenario.parts)
            manifests.write_suite(run_dir, scenario, seed, started, places, whole=whole)
        say(console, f"simulated in {time.monotonic() - began_s:.0f} s; report ...")
        return report(run_dir, console, allow_undecided=allow_undecided, no_charts=no_charts)

    return run_to_end(
        run, console, run_dir, lambda: "the simulation", lambda: f"the results so far are in {run_dir}"
    )


def require_choices(scenario: Scenario, choices: Choices) -> None:
    """Raises ``ValueError`` for a bad profile, or a what-if that does not fit it."""
    require_profiles(scenario, choices.profile)
    for name in {choices.profile or part.profile for part in scenario.parts}:
        choices.what_if.profile(load_profile(name))


def simulated_parts(
    scenario: Scenario,
    choices: Choices,
    seed: int,
    run_dir: Path,
    console: Console,
    interruption: Interruption,
) -> list[str]:
    """The directories of the simulated parts, relative to the run's own."""
    places: list[str] = []
    for part in scenario.parts:
        if interruption.asked:
            break
        place = scenario.places()[part.slug]
        folder = run_dir / place
        folder.mkdir(parents=True, exist_ok=True)
        with _bar(console, part) as passed:

            def proceed(
                now: SimulationProgress, passed: Callable[[SimulationProgress], None] = passed
            ) -> bool:
                passed(now)
                return not interruption.asked

            messages = sum(arrival_count(each.process) for each in part.streams)
            chosen = replace(choices_of(scenario, part, choices), in_two=is_worth_it(messages))
            manifest = simulate_part(scenario.name, part, seed, folder, chosen, proceed)
        for line in route_lines(manifest.target):
            say(console, line)
        places.append(place)
    return places


def route_lines(target: Mapping[str, Any]) -> list[str]:
    """What each of several routes did, one line each."""
    found = []
    for route in msgspec.convert(target.get("routes", ()), tuple[RouteResult, ...]):
        times = "no delivery"
        if route.delivery_p50_s is not None and route.delivery_p95_s is not None:
            times = f"delivery time p50 {route.delivery_p50_s:.1f} s, p95 {route.delivery_p95_s:.1f} s"
        weights = [f"{weight:g} at {at_s / 60:.0f} min" for at_s, weight in route.weights]
        found.append(
            f"route {route.name} ({route.profile}): {route.sent:,} sent, {route.delivered:,} delivered, "
            f"{times}; weight {', '.join(weights)}"
        )
    return found


@contextmanager
def _bar(console: Console, part: Part) -> Iterator[Callable[[SimulationProgress], None]]:
    """A progress bar of virtual hours; without a terminal, a line from time to time."""
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

    def passed(now: SimulationProgress) -> None:
        nonlocal next_line_s
        clock = f"{now.at_s / 3600:5.1f} h  {now.arrived:,} arrived, {now.open:,} open"
        bar.update(task, completed=now.at_s, clock=clock)
        if not console.is_terminal and time.monotonic() >= next_line_s:
            next_line_s += _LINE_EVERY_S
            console.print(f"  {clock.strip()}", highlight=False)

    with bar:
        yield passed
