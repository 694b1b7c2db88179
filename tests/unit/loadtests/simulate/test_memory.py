"""The memory of a simulation does not grow with the length of its load (docs/simulate.md)."""

from __future__ import annotations

import gc
import multiprocessing
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from loadtests.arrivals import Poisson, Schedule, Stream
from loadtests.arrivals.plan import Plan
from loadtests.simulate import records
from loadtests.simulate.arrivals import Arrivals
from loadtests.simulate.simulation import Settings, SimulationProgress, simulate
from mock_provider.engine import Engine, message_store
from mock_provider.profiles import Profile, parse_profile
from reference_sender.dispatch import DispatchSettings
from reference_sender.routes.url import default_url, read_route

RATE_PER_S = 40.0
SHORT_S = 30.0
LONG_S = 4 * SHORT_S
# The plan has about 30 bytes for each message, and the records two flags. A forgotten key has about 1,000.
MOST_BYTES_PER_MESSAGE = 100.0
UNLIMITED = {"name": "unlimited", "carriers": [{"name": "a", "country": "*"}]}
FAILURES = [{"state": "undelivered", "reason": "network_error", "share": 0.3}]
DISPATCH = DispatchSettings.model_validate({"late_reports": 50})
PROFILES = {"all arrive": UNLIMITED, "30 % fail": {**UNLIMITED, "delivery": {"failures": FAILURES}}}


def run(
    load_s: float,
    profile: Profile,
    run_dir: Path,
    look: Callable[[SimulationProgress], bool] = lambda progress: True,
) -> int:
    """The number of messages."""
    run_dir.mkdir()
    plan = Plan(streams=(Stream(Poisson(RATE_PER_S, load_s)),), seed=1, key_tag="t")
    route = read_route(default_url("127.0.0.1", "t")).limits
    settings = Settings(3, route, sample_every_s=5.0, dispatch=DISPATCH)
    ending = simulate(Schedule(plan), profile, settings, run_dir, look)
    assert ending.open == 0
    return ending.arrived


def largest(load_s: float, profile: Profile, run_dir: Path) -> tuple[int, int]:
    """The largest memory in use at a sample, in bytes, and the number of messages."""
    seen = [0]

    def look(_: SimulationProgress) -> bool:
        gc.collect()
        seen.append(tracemalloc.get_traced_memory()[0])
        return True

    gc.collect()
    gc.freeze()  # what other tests left is not looked through at each sample
    tracemalloc.start()
    try:
        arrived = run(load_s, profile, run_dir, look)
    finally:
        tracemalloc.stop()
    return max(seen), arrived


def growth_per_message(profile_name: str, tmp_path: Path) -> float:
    profile = parse_profile(PROFILES[profile_name])
    largest(SHORT_S, profile, tmp_path / "first")  # what is created once, such as caches
    short, few = largest(SHORT_S, profile, tmp_path / "short")
    long, many = largest(LONG_S, profile, tmp_path / "long")
    assert many > 3.5 * few
    return (long - short) / (many - few)


def _small_batches() -> None:
    """So that the short load has many batches of each kind, too: of arrivals, rows and forgotten keys,
    and more failed messages than those that may change.
    """
    Arrivals.pieces.__defaults__ = (100,)
    records.ROWS_PER_WRITE = 100
    records.LATE_KEPT = 2 * DISPATCH.late_reports
    message_store.GONE_KEPT = 100


def _forget_nothing(self: Engine, keys: Iterable[str]) -> None:
    list(keys)


def _measure(folder: Path, profile_name: str, forgetful: bool, found: Any) -> None:
    _small_batches()
    if not forgetful:
        Engine.forget = _forget_nothing  # type: ignore[method-assign]
    found.put(growth_per_message(profile_name, folder))


def growth_in_own_process(folder: Path, profile_name: str, forgetful: bool = True) -> float:
    """Threads that earlier tests left in this process would be measured with the simulation."""
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    process = context.Process(target=_measure, args=(folder, profile_name, forgetful, found))
    process.start()
    try:
        return float(found.get(timeout=100))
    finally:
        process.join(timeout=10)


@pytest.mark.parametrize("profile_name", PROFILES)
def test_a_longer_load_at_the_same_rate_needs_no_more_memory(profile_name: str, tmp_path: Path) -> None:
    assert growth_in_own_process(tmp_path, profile_name) < MOST_BYTES_PER_MESSAGE


def test_a_provider_that_forgets_nothing_would_be_noticed(tmp_path: Path) -> None:
    growth = growth_in_own_process(tmp_path, "all arrive", forgetful=False)
    assert growth > 2 * MOST_BYTES_PER_MESSAGE


@pytest.mark.parametrize("profile_name", PROFILES)
def test_a_provider_that_forgets_nothing_has_the_same_rows(
    profile_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ROWS_PER_WRITE", 20), ("LATE_KEPT", 2 * DISPATCH.late_reports)):
        monkeypatch.setattr(records, name, value)
    forgotten: list[str] = []
    forget = Engine.forget

    def counted(self: Engine, keys: Iterable[str]) -> None:
        kept = list(keys)
        forgotten.extend(kept)
        forget(self, kept)

    monkeypatch.setattr(Engine, "forget", counted)
    run(SHORT_S, parse_profile(PROFILES[profile_name]), tmp_path / "forgetful")
    assert len(forgotten) > 1_000
    monkeypatch.setattr(Engine, "forget", _forget_nothing)
    run(SHORT_S, parse_profile(PROFILES[profile_name]), tmp_path / "not")
    for each in sorted((tmp_path / "forgetful").glob("*.arrow")):
        assert each.read_bytes() == (tmp_path / "not" / each.name).read_bytes(), each.name
