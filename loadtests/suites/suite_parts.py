"""Runs a scenario's parts: live ones in order, simulated ones next to them, the capacity search last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from analysis.records import InstrumentFailure
from loadtests.arrivals import arrival_count
from loadtests.capacity.bracket import SearchSettings
from loadtests.capacity.find import OBJECTIVES, SearchRequest, find_capacity
from loadtests.runner.interruption import Interruption
from loadtests.runner.part_run import PartRun
from loadtests.runner.progress import Progress
from loadtests.runner.settings import RunSettings
from loadtests.scenario import Capacity, Part, Scenario

# Simulations load the provider and the sender into this process, which a run of live parts does not need.
if TYPE_CHECKING:
    from loadtests.suites.simulations import SimulationJob, Simulations

# A live part below this rate leaves most of two cores free, and a simulation may run beside it.
QUIET_PER_S = 30.0
CAPACITY = "capacity"  # the directory of the search
_AROUND_S = 22.0  # approximate time for start, drain and end of a live part: slow carriers take 20 s
_REPORT_S = 20.0


class PartsDone(Struct, frozen=True, kw_only=True):
    """``places`` of the parts that ran, in the scenario's order, relative to the run's directory. ``whole``:
    no part was left out.
    """

    places: tuple[str, ...]
    whole: bool
    capacity: str = ""  # the directory with ``capacity.json``, relative to the run's
    failures: tuple[InstrumentFailure, ...] = ()


def takes_s(scenario: Scenario) -> float:
    """The approximate total duration."""
    live = [part.duration_s + _AROUND_S for part in scenario.parts if part.mode == "live"]
    capacity_s = scenario.capacity.takes_s if scenario.capacity is not None else 0.0
    return sum(live) + capacity_s + _REPORT_S


def run_parts(
    scenario: Scenario, settings: RunSettings, progress: Progress, interruption: Interruption
) -> PartsDone:
    """Run them. Ends early if the user interrupts, or if a live part ends with an error."""
    places = scenario.places()
    # Simulations use the reference sender. They would be misleading next to the figures of another sender.
    jobs = _jobs(scenario, places, settings) if settings.target is None else ()
    wanted, live = len(_live(scenario)), (progress, interruption)
    if not jobs:
        done = _run_part(scenario, settings, progress, interruption, None)
        whole = len(done) == wanted
        return PartsDone(places=tuple(done), whole=whole, capacity=_capacity(scenario, settings, whole, live))
    from loadtests.suites.simulations import Simulations

    with Simulations(scenario.name, jobs, settings.seed, settings.out) as simulations:
        done = _run_part(scenario, settings, progress, interruption, simulations)
        if len(done) == wanted and not interruption.asked:
            if simulations.left:
                progress.phase("simulating the remaining parts")
            simulations.finish(interruption, progress.waiting)
        whole = len(done) == wanted and simulations.left == 0
        capacity = _capacity(scenario, settings, whole, live)
    ran = {*done, *simulations.done}
    return PartsDone(
        places=tuple(place for place in places.values() if place in ran),
        whole=whole,
        capacity=capacity,
        failures=tuple(simulations.failures),
    )


def _capacity(
    scenario: Scenario, settings: RunSettings, whole: bool, live: tuple[Progress, Interruption]
) -> str:
    """The place of the search's result; "" if there is no search, or the user interrupted."""
    if scenario.capacity is None or not whole or live[1].asked:
        return ""
    return search_capacity(scenario.capacity, settings, *live)


def search_capacity(
    asked: Capacity, settings: RunSettings, progress: Progress, interruption: Interruption
) -> str:
    """The search at the end of a suite, against its own profile and for the search's own objectives.
    Returns its directory, relative to the suite's.
    """
    progress.note("capacity: the rate that this machine's sender sustains")
    place = settings.out / CAPACITY
    place.mkdir(parents=True, exist_ok=True)
    search = SearchSettings(
        from_per_s=asked.from_per_s,
        to_per_s=asked.to_per_s,
        precision=asked.precision,
        trial_s=asked.trial_s,
        longest_s=asked.trial_s,
        most_trials=asked.most_trials,
        brief=True,
    )
    own = msgspec.structs.replace(settings, out=place, profile=None, objectives=OBJECTIVES, probe=False)
    wanted = SearchRequest(search=search, within_s=asked.takes_s, profile=asked.profile)
    find_capacity(wanted, own, progress, interruption)
    return CAPACITY


def _live(scenario: Scenario) -> list[Part]:
    return [part for part in scenario.parts if part.mode == "live"]


def _run_part(
    scenario: Scenario,
    settings: RunSettings,
    progress: Progress,
    interruption: Interruption,
    simulations: Simulations | None,
) -> list[str]:
    """The live parts, and the places of those that ran."""
    began_s, places = time.monotonic(), scenario.places()
    live = _live(scenario)
    done: list[str] = []
    for number, part in enumerate(live, start=1):
        if simulations is not None:
            _make_room(simulations, part, progress, interruption)
        if interruption.asked:
            break
        if scenario.is_suite:
            progress.note(_title(scenario, part, settings, (number, len(live), time.monotonic() - began_s)))
        # The target of a suite is the same in all parts: the first part's probe has tested it.
        asked = msgspec.structs.replace(settings, probe=settings.probe and number == 1)
        place = places[part.slug]
        named = scenario.with_counterpart_place(part)
        manifest = PartRun(scenario, named, settings.out / place, asked, progress, interruption).run()
        done.append(place)
        if interruption.asked or manifest.exit_reason.startswith("error"):
            break
    return done


def _make_room(simulations: Simulations, part: Part, progress: Progress, interruption: Interruption) -> None:
    """Simulations run next to a quiet part; any other part gets both cores."""
    if is_quiet(part):
        simulations.run()
    else:
        progress.phase("waiting for a simulation to pause")
        simulations.hold(interruption, progress.waiting)


def is_quiet(part: Part) -> bool:
    return sum(arrival_count(stream.process) for stream in part.streams) < QUIET_PER_S * part.duration_s


def _title(scenario: Scenario, part: Part, settings: RunSettings, at: tuple[int, int, float]) -> str:
    number, count, elapsed_s = at
    about = f"{_clock(elapsed_s)} of about {_clock(takes_s(scenario))}"
    profile = settings.profile or part.profile
    return f"part {number} of {count} ({about}): {part.title} (provider profile {profile})"


def _clock(seconds: float) -> str:
    return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"


def _jobs(scenario: Scenario, places: Mapping[str, str], settings: RunSettings) -> tuple[SimulationJob, ...]:
    """The simulated parts; those that take longest first, so that they end while a quiet part runs."""
    simulated = [part for part in scenario.parts if part.mode == "simulated"]
    if not simulated:
        return ()
    from loadtests.simulate.part import Choices, choices_of
    from loadtests.suites.simulations import SimulationJob

    asked = Choices(profile=settings.profile, objectives=settings.objectives)
    jobs = [SimulationJob(places[part.slug], part, choices_of(scenario, part, asked)) for part in simulated]
    return tuple(sorted(jobs, key=lambda job: -_messages(job.part)))


def _messages(part: Part) -> int:
    return sum(arrival_count(stream.process) for stream in part.streams)
