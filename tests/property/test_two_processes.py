"""A simulation in two processes writes the files of one process, to the last byte."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from drawn_plans import plans, routes
from hypothesis import given, settings
from hypothesis import strategies as st
from second_processes import second_processes

from analysis.records import PROVIDER_SCHEMA, SENDER_SCHEMA, read_rows
from loadtests import catalogue
from loadtests.arrivals import Burst, Mix, Plan, Poisson, Schedule, Stream
from loadtests.simulate import two_processes
from loadtests.simulate.frames import HalfFrame, HalfStatus, read_status
from loadtests.simulate.part import Choices, simulate_part
from loadtests.simulate.second_half import SecondHalf
from loadtests.simulate.simulation import Ending, Settings, SimulationProgress, simulate
from loadtests.simulate.two_processes import SecondProcessError, is_worth_it, simulate_in_two
from mock_provider.profiles import Profile, load_profile, parse_profile, profile_names
from reference_sender.dispatch import DispatchSettings
from reference_sender.dispatch.values import RouteLimits

FILES = ("load", "provider", "sender", "samples")
MIXED = Stream(Poisson(12.0, 30.0), mix=Mix(1.0, 1.0, 1.0))
CAMPAIGN = Stream(Burst(400, 2.0), mix=Mix(marketing=1.0), campaign="sale", start_s=5.0)
PLAN = Plan(streams=(MIXED, CAMPAIGN), seed=4, key_tag="t")
ROUTE = RouteLimits("r", 100.0, 5, 1000.0, 600, 100, 40, 86_400.0)
SLOW_CARRIERS = [{"name": "A", "country": "*", "segments_per_s": 20.0}]
CASES: dict[str, dict[str, Any]] = {
    "one carrier, slow": {"carriers": SLOW_CARRIERS},
    "all delays fixed": {
        "reply": {"latency": {"kind": "fixed", "value_s": 0.5}},
        "delivery": {"latency": {"kind": "fixed", "value_s": 0.5}},
        "reports": {"delay": {"kind": "fixed", "value_s": 0.5}, "max_per_call": 10, "linger_s": 0.5},
        "accept_queue": {"drain_segments_per_s": 50.0},
    },
    "no delays": {"reports": {"max_per_call": 1}},
    "reports lost": {"reports": {"loss_share": 0.3}},
    "numbers that do not exist": {"numbers": {"invalid_share": 0.2}},
}
AGAIN: dict[str, dict[str, Any]] = {
    "throttled": {"throttle": {"requests": {"rate_per_s": 2, "burst": 2}}},
    "time-outs": {"reply": {"latency": {"kind": "uniform", "low_s": 0.0, "high_s": 11.0}}},
    "a carrier's queue is full": {"carriers": [{**SLOW_CARRIERS[0], "queue_segments": 5}]},
}
NEVER: dict[str, dict[str, Any]] = {
    "faults": {"faults": [{"kind": "error_rate", "share": 0.3, "start_s": 2, "end_s": 60}]},
    "magic numbers": {"numbers": {"magic": True}},
    "few keys remembered": {"duplicates": {"remembered_keys": 10}},
}


class SameProcess:
    """The second half without a process: it gets the same bytes."""

    def __init__(self, order: Any) -> None:
        self._answers = io.BytesIO()
        self._read = 0
        self._half = SecondHalf(pickle.loads(pickle.dumps(order)), self._answers)

    def send(self, value: HalfFrame) -> None:
        self._half.simulate(msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=HalfFrame))

    def status(self) -> HalfStatus:
        self._answers.seek(self._read)
        found = read_status(self._answers)
        self._read = self._answers.tell()
        self._answers.seek(0, io.SEEK_END)
        assert found is not None
        return found

    def finish(self) -> None:
        pass

    def stop(self) -> None:
        pass


def counting(begun: list[object]) -> Callable[[object], SameProcess]:
    """Begins the second half, and notes it."""

    def begin(order: object) -> SameProcess:
        begun.append(order)
        return SameProcess(order)

    return begin


class Runs:
    """Runs of both ways."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.again = 0  # parts that were simulated in one process after all
        monkeypatch.setattr(two_processes, "simulate", self._simulate_again)

    def _simulate_again(self, *given: Any) -> Ending:
        self.again += 1
        return simulate(*given)

    def compare(
        self,
        folder: Path,
        plan: Plan,
        profile: Profile,
        route: RouteLimits,
        *,
        proceed: Callable[[SimulationProgress], bool] = lambda _: True,
        **chosen: Any,
    ) -> None:
        asked = Settings(seed=3, route=route, **chosen)
        ways: tuple[tuple[str, Callable[..., Ending]], ...] = (("one", simulate), ("two", simulate_in_two))
        endings = []
        for name, way in ways:
            (folder / name).mkdir()
            endings.append(way(Schedule(plan), profile, asked, folder / name, proceed))
        assert endings[0] == endings[1]
        for name in FILES:
            one, two = ((folder / way / f"{name}.arrow").read_bytes() for way, _ in ways)
            assert one == two, name


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(monkeypatch)


@pytest.fixture
def same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_processes, "SecondProcess", SameProcess)


