"""Availability and the slope of the backlog, on loads whose queue is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.model import PartReport
from analysis.report import build_report

Build = Callable[[str], Any]


def queued(run: Any, due_s: list[float], capacity_per_s: float, **manifest: Any) -> PartReport:
    """Messages that wait for a server of this capacity, first come, first served."""
    free_s = 0.0
    for slot, due in enumerate(due_s):
        free_s = max(free_s, due + 0.02) + 1.0 / capacity_per_s
        run.due(f"m-{slot}", due)
        run.seen(f"m-{slot}", due + 0.005, carrier_s=free_s - due - 0.015)
    path: Path = run.write(**{"end_s": 400.0, **manifest})
    (part,) = build_report(path).parts
    return part


def poisson(rate_per_s: float, for_s: float, seed: int, from_s: float = 0.0) -> list[float]:
    random = np.random.default_rng(seed)
    gaps = random.exponential(1.0 / rate_per_s, size=int(rate_per_s * for_s * 1.5))
    instants = from_s + np.cumsum(gaps)
    found: list[float] = instants[instants < from_s + for_s].tolist()
    return found


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("load", "holds"), [(0.5, True), (0.9, True), (1.04, False), (1.5, False)])
def test_a_queue_that_grows_is_not_sustained(new_run: Build, load: float, holds: bool, seed: int) -> None:
    part = queued(new_run("run"), poisson(100.0 * load, 40.0, seed), 100.0, load_s=40.0)
    assert part.sustained is holds
    assert part.availability is not None
    assert part.availability.windows == 4
    if load != 1.04:  # a window is too short to show a growth that slow
        assert (part.availability.available == 4) is holds


def test_a_burst_that_drains_is_no_growth(new_run: Build) -> None:
    due = sorted(poisson(20.0, 120.0, 1) + poisson(300.0, 10.0, 2, from_s=30.0))
    part = queued(new_run("run"), due, 100.0, load_s=120.0)
    assert part.timeline.peak_unsubmitted + part.timeline.peak_undelivered > 1_500
    assert part.sustained is True
    assert part.availability is not None
    assert (part.availability.available, part.availability.why) == (12, "")


def test_a_late_overload_leaves_the_windows_before_it_available(new_run: Build) -> None:
    due = poisson(50.0, 60.0, 3) + poisson(200.0, 60.0, 4, from_s=60.0)
    part = queued(new_run("run"), due, 100.0, load_s=120.0)
    found = part.availability
    assert part.sustained is False
    assert found is not None
    assert found.first_bad_at_s == pytest.approx(60.0, abs=10.0)
    assert 5 <= found.available <= 7
    assert "the backlog grew and never came back" in found.why


@pytest.mark.parametrize("outcome", ["refused", "failed", "dropped", "unfinished"])
def test_a_window_in_which_a_message_was_not_taken_is_not_available(new_run: Build, outcome: str) -> None:
    run = new_run("run")
    for slot in range(600):
        if slot == 250:
            run.due("turned-away", slot / 10, outcome)
        else:
            run.journey(f"m-{slot}", slot / 10, 3.0)
    report = build_report(run.write(end_s=90.0, slos=("availability>=100%",)))
    found = report.parts[0].availability
    assert found is not None
    assert (found.windows, found.available, found.first_bad_at_s) == (6, 5, 20.0)
    (objective,) = (each for each in report.objectives if each.measure == "availability")
    assert (objective.verdict, objective.measured) == ("missed", "83.3 %")


def test_of_a_few_messages_nothing_can_be_told(new_run: Build) -> None:
    part = queued(new_run("run"), [0.1 * slot for slot in range(19)], 100.0, load_s=2.0)
    assert part.sustained is None


def test_without_provider_rows_the_backlog_is_not_known(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(100):
        run.due(f"m-{slot}", slot / 10)
    (part,) = build_report(run.write(load_s=10.0, provider_file=False)).parts
    assert part.sustained is None
    assert part.availability is not None
    assert part.availability.available == 1
