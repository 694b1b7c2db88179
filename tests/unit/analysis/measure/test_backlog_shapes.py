"""Whether the backlog grew, in loads of known shape: days, teeth, overloads, a late recovery."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from analysis.arrays import Bools, Floats
from analysis.measure import backlog as backlog_module
from analysis.measure.backlog import LoadBacklog, growing_windows, window_starts

RatesOverTime = Callable[[Floats], Floats]
_STEP_S = 0.5


def queue(load_s: float, arrivals: RatesOverTime, capacity: RatesOverTime, seed: int = 0) -> LoadBacklog:
    """One queue. Both rates are per second; the arrivals are a Poisson process, except for seed 0."""
    at_s = np.arange(0.0, load_s, _STEP_S)
    expected = arrivals(at_s) * _STEP_S
    counts = np.diff(np.floor(np.cumsum(np.append(0.0, expected))))
    if seed:
        counts = np.random.default_rng(seed).poisson(expected)
    arrived = np.cumsum(counts)
    free = np.cumsum(capacity(at_s) * _STEP_S)
    # Departures by the end of each step: the free capacity, without what an empty queue did not use.
    gone = np.floor(free + np.minimum.accumulate(np.minimum(arrived - free, 0.0)))
    due_s = np.repeat(at_s, counts.astype(np.int64))
    left_s = np.repeat(at_s + _STEP_S, np.diff(np.append(0.0, gone)).astype(np.int64))
    gone_s = np.full(len(due_s), np.nan)
    gone_s[: len(left_s)] = left_s
    return LoadBacklog(due_s, gone_s, load_s)


def growing(backlog: LoadBacklog) -> Bools:
    return growing_windows(backlog, window_starts(backlog.end_s))


def constant(rate: float) -> RatesOverTime:
    return lambda at_s: np.full(len(at_s), rate)


def day(mean_per_s: float, load_s: float) -> RatesOverTime:
    """A business day: a quiet night, a plateau, the peak in the early evening."""
    hours = np.array([0, 6, 9, 12, 16, 18, 20, 22, 24], dtype=np.float64)
    weights = np.array([0.1, 0.1, 1.6, 1.5, 1.6, 2.2, 1.6, 0.6, 0.1])
    mean = float(np.sum(np.diff(hours) * (weights[1:] + weights[:-1]) / 2)) / 24
    return lambda at_s: mean_per_s * np.interp(at_s, hours * load_s / 24, weights) / mean


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.8, 0.85, 0.9, 0.95])
def test_a_day_that_drains_in_its_evening_does_not_grow(share: float, seed: int) -> None:
    """More comes by day than goes. All of it goes by the next morning."""
    backlog = queue(3_600.0, day(20.0 * share, 3_600.0), constant(20.0), seed)
    at_s = np.linspace(0.0, 3_600.0, 1_000)
    waiting = backlog.at(at_s)
    assert waiting.max() > 3_000 and waiting[-1] < 0.8 * waiting.max()
    assert not growing(backlog).any()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [1.2, 1.5, 2.0])
def test_a_day_with_more_than_a_day_can_take_grows(share: float, seed: int) -> None:
    assert growing(queue(3_600.0, day(20.0 * share, 3_600.0), constant(20.0), seed)).any()


@pytest.mark.parametrize("seed", range(1, 21))
@pytest.mark.parametrize(("load_s", "share"), [(40.0, 1.1), (120.0, 1.06), (600.0, 1.05), (600.0, 2.0)])
def test_a_constant_overload_grows(load_s: float, share: float, seed: int) -> None:
    found = growing(queue(load_s, constant(100.0 * share), constant(100.0), seed))
    assert found[len(found) // 2 :].all() if share == 2.0 else found.any()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("load_s", [25.0, 60.0])
@pytest.mark.parametrize("share", [1.5, 3.0])
def test_a_backlog_that_grows_from_the_start_grows_in_each_window(
    share: float, load_s: float, seed: int
) -> None:
    """It never returns to a level that it had. The mean of the second quarter is a later level."""
    assert growing(queue(load_s, constant(10.0 * share), constant(10.0), seed)).all()


@pytest.mark.parametrize("seed", range(1, 6))
def test_an_empty_system_that_fills_at_first_does_not_grow_yet(seed: int) -> None:
    """5 s at 10/s, then 100/s until 300 s, then 50/s more than the capacity. Each message takes 0.5 s."""
    random = np.random.default_rng(seed)
    counts = random.poisson((10.0 * 5, 100.0 * 295, 200.0 * 300))
    parts = ((0.0, 5.0), (5.0, 300.0), (300.0, 600.0))
    due_s = np.sort(
        np.concatenate([random.uniform(*part, count) for part, count in zip(parts, counts, strict=True)])
    )
    quiet = int(counts[:2].sum())
    gone_s = due_s + 0.5
    gone_s[quiet:] = np.maximum(gone_s[quiet:], 300.5 + np.arange(counts[2]) / 150.0)
    found = growing(LoadBacklog(due_s, gone_s, 600.0, hold_s=0.5))
    assert not found[0]
    assert found[31:].all()


@pytest.mark.parametrize("seed", range(1, 21))
def test_a_hold_before_an_overload_is_no_growth(seed: int) -> None:
    """Each message waits 3 s, and from 60 s on as long as the queue. The backlog varies about its level."""
    random = np.random.default_rng(seed)
    quiet, busy = random.poisson(50.0 * 60.0), random.poisson(200.0 * 60.0)
    due_s = np.sort(np.append(random.uniform(0.0, 60.0, quiet), random.uniform(60.0, 120.0, busy)))
    gone_s = due_s + 3.0
    gone_s[quiet:] = 63.0 + np.arange(busy) / 50.0
    found = growing(LoadBacklog(due_s, gone_s, 120.0, hold_s=3.0))
    assert found[6:].all() and not found[0]
    assert np.count_nonzero(found[:5]) <= 1  # a window that began at a level that was low by chance


@pytest.mark.parametrize("fall_s", [1.0, 3.0, 8.0])
def test_an_overload_whose_last_seconds_are_quiet_still_grows(fall_s: float) -> None:
    """At its end the backlog falls, by less than 15 %."""

    def arrivals(at_s: Floats) -> Floats:
        return np.where(at_s < 120.0 - fall_s, 130.0, 80.0)

    assert growing(queue(120.0, arrivals, constant(100.0))).any()


@pytest.mark.parametrize("phase", np.linspace(0.0, 0.9, 10))
@pytest.mark.parametrize(
    ("teeth", "height"),
    [(4, 0.1), (4, 0.3), (4, 0.5), (6, 0.1), (6, 0.3), (6, 0.5), (12, 0.1), (12, 0.3), (12, 0.5), (30, 0.1)],
)
def test_a_sawtooth_backlog_that_rises_grows(teeth: int, height: float, phase: float) -> None:
    """The queue is emptied in spurts, also at the end: ``height`` is a tooth, as a share of the growth."""
    load_s, growth = 600.0, 6_000.0
    period_s = load_s / teeth
    tooth = height * growth

    def capacity(at_s: Floats) -> Floats:
        spurt = ((at_s / period_s + phase) % 1.0) > 0.8
        mean = 110.0 - growth / load_s
        extra = tooth / (0.2 * period_s)
        return mean + np.where(spurt, extra, -extra / 4)

    assert growing(queue(load_s, constant(110.0), capacity)).any()


def test_a_backlog_of_an_outage_that_drains_when_the_load_ends_does_not_grow() -> None:
    def capacity(at_s: Floats) -> Floats:
        return np.where((at_s > 200.0) & (at_s < 500.0), 0.0, 150.0)

    assert not growing(queue(600.0, constant(50.0), capacity)).any()


def test_only_windows_to_whose_level_it_did_not_return_are_marked() -> None:
    """A hump that drains, then an overload until the end: the windows on the hump's top are good."""

    def arrivals(at_s: Floats) -> Floats:
        return np.where((at_s > 250.0) & (at_s < 350.0), 150.0, np.where(at_s > 450.0, 200.0, 50.0))

    backlog = queue(600.0, arrivals, constant(100.0))
    found = growing(backlog)
    starts = window_starts(600.0)
    ends = np.append(starts[1:], 600.0)
    returned = np.array([backlog.lowest(float(end)) for end in ends]) <= backlog.at(starts)
    assert found.any() and not (found & returned)[starts != 450.0].any()
    assert found[starts > 460.0].all()


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_window_that_is_marked_has_a_level_to_which_the_backlog_did_not_return(seed: int) -> None:
    random = np.random.default_rng(seed)
    rates = random.uniform(40.0, 200.0, size=12)
    backlog = queue(480.0, lambda at_s: rates[(at_s // 40).astype(np.int64)], constant(100.0), seed)
    found, starts = growing(backlog), window_starts(480.0)
    ends = np.append(starts[1:], 480.0)
    returned = np.array([backlog.lowest(float(end)) for end in ends]) <= backlog.at(starts)
    assert np.count_nonzero(found & returned) <= 1  # the window in which the growth began


@pytest.mark.parametrize(
    ("load_s", "rate", "share"), [(40.0, 100.0, 1.04), (60.0, 20.0, 1.1), (120.0, 5.0, 1.3)]
)
def test_a_random_fall_at_the_end_does_not_hide_growth(
    monkeypatch: pytest.MonkeyPatch, load_s: float, rate: float, share: float
) -> None:
    """The result is that without the rule for a fall."""
    backlogs = [queue(load_s, constant(rate * share), constant(rate), seed) for seed in range(1, 301)]
    found = [growing(each).any() for each in backlogs]
    monkeypatch.setattr(backlog_module, "FALL_SHARE", np.inf)
    assert found == [growing(each).any() for each in backlogs]
    assert sum(found) > 100
