from __future__ import annotations

import math

import numpy as np
import pytest

from analysis.arrays import Floats
from analysis.measure.dependence import evidence_share, lag_one_correlation
from analysis.measure.percentiles import (
    interval_ranks,
    known,
    quantiles,
    ranks,
    with_open,
)
from analysis.quantile import needed


def test_nearest_rank_is_computed_in_integers() -> None:
    # 99.9 % of 1,000 is 999 exactly; in floats 0.999 * 1000 = 999.0000000000001 would give 1,000.
    assert ranks(1000, (99.9,))[0] == 999
    assert ranks(1000, (50.0, 90.0, 95.0, 99.0, 99.99)).tolist() == [500, 900, 950, 990, 1000]
    assert ranks(1, (50.0, 99.0)).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("percentile", "least"), [(50.0, 6), (90.0, 36), (95.0, 72), (99.0, 368), (99.9, 3_688), (99.99, 36_887)]
)
def test_a_percentile_is_withheld_just_below_the_sample_it_needs(percentile: float, least: int) -> None:
    assert needed(percentile) == least
    values = np.arange(1.0, least + 1)
    assert quantiles(known(values), (percentile,))[0].state == "exact"
    assert quantiles(known(values[:-1]), (percentile,))[0].state == "withheld"
    _, upper = interval_ranks(least, (percentile,))
    assert upper[0] == least


def test_interval_of_p99_in_ten_thousand() -> None:
    # load-testing.md section 5: ranks 9,880 and 9,920.
    lower, upper = interval_ranks(10_000, (99.0,))
    assert (lower[0], upper[0]) == (9_880, 9_920)


def test_the_interval_covers_the_true_percentile_as_often_as_it_says() -> None:
    random = np.random.default_rng(20_260_101)
    true_p95 = -math.log(0.05)  # of the standard exponential distribution
    covered = 0
    for _ in range(2_000):
        found = quantiles(known(random.exponential(1.0, 400)), (95.0,))[0]
        assert found.low_s is not None and found.high_s is not None
        covered += found.low_s <= true_p95 <= found.high_s
    # At least 95 %, less three standard deviations of 2,000 draws; and not so wide that it says nothing.
    assert 0.935 <= covered / 2_000 <= 0.985


def test_open_messages_are_never_left_out() -> None:
    delivered = np.full(90, 2.0)
    ages = with_open(delivered, np.full(10, 31.0), never=0)
    p50, p95 = quantiles(ages, (50.0, 95.0))
    assert (p50.state, p50.value_s) == ("exact", 2.0)
    assert (p95.state, p95.value_s) == ("at_least", 31.0)
    assert p95.high_s == math.inf


def test_a_young_open_message_cannot_make_a_percentile_smaller() -> None:
    # An interrupted run: 20 of 100 are still open at an age of 0.1 s. They might become the slowest of all.
    ages = with_open(np.linspace(1.0, 8.0, 80), np.full(20, 0.1), never=0)
    (p75,) = quantiles(ages, (75.0,))
    assert p75.state == "exact"
    assert p75.value_s == pytest.approx(np.linspace(1.0, 8.0, 80)[74])
    assert p75.low_s is not None and p75.low_s < 5.0  # where the twenty count as fast
    (p90,) = quantiles(ages, (90.0,))
    assert p90.state == "at_least"


def test_messages_given_up_push_a_percentile_to_never() -> None:
    (p95,) = quantiles(with_open(np.full(90, 2.0), np.array([]), never=10), (95.0,))
    assert (p95.state, p95.value_s) == ("never", math.inf)


def test_a_few_messages_prove_that_a_percentile_never_arrives() -> None:
    """20 are fewer than the 72 of a p95. Nothing is above "never", so that no upper rank is needed."""
    (p95,) = quantiles(with_open(np.full(10, 2.0), np.array([]), never=10), (95.0,))
    assert (p95.state, p95.value_s, p95.low_s, p95.high_s) == ("never", math.inf, math.inf, math.inf)


def test_no_messages_no_percentile() -> None:
    (p50,) = quantiles(known(np.array([])), (50.0,))
    assert (p50.state, p50.value_s, p50.low_s) == ("withheld", None, None)


def test_correlated_values_count_for_fewer() -> None:
    random = np.random.default_rng(3)
    steps = random.normal(size=5_000)
    walk = np.zeros(5_000)
    for i in range(1, 5_000):
        walk[i] = 0.8 * walk[i - 1] + steps[i]
    r = lag_one_correlation(walk)
    assert r == pytest.approx(0.8, abs=0.03)
    assert evidence_share(5_000, r) == pytest.approx(0.2 / 1.8, rel=0.2)
    assert lag_one_correlation(np.ones(10)) == 0.0
    assert evidence_share(100, -0.5) == 1.0


def autoregressive(random: np.random.Generator, count: int, r: float) -> Floats:
    """Standard normal values of which each is correlated with the previous one by ``r``."""
    steps = random.normal(scale=math.sqrt(1.0 - r * r), size=count)
    values = np.empty(count)
    values[0] = random.normal()
    for i in range(1, count):
        values[i] = r * values[i - 1] + steps[i]
    return values


def coverage(r: float, widened: bool, draws: int = 600, count: int = 600) -> float:
    """How often the interval of p95 holds the true one."""
    random = np.random.default_rng(11)
    true_p95 = 1.6448536
    held = 0
    for _ in range(draws):
        values = autoregressive(random, count, r)
        share = evidence_share(count, lag_one_correlation(values)) if widened else 1.0
        (found,) = quantiles(known(values), (95.0,), share)
        low = -math.inf if found.low_s is None else found.low_s
        high = math.inf if found.high_s is None else found.high_s
        held += low <= true_p95 <= high
    return held / draws


def test_widening_gives_dependent_values_the_coverage_that_the_interval_claims() -> None:
    # As if independent, the interval of values that queue together misses far too often.
    assert coverage(0.8, widened=False) < 0.85
    assert coverage(0.8, widened=True) >= 0.95
    assert coverage(0.5, widened=False) < 0.95 <= coverage(0.5, widened=True)


def test_independent_values_are_hardly_ever_widened() -> None:
    random = np.random.default_rng(5)
    samples = [random.exponential(size=400) for _ in range(400)]
    widened = sum(evidence_share(400, lag_one_correlation(each)) < 1.0 for each in samples)
    assert widened / 400 < 0.05  # one side of two standard deviations: 2.3 %
    assert coverage(0.0, widened=True) >= 0.93


def test_dependent_values_need_more_messages_for_a_percentile() -> None:
    assert needed(95.0, 0.5) == 144
    values = np.sort(np.random.default_rng(2).normal(size=143))
    assert quantiles(known(values), (95.0,), 0.5)[0].state == "withheld"
    assert quantiles(known(np.append(values, 9.0)), (95.0,), 0.5)[0].state == "exact"