def profile_with(changes: dict[str, Any]) -> Profile:
    return parse_profile({"name": "t", "carriers": [{"name": "A", "country": "*"}], **changes})


def test_any_profile_and_load(tmp_path_factory: pytest.TempPathFactory) -> None:
    found: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_processes, "SecondProcess", SameProcess)
        runs = Runs(patch)

        @settings(deadline=None, max_examples=30)
        @given(
            plans(20.0, 5.0, 150),
            st.sampled_from(profile_names()),
            routes,
            st.sampled_from(["priority", "arrival"]),
        )
        def compare(plan: Plan, name: str, route: RouteLimits, order: str) -> None:
            runs.again = 0
            dispatch = DispatchSettings.model_validate({"order": order})
            folder = tmp_path_factory.mktemp("run")
            runs.compare(folder, plan, load_profile(name), route, dispatch=dispatch, sample_every_s=1.0)
            found.append(bool(runs.again))

        compare()
    assert {True, False} == set(found)


@pytest.mark.usefixtures("same_process")
@pytest.mark.parametrize("case", CASES)
def test_in_two(case: str, tmp_path: Path, runs: Runs) -> None:
    runs.compare(tmp_path, PLAN, profile_with(CASES[case]), ROUTE, sample_every_s=1.0)
    assert not runs.again


@pytest.mark.usefixtures("same_process")
@pytest.mark.parametrize("case", AGAIN | NEVER)
def test_what_passes_back_is_simulated_in_one(case: str, tmp_path: Path, runs: Runs) -> None:
    profile = profile_with((AGAIN | NEVER)[case])
    begun: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_processes, "SecondProcess", counting(begun))
        runs.compare(tmp_path, PLAN, profile, ROUTE)
    assert runs.again == 1
    assert bool(begun) == (case in AGAIN)


@pytest.fixture
def other_process() -> Iterator[subprocess.Popen[bytes]]:
    """A process of another test, which a simulation neither counts nor ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_in_a_process_of_its_own(tmp_path: Path, runs: Runs) -> None:
    most = 0

    def proceed(_: SimulationProgress) -> bool:
        nonlocal most
        most = max(most, len(second_processes()))
        return True

    runs.compare(tmp_path, PLAN, load_profile("smsapi"), ROUTE, proceed=proceed)
    assert not runs.again
    assert most == 1
    assert not second_processes()


def test_an_interrupted_run_is_complete(tmp_path: Path) -> None:
    def proceed(now: SimulationProgress) -> bool:
        return now.at_s < 10.0

    tables = []
    for way in (simulate, simulate_in_two):
        folder = tmp_path / way.__name__
        folder.mkdir()
        asked = Settings(seed=3, route=ROUTE, sample_every_s=1.0)
        ending = way(Schedule(PLAN), load_profile("smsapi"), asked, folder, proceed)
        assert ending.interrupted and ending.open
        provider = read_rows(folder / "provider.arrow", PROVIDER_SCHEMA).to_pylist()
        sender = read_rows(folder / "sender.arrow", SENDER_SCHEMA).to_pylist()
        load = (folder / "load.arrow").read_bytes()
        by_key = [sorted(rows, key=lambda row: str(row["key"])) for rows in (provider, sender)]
        tables.append((ending, load, by_key))
    assert tables[0] == tables[1]


def test_the_end_of_the_second_process_is_an_error(
    tmp_path: Path, other_process: subprocess.Popen[bytes]
) -> None:
    def proceed(_: SimulationProgress) -> bool:
        for process in second_processes():
            process.kill()
        return True

    asked = Settings(seed=3, route=ROUTE, sample_every_s=1.0)
    with pytest.raises(SecondProcessError, match="ended with signal SIGKILL"):
        simulate_in_two(Schedule(PLAN), load_profile("smsapi"), asked, tmp_path, proceed)
    assert not second_processes()
    assert other_process.poll() is None


@pytest.mark.usefixtures("same_process")
def test_with_the_bytes_of_the_protocol(tmp_path: Path, runs: Runs) -> None:
    runs.compare(tmp_path, PLAN, load_profile("smsapi"), ROUTE, as_bytes=True)
    assert not runs.again


def test_two_processes_are_for_a_large_part_and_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, messages, expected in ((2, 200_000, True), (2, 199_999, False), (1, 500_000, False)):
        with monkeypatch.context() as patch:
            patch.setattr(os, "cpu_count", lambda: 2)
            patch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)), raising=False)
            assert is_worth_it(messages) is expected
            patch.delattr(os, "sched_getaffinity")  # a system that does not say which cores
            patch.setattr(os, "cpu_count", lambda cores=cores: cores)
            assert is_worth_it(messages) is expected


def test_the_choices_of_a_part_say_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = catalogue.scenario("smoke").in_virtual_time()
    begun: list[object] = []
    monkeypatch.setattr(two_processes, "SecondProcess", counting(begun))
    tables = []
    for in_two in (False, True):
        folder = tmp_path / str(in_two)
        folder.mkdir()
        choices = Choices(profile="smsapi", in_two=in_two)
        simulate_part(scenario.name, scenario.parts[0], 1, folder, choices)
        tables.append([(folder / f"{name}.arrow").read_bytes() for name in FILES])
        assert len(begun) == in_two
    assert tables[0] == tables[1]
