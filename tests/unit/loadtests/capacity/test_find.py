"""The search's loop: which trials it makes, what it keeps where the user or an error ends it."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from analysis.capacity_record import read_capacity
from analysis.judge.search import search_verdict
from analysis.records import (
    AnalysisResult,
    Instant,
    JudgedObjective,
    Manifest,
    RecordedScenario,
    Steady,
    read_manifest,
)
from loadtests.capacity import find
from loadtests.capacity.bracket import SearchSettings
from loadtests.recording import LoadStatus
from loadtests.runner.interruption import Interruption
from loadtests.runner.progress import Progress
from loadtests.runner.queries import ServiceState
from loadtests.runner.sampling import Snapshot
from loadtests.runner.settings import RunSettings

LIMIT_PER_S = 300.0
OBJECTIVES = ("otp.p95<20s", "transactional.p99<60s")


class SimulatedTrials:
    """Takes the place of runs and analyses: a target that does 300/s at most."""

    def __init__(self, interruption: Interruption) -> None:
        self.parts: list[Any] = []
        self.settings: list[RunSettings] = []
        self.error_at = self.interrupt_at = 0
        self.interruption = interruption

    def run(self, scenario: Any, part: Any, run_dir: Path, settings: RunSettings, *_: Any) -> Any:
        self.parts.append(part)
        self.settings.append(settings)
        number = len(self.parts)
        bench = self

        class Run:
            def run(self) -> Manifest:
                run_dir.mkdir(parents=True)
                if number == bench.interrupt_at:
                    bench.interruption.ask()
                return Manifest(
                    scenario=RecordedScenario(name="capacity", title=""),
                    started=Instant("", 0, 0),
                    ended=Instant("", 0, 0),
                    profile_name="limited",
                    target={"name": "mine"},
                    exit_reason="error: no port" if number == bench.error_at else "finished",
                )

        return Run()

    def analyse(self, run_dir: Path) -> tuple[AnalysisResult, str]:
        rate = float(run_dir.name.partition("-")[2])
        growth = max(0.0, rate - LIMIT_PER_S)
        through = min(rate, LIMIT_PER_S)
        spread = (growth, growth, growth)
        steady = Steady(
            from_s=3.0,
            to_s=8.0,
            offered_per_s=rate,
            through_per_s=through,
            through_low_per_s=through,
            through_high_per_s=through,
            growth_per_s=spread[0],
            growth_low_per_s=spread[1],
            growth_high_per_s=spread[2],
            backlog=0.0,
            reserve=0.0,
            sustained=growth == 0,
        )
        judged = (JudgedObjective(OBJECTIVES[0], "met"), JudgedObjective(OBJECTIVES[1], "undecided"))
        return AnalysisResult(run="r", call="c", exit_code=0, objectives=judged, steady=steady), ""


Search = Callable[[], find.SearchOutcome]


@pytest.fixture
def interruption() -> Interruption:
    return Interruption()


@pytest.fixture
def bench(interruption: Interruption, monkeypatch: pytest.MonkeyPatch) -> SimulatedTrials:
    made = SimulatedTrials(interruption)
    monkeypatch.setattr(find, "PartRun", made.run)
    monkeypatch.setattr(find, "analyse_trial", made.analyse)
    return made


@pytest.fixture
def search(bench: SimulatedTrials, interruption: Interruption, tmp_path: Path) -> Search:
    def made() -> find.SearchOutcome:
        # p99 of transactional messages takes 1,840 messages: no trial of one second holds them.
        short = SearchSettings(trial_s=1.0, longest_s=1.0)
        progress = Progress(Console(file=StringIO()))
        settings = RunSettings(out=tmp_path, seed=7, objectives=OBJECTIVES)
        return find.find_capacity(find.SearchRequest(search=short), settings, progress, interruption)

    return made


def test_the_limit_is_found_and_written(search: Search, bench: SimulatedTrials, tmp_path: Path) -> None:
    found = search()
    assert found.result == read_capacity(tmp_path)
    assert found.result.sustained_per_s == pytest.approx(297)
    assert found.result.high_per_s == pytest.approx(297 * 1.02)
    assert (found.result.profile, found.result.target) == ("limited", "mine")
    assert [trial.place for trial in found.result.trials] == list(found.manifests)
    assert found.shown == found.result.trials[-1].place
    # It was undecided at every rate, and no longer trial was allowed.
    assert found.unjudged == (OBJECTIVES[1],)
    # 297/s for 7 s are 2,079 messages. At most as long as one trial: 1,840 transactional ones alone need 7 s.
    assert found.judges == ("--trial-s 7",)


def test_each_trial_is_a_run_of_its_own(search: Search, bench: SimulatedTrials, tmp_path: Path) -> None:
    found = search()
    seeds = [settings.seed for settings in bench.settings]
    assert len(set(seeds)) == len(seeds) >= 4
    assert [settings.probe for settings in bench.settings] == [True] + [False] * (len(seeds) - 1)
    assert [part.slug for part in bench.parts] == [Path(place).name for place in found.manifests]
    assert not any(read_manifest(tmp_path / place).scenario.decides for place in found.manifests)


def test_an_interrupted_trial_is_not_judged_and_the_rest_is_kept(
    search: Search, bench: SimulatedTrials, tmp_path: Path
) -> None:
    bench.interrupt_at = 3
    found = search()
    assert [trial.verdict for trial in found.result.trials] == ["met", "met"]
    assert found.result.ended == "interrupted"
    assert found.result.interrupted_per_s == float(bench.parts[2].slug.partition("-")[2])
    assert found.result.sustained_per_s == 150
    assert len(found.manifests) == 3
    assert read_capacity(tmp_path) == found.result


def test_interrupted_in_its_first_trial_it_found_nothing(search: Search, bench: SimulatedTrials) -> None:
    bench.interrupt_at = 1
    found = search()
    assert found.result.trials == ()
    assert (found.shown,) == tuple(found.manifests)
    assert found.result.interrupted_per_s == 50


def test_a_search_that_was_not_interrupted_names_no_such_trial(search: Search) -> None:
    assert search().result.interrupted_per_s is None


def test_an_error_in_the_first_trial_ends_the_search(search: Search, bench: SimulatedTrials) -> None:
    bench.error_at = 1
    found = search()
    assert [(trial.verdict, trial.why) for trial in found.result.trials] == [("invalid", "no port")]
    assert found.result.ended == "no port"
    assert search_verdict(found.result) is None  # the report of its trial says that the bench failed


def test_an_error_later_is_an_invalid_trial_and_is_made_again(search: Search, bench: SimulatedTrials) -> None:
    bench.error_at = 2
    found = search()
    assert [trial.verdict for trial in found.result.trials][:3] == ["met", "invalid", "met"]
    assert found.result.trials[1].rate_per_s == found.result.trials[2].rate_per_s
    assert found.result.sustained_per_s == pytest.approx(297)


@pytest.mark.parametrize(
    ("sender", "provider", "expected"),
    [
        ({"queue_otp": 10.0, "queue_marketing": 41.0}, {}, True),
        ({"queue_otp": 10.0, "in_flight": 400.0, "awaiting_report": 900.0}, {"on_air": 900.0}, False),
        ({"between_attempts": 51.0}, {}, True),
        ({}, {"queue_accept": 30.0, "queue_carrier_Plus": 21.0}, True),
        ({}, {"queue_accept_segments": 900.0}, False),
        (None, None, False),
    ],
)
def test_a_long_queue_after_the_load_is_not_waited_for(
    sender: dict[str, float] | None, provider: dict[str, float] | None, expected: bool
) -> None:
    def state(gauges: dict[str, float] | None) -> ServiceState | None:
        return None if gauges is None else ServiceState(gauges=gauges)

    snapshot = Snapshot(LoadStatus(), state(provider), state(sender), 0.0)
    assert find.overloaded(snapshot, 100.0) is expected


def test_a_search_whose_time_is_up_makes_no_more_trials(
    bench: SimulatedTrials, interruption: Interruption, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock is 20 s later each time it is read: a third trial would end at 80 s."""
    now = iter(range(0, 10_000, 20))
    monkeypatch.setattr(find, "time", SimpleNamespace(monotonic=lambda: float(next(now))))
    asked = find.SearchRequest(search=SearchSettings(trial_s=1.0, longest_s=1.0), within_s=65.0)
    settings = RunSettings(out=tmp_path, seed=7, objectives=OBJECTIVES)
    found = find.find_capacity(asked, settings, Progress(Console(file=StringIO())), interruption)
    assert len(found.result.trials) == 2
    assert found.result.ended == "the time limit of the search was reached after 2 trials"
