"""Quantiles of the profiles' distributions, and the random error of a sample of n.

From ``scipy.special``: importing ``scipy.stats`` takes a second.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist

from scipy import special

from mock_provider.settings.distributions import DelayDistribution

CONFIDENCE = 0.999
_NORMAL = NormalDist()
_Z99 = _NORMAL.inv_cdf(0.99)


def quantile_s(spec: DelayDistribution, share: float) -> float | None:
    """The value, in seconds, below which ``share`` of the draws lie; None if there is no formula."""
    if spec.kind == "fixed":
        return spec.value_s
    if spec.kind == "uniform":
        return spec.low_s + share * (spec.high_s - spec.low_s)
    if spec.kind == "lognormal":
        sigma = math.log(spec.p99_s / spec.median_s) / _Z99
        return spec.median_s * math.exp(sigma * _NORMAL.inv_cdf(share)) if 0 < share < 1 else None
    if spec.kind == "empirical":
        return _interpolated(spec.percentiles_s, share * 100)
    return None


def sampled_quantile_s(spec: DelayDistribution, share: float, count: int) -> tuple[float, float] | None:
    """The interval in which the quantile of ``count`` draws lies with a probability of 99.9 %.

    The order statistic of rank k of n uniforms is Beta(k, n + 1 - k), whatever the distribution.
    """
    rank = max(1, math.ceil(share * count))
    tail = (1 - CONFIDENCE) / 2
    low_share, high_share = (
        float(special.betaincinv(rank, count + 1 - rank, chance)) for chance in (tail, 1 - tail)
    )
    low, high = quantile_s(spec, low_share), quantile_s(spec, high_share)
    return None if low is None or high is None else (low, high)


def binomial_interval(count: int, share: float) -> tuple[int, int]:
    """The interval of the number of ``count`` draws within a share, with a probability of 99.9 %."""
    tail = (1 - CONFIDENCE) / 2
    return _smallest_reaching(tail, count, share), _smallest_reaching(1 - tail, count, share)


def _smallest_reaching(chance: float, count: int, share: float) -> int:
    """The smallest k with P(B <= k) >= ``chance``, B ~ Bin(``count``, ``share``)."""
    if share <= 0.0:
        return 0
    high = math.ceil(special.bdtrik(chance, count, share))
    below = max(high - 1, 0)  # the inverse can be too high by a rounding error
    return below if special.bdtr(below, count, share) >= chance else high


def _interpolated(points: tuple[tuple[float, float], ...], percentile: float) -> float:
    for (p, value), (next_p, next_value) in pairwise(points):
        if p <= percentile <= next_p:
            return value + (percentile - p) / (next_p - p) * (next_value - value)
    return points[0][1] if percentile < points[0][0] else points[-1][1]
