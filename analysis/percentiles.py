"""Percentiles of times, some of which are known only as "at least": one definition, used everywhere.

Definition: nearest rank. The p-th percentile of n values is the k-th smallest, k = ceil(n * p / 100), at
least 1 (numpy's ``inverted_cdf``). No interpolation: every figure shown is a time that a message really took.

Interval: the binomial order-statistic interval. With B ~ Bin(n, p / 100), the l-th and u-th smallest values,
l = ppf(2.5 %) and u = ppf(97.5 %) + 1, enclose the true percentile with at least 95 % probability, whatever
the distribution, for independent values. Where u > n (or l < 1) there is no such interval and the percentile
is withheld.

Censoring: a message still open at the end takes at least its age. It enters twice, once as that age
(``low_s``) and once as infinitely late (``high_s``); the k-th smallest of each bound the true k-th smallest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.arrays import Floats, Ints
from analysis.quantile import Quantile, QuantileState

CONFIDENCE = 0.95
SHOWN_PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
_PARTS = 1_000_000  # percentiles are taken to the fourth decimal, so that ranks are computed in integers


@dataclass(frozen=True)
class Ages:
    """Two sorted bounds of the same messages' times, in seconds; ``math.inf`` is "never"."""

    low_s: Floats
    high_s: Floats

    @property
    def count(self) -> int:
        return len(self.low_s)


def known(values_s: Floats) -> Ages:
    """Times all of which are known."""
    ordered = np.sort(values_s)
    return Ages(low_s=ordered, high_s=ordered)


def with_open(values_s: Floats, open_ages_s: Floats, never: int) -> Ages:
    """Known times, ages of the messages still open, and the number of messages that will never arrive."""
    endless = np.full(never, np.inf)
    low = np.sort(np.concatenate([values_s, open_ages_s, endless]))
    high = np.sort(np.concatenate([values_s, np.full(len(open_ages_s) + never, np.inf)]))
    return Ages(low_s=low, high_s=high)


def ranks(count: int, percentiles: Sequence[float]) -> Ints:
    """1-based nearest ranks in a sample of ``count`` (> 0), computed in integers: 99.9 % of 1,000 is 999."""
    parts = np.array([round(p * _PARTS / 100) for p in percentiles], dtype=np.int64)
    upward: Ints = -((-count * parts) // _PARTS)
    return np.clip(upward, 1, count)


def interval_ranks(count: int, percentiles: Sequence[float]) -> tuple[Ints, Ints]:
    """1-based ranks (lower, upper) of the interval; 0 or ``count + 1`` where the sample has no such bound."""
    tail = (1.0 - CONFIDENCE) / 2
    p = np.asarray(percentiles, dtype=np.float64) / 100.0
    lower = stats.binom.ppf(tail, count, p)
    upper = stats.binom.ppf(1.0 - tail, count, p) + 1
    return np.asarray(lower, dtype=np.int64), np.asarray(upper, dtype=np.int64)


def needed(percentile: float) -> int:
    """Smallest sample with an interval of two finite ends: 72 for p95, 368 for p99, 3,688 for p99.9."""
    tail = (1.0 - CONFIDENCE) / 2
    p = percentile / 100.0
    return math.ceil(math.log(tail) / math.log(max(p, 1.0 - p)))


def quantiles(ages: Ages, percentiles: Sequence[float] = SHOWN_PERCENTILES) -> tuple[Quantile, ...]:
    """Each percentile with its interval and how it is to be read."""
    if ages.count == 0:
        return tuple(
            Quantile(percentile=p, state="withheld", value_s=None, low_s=None, high_s=None, needed=needed(p))
            for p in percentiles
        )
    middle = ranks(ages.count, percentiles)
    lower, upper = interval_ranks(ages.count, percentiles)
    return tuple(
        _quantile(ages, p, int(k), int(low), int(high))
        for p, k, low, high in zip(percentiles, middle, lower, upper, strict=True)
    )


def _quantile(ages: Ages, percentile: float, k: int, low_rank: int, high_rank: int) -> Quantile:
    low = float(ages.low_s[low_rank - 1]) if low_rank >= 1 else None
    high = float(ages.high_s[high_rank - 1]) if high_rank <= ages.count else None
    enough = low is not None and high is not None
    at_most, at_least = float(ages.high_s[k - 1]), float(ages.low_s[k - 1])
    state: QuantileState
    value: float | None
    if not enough:
        state, value = "withheld", None
    elif math.isfinite(at_most):
        state, value = "exact", at_most
    elif math.isfinite(at_least):
        state, value = "at_least", at_least
    else:
        state, value = "never", math.inf
    return Quantile(
        percentile=percentile,
        state=state,
        value_s=value,
        low_s=low,
        high_s=high,
        needed=needed(percentile),
    )


def lag_one_correlation(values: Floats) -> float:
    """Correlation of each value with the next, 0 where it has no meaning (under 3 values, or all equal)."""
    if len(values) < 3:
        return 0.0
    centred = values - values.mean()
    total = float(np.dot(centred, centred))
    if total <= 0.0:
        return 0.0
    return float(np.dot(centred[:-1], centred[1:])) / total


def effective_count(count: int, correlation: float) -> float:
    """How many independent values carry as much evidence: n (1 - r) / (1 + r), for positive r only."""
    r = max(0.0, min(correlation, 0.999))
    return count * (1.0 - r) / (1.0 + r)
