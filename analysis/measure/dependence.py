"""The effective sample size of messages that are not independent (numpy only).

Messages that queue together have similar delays, and messages of one outage fail together. The lag-1
correlation of the ranks of their times, or of their outcomes, in the order in which they were due, measures
this. It models a first-order autoregressive process, so longer memory is underestimated.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.arrays import Bools, Floats, Ints

NOISE_DEVIATIONS = 2.0  # standard deviations of the correlation of independent values, each 1 / sqrt(n)
_HIGHEST_CORRELATION = 0.999


def lag_one_correlation(values: Floats) -> float:
    """Correlation of each value's rank with the next one's; 0 if it is undefined (under 3 values, all equal).

    Ranks are used because the interval is based on them, and a few extreme values would hide or feign a
    correlation.
    """
    if len(values) < 3:
        return 0.0
    # Differences below a microsecond are rounding, and rounding has a pattern.
    ranked = mean_ranks(np.round(values, 6))
    centred = ranked - ranked.mean()
    total = float(np.dot(centred, centred))
    if total <= 0.0:
        return 0.0
    return float(np.dot(centred[:-1], centred[1:])) / total


def mean_ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values get the mean of their ranks."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: Floats = (np.cumsum(counts) - (counts - 1) / 2)[which]
    return found


def evidence_of(values: Floats) -> float:
    """The share of values that counts as independent, in the order in which the messages were due."""
    return evidence_share(len(values), lag_one_correlation(values))


def evidence_share(count: int, correlation: float) -> float:
    """The effective sample size over ``count``: (1 - r) / (1 + r), for a first-order autoregressive process.

    1 if r is within the noise of independent values, 2 / sqrt(n).
    """
    if count < 3 or correlation <= NOISE_DEVIATIONS / math.sqrt(count):
        return 1.0
    r = min(correlation, _HIGHEST_CORRELATION)
    return (1.0 - r) / (1.0 + r)


def evidence_of_outcomes(delivered: Bools, groups: Ints) -> float:
    """The share of messages that counts as independent in a share of delivered ones, in the order in which
    they were due.

    The correlation is that of a message's outcome and the next one's of its group (such as its carrier), both
    relative to the group's share: a carrier that fails for some time makes a cluster, also among messages to
    other carriers. One that always delivers less than another makes none. The variances of the groups add up,
    each divided by the group's evidence.
    """
    plain = widened = 0.0
    for group in np.unique(groups):
        outcomes = delivered[groups == group].astype(np.float64)
        centred = outcomes - outcomes.mean()
        total = float(np.dot(centred, centred))
        if total > 0.0:
            correlation = float(np.dot(centred[:-1], centred[1:])) / total
            plain += total
            widened += total / evidence_share(len(outcomes), correlation)
    return plain / widened if widened > plain else 1.0
