"""The steady part of a load: growth, throughput and reserve of made-up journeys."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.arrays import Floats
from analysis.measure.steady import steady


def evenly(rate_per_s: float, load_s: float) -> Floats:
    return np.arange(round(rate_per_s * load_s)) / rate_per_s


def bucket(due_s: Floats, rate_per_s: float, burst: float = 1.0) -> Floats:
    place = np.arange(len(due_s)) / rate_per_s
    theoretical_s = np.maximum.accumulate(due_s - place) + place
    through: Floats = np.maximum(due_s, theoretical_s - (burst - 1) / rate_per_s)
    return through


def test_a_load_that_is_carried_is_sustained() -> None:
    due_s = evenly(100, 10)
    found = steady(due_s, due_s + 0.2, 10)
    assert found is not None
    assert found.sustained is True
    assert found.offered_per_s == pytest.approx(100)
    assert found.through_per_s == pytest.approx(100, rel=0.01)
    assert found.backlog == pytest.approx(20, abs=1)  # messages in flight
    assert found.growth_per_s == pytest.approx(0, abs=0.2)
    assert found.reserve == pytest.approx(0, abs=1)


@pytest.mark.parametrize("offered_per_s", [103, 110, 200, 1_000])
def test_a_queue_that_grows_is_not_sustained_and_shows_the_capacity(offered_per_s: float) -> None:
    due_s = evenly(offered_per_s, 10)
    found = steady(due_s, bucket(due_s, 100), 10)
    assert found is not None
    assert found.sustained is False
    assert found.through_per_s == pytest.approx(100, rel=0.001)
    assert found.growth_per_s == pytest.approx(offered_per_s - 100, rel=0.05)


def test_immaterial_growth_counts_as_none() -> None:
    due_s = evenly(100.5, 10)  # half a percent more than gets through
    found = steady(due_s, bucket(due_s, 100), 10)
    assert found is not None
    assert found.growth_low_per_s > 0
    assert found.sustained is True


def test_messages_that_the_sender_does_not_take_are_a_backlog() -> None:
    due_s = evenly(200, 10)
    through_s = np.where(np.arange(len(due_s)) % 2 == 0, due_s + 0.01, np.nan)
    found = steady(due_s, through_s, 10)
    assert found is not None
    assert found.sustained is False
    assert found.through_per_s == pytest.approx(100, rel=0.01)


def test_a_system_that_completes_nothing_is_not_sustained() -> None:
    due_s = evenly(100, 10)
    found = steady(due_s, np.full_like(due_s, np.nan), 10)
    assert found is not None
    assert (found.sustained, found.through_per_s, found.reserve) == (False, 0.0, 0.0)


@pytest.mark.parametrize("burst", [50, 300, 700])
def test_a_burst_is_distinguished_from_the_steady_rate(burst: float) -> None:
    due_s = evenly(200, 10)
    found = steady(due_s, bucket(due_s, 100, burst) + 0.3, 10)
    assert found is not None
    assert found.sustained is False
    assert found.through_per_s == pytest.approx(100, rel=0.001)
    assert found.reserve == pytest.approx(burst, abs=3)


def test_classes_that_overtake_hide_no_growth() -> None:
    # Half of the messages always go first: only the other half waits, and its waits are cut off at the end.
    urgent_s = evenly(60, 10)
    others_s = evenly(60, 10) + 0.001
    found = steady(
        np.concatenate([urgent_s, others_s]),
        np.concatenate([urgent_s + 0.01, bucket(others_s, 40)]),
        10,
    )
    assert found is not None
    assert found.sustained is False
    assert found.growth_per_s == pytest.approx(20, rel=0.05)


def test_a_load_of_a_few_messages_has_no_steady_rate() -> None:
    due_s = evenly(5, 10)
    assert steady(due_s, due_s, 10) is None
    assert steady(np.empty(0), np.empty(0), 0.0) is None
