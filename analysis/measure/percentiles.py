"""Percentiles of times, some of which have only a lower bound. The only definition in the package.

Definition: nearest rank. The p-th percentile of n values is the k-th smallest, k = ceil(n * p / 100), at
least 1 (numpy's ``inverted_cdf``). There is no interpolation: each figure is the time of a message.

Interval: the binomial order-statistic interval. With B ~ Bin(n, p / 100), the l-th and u-th smallest values,
l = ppf(2.5 %) and u = ppf(97.5 %) + 1, enclose the true percentile with at least 95 % probability for any
distribution of independent values. If u > n (or l < 1), there is no such interval and the percentile is
withheld.

Dependence: messages that queue together have similar delays, so n of them have the evidence of fewer
independent ones.
If ``measure.dependence`` shows this, l and u are those of the effective number n' of values, scaled back to
n: l n / n' and u n / n'. The percentile then needs n / n' times as many messages.

Censoring: a message that is still open at the end takes at least its age. It counts once with that age
(``low_s``) and once as infinitely late (``high_s``). The k-th smallest values of both are bounds of the true
one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.measure.binomial import smallest_reaching
from analysis.quantile import CONFIDENCE, Quantile, QuantileState, needed

SHOWN_PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99)
_PARTS = 1_000_000  # percentiles have at most four decimals, so that ranks are computed in integers


@dataclass(frozen=True)
class Ages:
    """Two sorted bounds of the same messages' times, in seconds; ``math.inf`` is "never"."""

    low_s: Floats
    high_s: Floats

    @property
    def count(self) -> int:
        return len(self.low_s)


def known(values_s: Floats) -> Ages:
    """Times that are all known."""
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


def interval_ranks(count: int, percentiles: Sequence[float], evidence: float = 1.0) -> tuple[Ints, Ints]:
    """1-based ranks (lower, upper) of the interval; 0 or ``count + 1`` if the sample has no such bound.

    ``evidence`` is the share of the messages that count as independent, above 0 and at most 1.
    """
    tail = (1.0 - CONFIDENCE) / 2
    p = np.asarray(percentiles, dtype=np.float64) / 100.0
    independent = max(math.floor(count * evidence), 1)
    scale = count / independent
    lower = np.floor(smallest_reaching(tail, independent, p) * scale)
    upper = np.ceil((smallest_reaching(1.0 - tail, independent, p) + 1) * scale)
    return np.asarray(lower, dtype=np.int64), np.asarray(np.minimum(upper, count + 1), dtype=np.int64)


def quantiles(
    ages: Ages, percentiles: Sequence[float] = SHOWN_PERCENTILES, evidence: float = 1.0
) -> tuple[Quantile, ...]:
    """Each percentile with its interval and state. ``evidence`` as in ``interval_ranks``."""
    wanted = [needed(p, evidence) for p in percentiles]
    if ages.count == 0:
        return tuple(
            Quantile(percentile=p, state="withheld", value_s=None, low_s=None, high_s=None, needed=n)
            for p, n in zip(percentiles, wanted, strict=True)
        )
    middle = ranks(ages.count, percentiles)
    lower, upper = interval_ranks(ages.count, percentiles, evidence)
    return tuple(
        _quantile(ages, p, n, int(k), (int(low), int(high)))
        for p, n, k, low, high in zip(percentiles, wanted, middle, lower, upper, strict=True)
    )


def _quantile(ages: Ages, percentile: float, wanted: int, k: int, between: tuple[int, int]) -> Quantile:
    low_rank, high_rank = between
    low = float(ages.low_s[low_rank - 1]) if low_rank >= 1 else None
    high = float(ages.high_s[high_rank - 1]) if high_rank <= ages.count else None
    if low is not None and math.isinf(low):
        high = low  # "never" is proven, and no value is above it
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
        needed=wanted,
    )
