"""The intervals of a sample, compared with those of ``scipy.stats``."""

from __future__ import annotations

import pytest
from scipy import stats

from loadtests.calibrate.theory import CONFIDENCE, binomial_interval, sampled_quantile_s
from mock_provider.settings.distributions import Uniform

COUNTS = (10, 75, 500, 1_500, 12_000)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.5, 0.93, 1.0])
def test_the_number_within_a_share(count: int, share: float) -> None:
    expected = stats.binom.interval(CONFIDENCE, count, share)
    # scipy gives -1 for a share of 0: a chance below that of no draw at all.
    assert binomial_interval(count, share) == tuple(max(int(each), 0) for each in expected)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_the_quantile_of_uniform_draws(count: int, share: float) -> None:
    spec = Uniform(kind="uniform", low_s=0.0, high_s=1.0)
    found = sampled_quantile_s(spec, share, count)
    assert found is not None
    beta = stats.beta(max(1, -(-share * count // 1)), count + 1 - max(1, -(-share * count // 1)))
    tail = (1 - CONFIDENCE) / 2
    assert found == pytest.approx((beta.ppf(tail), beta.ppf(1 - tail)))
