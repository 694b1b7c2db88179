"""The memory of a simulation does not grow with the length of its load (docs/simulate.md)."""

from __future__ import annotations

import gc
import multiprocessing
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loadtests.arrivals import Poisson, Schedule, Stream
from loadtests.arrivals.plan import Plan
from loadtests.simulate import records
from loadtests.simulate.arrivals import Arrivals
from loadtests.simulate.simulation import Settings, SimulationProgress, simulate
from mock_provider.engine import Engine, message_store
from mock_provider.profiles import parse_profile
from reference_sender.routes.url import default_url, read_route

RATE_PER_S = 40.0
SHORT_S = 30.0
LONG_S = 4 * SHORT_S
# The plan has about 30 bytes for each message, and the records two flags. A forgotten key has about 1,000.
MOST_BYTES_PER_MESSAGE = 100.0
PROFILE = parse_profile({"name": "unlimited", "carriers": [{"name": "a", "country": "*"}]})


def largest(load_s: float, run_dir: Path) -> tuple[int, int]:
    """The largest memory in use at a sample, in bytes, and the number of messages."""
    run_dir.mkdir()
    plan = Plan(streams=(Stream(Poisson(RATE_PER_S, load_s)),), seed=1, key_tag="t")
    route = read_route(default_url("127.0.0.1", "t")).limits
    seen = [0]

    def look(_: SimulationProgress) -> bool:
        gc.collect()
        seen.append(tracemalloc.get_traced_memory()[0])
        return True

    gc.collect()
    gc.freeze()  # what other tests left is not looked through at each sample
    tracemalloc.start()
    try:
        ending = simulate(Schedule(plan), PROFILE, Settings(3, route, sample_every_s=5.0), run_dir, look)
    finally:
        tracemalloc.stop()
    assert ending.open == 0
    return max(seen), ending.arrived


def growth_per_message(tmp_path: Path) -> float:
    largest(SHORT_S, tmp_path / "first")  # what is created once, such as caches
    short, few = largest(SHORT_S, tmp_path / "short")
    long, many = largest(LONG_S, tmp_path / "long")
    assert many > 3.5 * few
    return (long - short) / (many - few)


def _small_batches() -> None:
    """So that the short load has many batches of each kind, too: of arrivals, rows and forgotten keys."""
    Arrivals.pieces.__defaults__ = (100,)
    records.ROWS_PER_WRITE = 100
    message_store.GONE_KEPT = 100


def _forget_nothing(self: Engine, keys: Iterable[str]) -> None:
    list(keys)


def _measure(folder: Path, forgetful: bool, found: Any) -> None:
    _small_batches()
    if not forgetful:
        Engine.forget = _forget_nothing  # type: ignore[method-assign]
    found.put(growth_per_message(folder))


def growth_in_own_process(folder: Path, forgetful: bool = True) -> float:
    """Threads that earlier tests left in this process would be measured with the simulation."""
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    process = context.Process(target=_measure, args=(folder, forgetful, found))
    process.start()
    try:
        return float(found.get(timeout=100))
    finally:
        process.join(timeout=10)


def test_a_longer_load_at_the_same_rate_needs_no_more_memory(tmp_path: Path) -> None:
    assert growth_in_own_process(tmp_path) < MOST_BYTES_PER_MESSAGE


def test_a_provider_that_forgets_nothing_would_be_noticed(tmp_path: Path) -> None:
    assert growth_in_own_process(tmp_path, forgetful=False) > 2 * MOST_BYTES_PER_MESSAGE
