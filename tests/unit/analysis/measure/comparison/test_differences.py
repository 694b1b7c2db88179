"""Differences with intervals: worked out by hand, and held to their coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.measure.comparison.differences import (
    TimeGroup,
    claimed,
    independent_difference,
    paired_difference,
)


def known(values: list[float] | np.ndarray) -> TimeGroup:
    times = np.asarray(values, dtype=np.float64)
    return TimeGroup(times, times)


@pytest.mark.parametrize(
    ("low_s", "high_s", "expected"),
    [
        (0.1, 0.3, True),
        (-0.3, -0.1, True),
        (-0.1, 0.2, False),
        (0.0, 0.2, False),
        (-0.2, 0.0, False),
        (-math.inf, math.inf, False),
    ],
)
def test_a_difference_is_claimed_only_where_its_interval_excludes_zero(
    low_s: float, high_s: float, expected: bool
) -> None:
    assert claimed(low_s, high_s) is expected


def test_a_constant_difference_of_pairs_has_an_interval_of_no_width() -> None:
    theirs = np.random.default_rng(1).lognormal(1.0, 0.8, 500)
    found = paired_difference(theirs + 0.25, theirs, 95.0)
    assert (found.value_s, found.low_s, found.high_s) == pytest.approx((0.25, 0.25, 0.25))
    assert found.claimed


def test_pairs_without_a_difference_claim_none() -> None:
    chance = np.random.default_rng(2)
    theirs = chance.lognormal(1.0, 0.8, 800)
    found = paired_difference(theirs + chance.normal(0.0, 0.05, 800), theirs, 95.0)
    assert found.low_s <= 0.0 <= found.high_s
    assert not found.claimed


def test_too_few_messages_claim_no_difference() -> None:
    """A p95 needs 72 messages (``percentiles.needed``) whose neighbours are not alike."""
    chance = np.random.default_rng(6)
    theirs = chance.permutation(np.arange(71.0))
    few = paired_difference(theirs + 100.0, theirs, 95.0)
    # Nearest rank 68 of 71: 167 and 67.
    assert (few.value_s, few.low_s, few.high_s, few.claimed) == (100.0, -math.inf, math.inf, False)
    assert not independent_difference(
        known(theirs + 100.0), known(chance.permutation(np.arange(500.0))), 95.0
    ).claimed
    enough = chance.permutation(np.arange(72.0))
    assert independent_difference(known(enough + 1000.0), known(enough), 95.0).claimed
    rising = known(np.arange(500.0))  # a queue that grows: 500 messages have the evidence of one
    assert not independent_difference(known(np.arange(500.0) + 1000.0), rising, 95.0).claimed


def test_empty_samples_have_no_difference() -> None:
    empty = np.empty(0)
    assert paired_difference(empty, empty, 95.0).value_s is None
    assert independent_difference(known(empty), known([1.0]), 95.0).value_s is None


def test_the_same_times_give_the_same_interval() -> None:
    theirs = np.random.default_rng(3).lognormal(1.0, 0.8, 300)
    ours = np.random.default_rng(4).lognormal(1.1, 0.8, 300)
    first, again = (independent_difference(known(ours), known(theirs), 95.0) for _ in range(2))
    assert first == again


def test_messages_that_are_still_open_widen_the_interval_on_their_side() -> None:
    times = np.random.default_rng(5).uniform(1.0, 2.0, 400)
    before = known(times)
    low, high = times.copy(), times.copy()
    high[::8] = np.inf  # 50 of 400 are open, more than the 5 % above a p95
    found = independent_difference(TimeGroup(low, high), before, 95.0)
    assert math.isinf(found.high_s) and found.high_s > 0 and math.isfinite(found.low_s)
    assert found.value_s is None and not found.claimed
    other_way = independent_difference(before, TimeGroup(low, high), 95.0)
    assert other_way.low_s == -math.inf and not other_way.claimed
    both = independent_difference(TimeGroup(low, high), TimeGroup(low, high), 95.0)
    assert (both.low_s, both.high_s, both.claimed) == (-math.inf, math.inf, False)


def coverage(make: object, runs: int = 120, percentile: float = 95.0) -> float:
    """How often the interval of two groups alike holds zero."""
    held = 0
    for seed in range(runs):
        chance = np.random.default_rng(1_000 + seed)
        ours, theirs = make(chance), make(chance)  # type: ignore[operator]
        held += not independent_difference(known(ours), known(theirs), percentile).claimed
    return held / runs


def autoregressive(chance: np.random.Generator, count: int, r: float) -> np.ndarray:
    """Log-normal times of a first-order autoregressive process with this lag-1 correlation."""
    found = chance.normal(size=count)
    for place in range(1, count):
        found[place] = r * found[place - 1] + math.sqrt(1.0 - r * r) * found[place]
    return 5.0 * np.exp(0.6 * found)


def test_intervals_of_independent_times_cover_the_true_value() -> None:
    """95 % are meant to; 120 trials have a standard error of 2 %."""
    assert coverage(lambda chance: chance.lognormal(1.0, 0.7, 300)) >= 0.89


def test_blocks_keep_the_coverage_when_neighbours_are_correlated() -> None:
    """Queue waits of neighbours are nearly equal. Without blocks the interval would be far too narrow."""

    def queue(chance: np.random.Generator) -> np.ndarray:
        level = np.repeat(chance.lognormal(0.0, 0.5, 75), 8)  # 8 neighbours share most of their wait
        return level + chance.uniform(0.0, 0.05, 600)

    assert coverage(queue) >= 0.93


@pytest.mark.parametrize("percentile", [50.0, 95.0])
@pytest.mark.parametrize("r", [0.8, 0.9])
def test_correlated_times_keep_the_coverage(r: float, percentile: float) -> None:
    """Committed samples have correlations up to 0.85. With blocks of 7 messages, and every message counted as
    independent, a difference was claimed in 10 to 26 % of these cases.
    """
    held = coverage(lambda chance: autoregressive(chance, 400, r), percentile=percentile)
    assert held >= 0.93


def test_pairs_of_correlated_times_keep_the_coverage() -> None:
    """The same messages in two runs: most of the time is common, and the rest is correlated too."""
    held = 0
    for seed in range(120):
        chance = np.random.default_rng(2_000 + seed)
        common = autoregressive(chance, 400, 0.8)
        ours, theirs = (common * autoregressive(chance, 400, 0.8) ** 0.3 for _ in range(2))
        held += not paired_difference(ours, theirs, 95.0).claimed
    assert held / 120 >= 0.89


def test_a_clear_difference_of_correlated_times_is_claimed() -> None:
    chance = np.random.default_rng(7)
    ours, theirs = autoregressive(chance, 1_500, 0.8), autoregressive(chance, 1_500, 0.8)
    found = independent_difference(known(ours * 4.0), known(theirs), 95.0)
    assert found.claimed and found.low_s > 0.0
    assert not independent_difference(known(ours), known(theirs), 95.0).claimed
