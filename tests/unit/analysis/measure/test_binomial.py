"""The binomial distribution against ``scipy.stats``, and what an analysis may not import."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from analysis.measure.binomial import chance_beyond, clopper_pearson, smallest_reaching
from analysis.measure.dependence import mean_ranks

SHARES = [0.5, 0.9, 0.95, 0.99, 0.999]


@pytest.mark.parametrize("chance", [0.025, 0.975])
@pytest.mark.parametrize("count", [1, 2, 19, 72, 73, 368, 1_001, 20_000, 3_000_000])
def test_the_quantile_is_the_one_of_scipy_stats(count: int, chance: float) -> None:
    assert np.array_equal(smallest_reaching(chance, count, SHARES), stats.binom.ppf(chance, count, SHARES))


def test_the_chance_of_more_is_the_one_of_scipy_stats() -> None:
    hits = np.array([-1, 0, 1, 5, 0, 7, 19, 400])
    counts = np.array([0, 0, 1, 40, 3, 7, 20, 10_000])
    assert chance_beyond(hits, counts, 0.02) == pytest.approx(stats.binom.sf(hits, counts, 0.02))


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (1, 1), (0, 40), (39, 40), (40, 40), (990, 1_000)])
def test_the_interval_of_a_share_is_the_exact_one(hits: int, count: int) -> None:
    exact = stats.binomtest(hits, count).proportion_ci(0.95, "exact")
    assert clopper_pearson(hits, count, 0.95) == pytest.approx((exact.low, exact.high))


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    values = np.array([0.3, 0.1, 0.3, 0.2, 0.3, 0.1, 0.9])
    assert np.array_equal(mean_ranks(values), stats.rankdata(values))


def test_a_trial_is_analysed_without_the_libraries_that_load_slowly() -> None:
    """Twelve trials of a search would load them twelve times."""
    asked = "import sys, analysis.cli; print([m for m in ('scipy.stats', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
