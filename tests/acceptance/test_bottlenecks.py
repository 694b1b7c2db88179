"""Runs with a bottleneck that the test causes. The report must name it first.

What happens to processes is real: a process is stopped and continued, a lock is held, a limit is set.
``test_simulated_bottlenecks.py`` has the runs in which only the provider's rules matter.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from bottleneck_runs import ALL_CLASSES, FAST, MARKETING, kinds, named_first, part_of, run_live
from waiting import eventually

from analysis.model import PartReport
from loadtests.arrivals import Constant
from loadtests.runner.provider_profile import ProfileChoice
from loadtests.scenario import Part

Staging = Callable[[Path], AbstractContextManager[None]]


def run_part(part: Part, run_dir: Path, staging: Staging | None = None) -> PartReport:
    """Run it for real; ``staging`` is a context that lasts from the first answer to the load's end."""
    stage = threading.Thread(target=_stage, args=(run_dir, staging), daemon=True)
    stage.start()
    report = run_live(part, run_dir)
    stage.join(30)
    return report


def _stage(run_dir: Path, staging: Staging | None) -> None:
    if staging is None:
        return
    status = run_dir / "load-0.json"

    def load() -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(status.read_bytes())
            return found
        except (OSError, ValueError):
            return {}

    eventually(lambda: load().get("accepted", 0) > 0, 90.0)
    with staging(run_dir):
        eventually(lambda: not status.is_file() or load().get("phase") in ("answering", "finished"), 90.0)


def process_of(run_dir: Path, module: str) -> int:
    (found,) = [
        child.pid
        for child in psutil.Process().children(recursive=True)
        if module in child.cmdline() and str(run_dir) in " ".join(child.cmdline())
    ]
    return found


@contextmanager
def held(pid: int, runs_s: float, stands_s: float) -> Iterator[None]:
    """The process gets ``runs_s`` of every ``runs_s + stands_s``."""
    over = threading.Event()

    def hold() -> None:
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            over.wait(stands_s)
            os.kill(pid, signal.SIGCONT)
            over.wait(runs_s)

    try:
        with _beside(hold, over):
            yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def locked(store: Path, held_s: float, free_s: float) -> Iterator[None]:
    """Another connection has the store's write lock for most of the time."""
    over = threading.Event()

    def lock() -> None:
        connection = sqlite3.connect(store, isolation_level=None, timeout=10.0)
        while not over.is_set():
            connection.execute("BEGIN IMMEDIATE")
            over.wait(held_s)
            connection.execute("ROLLBACK")
            over.wait(free_s)
        connection.close()

    with _beside(lock, over):
        yield


@contextmanager
def _beside(work: Callable[[], None], over: threading.Event) -> Iterator[None]:
    """``work`` runs in a thread until ``over`` is set, at the end of the block."""
    holder = threading.Thread(target=work)
    holder.start()
    try:
        yield
    finally:
        over.set()
        holder.join(10)


def test_a_sender_that_is_stopped_most_of_the_time(tmp_path: Path) -> None:
    part = part_of(tmp_path, 400.0, FAST, MARKETING)
    run_dir = tmp_path / "run"
    # 2 % of a core. With 4 % a fast machine carries this load, and the report rightly names nothing.
    report = run_part(part, run_dir, lambda place: held(process_of(place, "reference_sender"), 0.005, 0.245))
    # It gets a fiftieth of a core, by being stopped: it is not ready for a core meanwhile.
    named_first(report, run_dir, "sender_loop")
    assert report.validity != "invalid", [each for each in report.checks if each.state == "invalid"]


def test_a_sender_with_a_rate_limit_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = "requests_per_s=5&requests_burst=1&max_batch=5"
    monkeypatch.setattr(ProfileChoice, "route_options", lambda _: own)
    report = run_part(part_of(tmp_path, 100.0, FAST, MARKETING), tmp_path / "run")
    named_first(report, tmp_path / "run", "sender_pacing")


def test_a_store_that_is_slow(tmp_path: Path) -> None:
    part = part_of(tmp_path, 40.0, FAST, ALL_CLASSES)
    report = run_part(part, tmp_path / "run", lambda place: locked(place / "sender.db", 2.6, 0.2))
    named_first(report, tmp_path / "run", "sender_store")


def test_a_provider_that_refuses_what_is_above_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It does not know the limit.
    monkeypatch.setattr(ProfileChoice, "route_options", lambda _: "max_batch=10")
    profile = {**FAST, "throttle": {"segments": {"rate_per_s": 30, "burst": 30}}}
    report = run_part(part_of(tmp_path, 120.0, profile, MARKETING), tmp_path / "run")
    named_first(report, tmp_path / "run", "provider_limit")
    assert any("refused" in line for line in report.bottlenecks[0].evidence)


def test_a_load_generator_that_is_starved(tmp_path: Path) -> None:
    part = part_of(tmp_path, 40.0, FAST, ALL_CLASSES)
    report = run_part(part, tmp_path / "run", lambda place: held(process_of(place, "locust"), 0.1, 0.6))
    named_first(report, tmp_path / "run", "generator")
    assert report.validity == "invalid"


def test_a_mock_that_stalls(tmp_path: Path) -> None:
    part = part_of(tmp_path, 40.0, FAST, ALL_CLASSES)
    report = run_part(
        part, tmp_path / "run", lambda place: held(process_of(place, "mock_provider"), 0.1, 0.5)
    )
    named_first(report, tmp_path / "run", "mock")
    assert report.validity == "invalid"


def test_nothing_is_wrong_on_this_machine(tmp_path: Path) -> None:
    """A machine that is shared may be too busy for any load: then a lower rate, and at last it says so."""
    for rate in (20.0, 10.0, 5.0):
        run_dir = tmp_path / f"run-{rate:g}"
        part = part_of(tmp_path, rate, FAST, ALL_CLASSES, process=Constant(rate, 6.0))
        report = run_part(part, run_dir)
        if kinds(report) != ["machine"]:
            break
    assert kinds(report) == [], report.bottlenecks


pytestmark = pytest.mark.timeout(180)
