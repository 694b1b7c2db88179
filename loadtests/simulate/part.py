"""Simulates one part of a scenario and writes its run directory, as a real run does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct, structs
from msgspec.structs import replace

from analysis import records
from analysis.objectives.defaults import DEFAULT_OBJECTIVES
from loadtests.arrivals import Plan, Schedule, key_tag_of
from loadtests.arrivals.chance import derive_seed
from loadtests.garbage import collector_off
from loadtests.runner import manifest as manifests
from loadtests.runner.provider_profile import ProfileChoice, choose_profile
from loadtests.scenario import Part, Scenario
from loadtests.simulate.simulation import (
    DRAIN_TIMEOUT_S,
    TOKEN,
    ZERO_NS,
    Ending,
    SecondRoute,
    Settings,
    SimulationProgress,
    simulate,
)
from loadtests.simulate.two_processes import simulate_in_two
from loadtests.simulate.what_ifs import WhatIf
from mock_provider.profiles import load_profile
from reference_sender.routes.url import default_url, read_route

_SAMPLES = 300
FIRST, SECOND = "first", "second"  # the routes of a sender with two


class Choices(Struct, frozen=True, kw_only=True):
    """The options of one simulated part. ``profile`` None: the part's own.

    ``counterpart`` and ``decides`` go into the manifest's scenario (``records.RecordedScenario``).
    """

    profile: str | None = None
    what_if: WhatIf = WhatIf()
    as_bytes: bool = False
    in_two: bool = False  # processes, if that is possible (``two_processes.py``)
    counterpart: str = ""
    decides: bool = True
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES


def choices_of(scenario: Scenario, part: Part, asked: Choices) -> Choices:
    """The choices of a simulated part: its own, changed by the user's options."""
    what_if = replace(asked.what_if, fifo=asked.what_if.fifo or part.fifo)
    return replace(
        asked,
        what_if=what_if,
        counterpart=scenario.with_counterpart_place(part).counterpart,
        decides=asked.decides and part.decides,
    )


def simulate_part(
    scenario_name: str,
    part: Part,
    seed: int,
    folder: Path,
    choices: Choices,
    proceed: Callable[[SimulationProgress], bool] = lambda _: True,
) -> records.Manifest:
    """Simulate ``part`` into the directory ``folder``, whose records and ``run.json`` are complete
    afterwards.

    Same plan, seeds and key tag as a real run of the part with this seed. ``proceed`` gets the progress;
    if it returns False, the simulation ends. Raises ``ValueError`` for a profile that cannot be read, or
    that the what-if does not fit.
    """
    plan = part.plan(seed, key_tag_of(seed))
    provider_seed = derive_seed(seed, "provider") & 0x7FFF_FFFF
    what_if = choices.what_if
    changed = what_if.profile if what_if.changes_profile else None
    choice = choose_profile(choices.profile or part.profile, 1.0, folder, changed)
    paced = choice.route_options(what_if.rate_limits.get("segments"))
    route = read_route(default_url("127.0.0.1", TOKEN, paced))
    second = None
    if part.second_profile:
        second = _second_route(part.second_profile, folder)
        route = replace(route, limits=replace(route.limits, name=FIRST, weight=1.0))
    settings = Settings(
        provider_seed,
        route.limits,
        # One sample per second for a short part, a few hundred for a day.
        sample_every_s=max(1.0, part.duration_s / _SAMPLES),
        dispatch=what_if.dispatch_settings(),
        as_bytes=choices.as_bytes,
        max_segments=route.max_segments,
        second=second,
    )
    started = manifests.instant()
    with collector_off():  # collections would take a sixth of the time
        run = simulate_in_two if choices.in_two else simulate
        ending = run(Schedule(plan), load_profile(choice.argument), settings, folder, proceed)
    manifest = _manifest(scenario_name, part, plan, choice, choices, provider_seed, started, ending)
    records.write_manifest(folder, manifest)
    return manifest


def _second_route(profile: str, folder: Path) -> SecondRoute:
    """The what-ifs do not change it."""
    choice = choose_profile(profile, 1.0, folder)
    route = read_route(default_url("127.0.0.1", TOKEN, choice.route_options()))
    return SecondRoute(replace(route.limits, name=SECOND, weight=1.0), load_profile(profile))


def _manifest(
    name: str,
    part: Part,
    plan: Plan,
    choice: ProfileChoice,
    choices: Choices,
    provider_seed: int,
    started: records.Instant,
    ending: Ending,
) -> records.Manifest:
    """The run's clock is virtual: its zero is the beginning of the day. Wall-clock times are those of the
    simulation.
    """
    ended = manifests.instant()
    reason = "interrupted" if ending.interrupted else "drain_timeout" if ending.open else "finished"
    return records.Manifest(
        mode="simulated",
        scenario=replace(
            manifests.scenario_of(name, part, plan),
            what_if=choices.what_if.text(),
            counterpart=choices.counterpart,
            decides=choices.decides,
        ),
        timing=manifests.timing_of(part, 1.0),
        seeds=manifests.all_seeds(plan, provider_seed),
        profile_name=choice.name,
        profile=choice.document,
        target=_target(ending),
        objectives=choices.objectives,
        versions=manifests.versions(),
        machine=manifests.machine(),
        started=records.Instant(started.wall, started.wall_ns, ZERO_NS),
        ended=records.Instant(ended.wall, ended.wall_ns, ending.end_ns),
        load_started_ns=ZERO_NS,
        load_ended_ns=ending.last_arrival_ns,
        planned=ending.arrived,
        drain_timeout_s=DRAIN_TIMEOUT_S,
        exit_reason=reason,
        faults=manifests.faults_begun(ending.faults, ending.end_ns),
    )


def _target(ending: Ending) -> dict[str, Any]:
    target: dict[str, Any] = {"name": "reference_sender", "kind": "simulated"}
    if ending.routes:
        target["routes"] = [structs.asdict(route) for route in ending.routes]
    return target
