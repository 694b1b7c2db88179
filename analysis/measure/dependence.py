"""How many independent messages a class of messages that share their delay amounts to (numpy only).

Messages that queue together share their delay. The lag-1 correlation of the ranks of their times, in the
order in which they were due, measures it. It describes a first-order autoregressive process, and no longer
memory.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.arrays import Floats

NOISE_DEVIATIONS = 2.0  # standard deviations of the correlation of independent values, each 1 / sqrt(n)
_HIGHEST_CORRELATION = 0.999


def lag_one_correlation(values: Floats) -> float:
    """Correlation of each value's rank with the next one's; 0 where it has no meaning (under 3, all equal).

    Ranks, since the interval goes by them, and a few extreme values would hide or feign a correlation.
    """
    if len(values) < 3:
        return 0.0
    # Below a microsecond values differ by rounding, and rounding has a pattern.
    ranked = mean_ranks(np.round(values, 6))
    centred = ranked - ranked.mean()
    total = float(np.dot(centred, centred))
    if total <= 0.0:
        return 0.0
    return float(np.dot(centred[:-1], centred[1:])) / total


def mean_ranks(values: Floats) -> Floats:
    """The place of each among all, from 1; equal ones share the mean of their places."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: Floats = (np.cumsum(counts) - (counts - 1) / 2)[which]
    return found


def evidence_share(count: int, correlation: float) -> float:
    """Which share of ``count`` values carries independent evidence: (1 - r) / (1 + r), of a first-order
    autoregressive process. 1 where r is within the noise of independent values, 2 / sqrt(n).
    """
    if count < 3 or correlation <= NOISE_DEVIATIONS / math.sqrt(count):
        return 1.0
    r = min(correlation, _HIGHEST_CORRELATION)
    return (1.0 - r) / (1.0 + r)
