"""The effective sample size of messages that are not independent (numpy only).

Messages that queue together have similar delays, and messages of one outage fail together. The lag-1
correlation of the ranks of their times, or of their outcomes, in the order in which they were due, measures
this. It models a first-order autoregressive process, so longer memory is underestimated: a stall of some
seconds now and then is below the noise of the network. So the late messages (above the 95th percentile) are
also counted in blocks, and the smaller evidence counts: if they were independent, the variance of these
counts would be the binomial one. Not in a run with injected faults: their instants are given, so late
messages in them are not due to chance.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.arrays import Bools, Floats, Ints

NOISE_DEVIATIONS = 2.0  # standard deviations of the correlation of independent values, each 1 / sqrt(n)
_HIGHEST_CORRELATION = 0.999
_LATE = 0.95  # a later message than this share of the others is late
_BLOCKS = 20  # of neighbours
_FEWEST_LATE = 5  # with fewer late messages the blocks show nothing
_BLOCK_NOISE = 3.5  # standard deviations; independent values are beyond it in 1 of 400 cases


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


def evidence_of(values: Floats, correlation: float | None = None, faults: bool = False) -> float:
    """The share of values that counts as independent, in the order in which the messages were due.

    ``correlation``: their lag-1 correlation, if it is known. ``faults``: the run has injected faults.
    """
    r = lag_one_correlation(values) if correlation is None else correlation
    share = evidence_share(len(values), r)
    return share if faults else min(share, block_evidence(values))


def block_evidence(values: Floats) -> float:
    """The binomial variance of the number of late values in a block over the observed one.

    1 if the observed variance is within the noise of independent values: ``_BLOCK_NOISE`` standard deviations
    of their dispersion, each sqrt(2 / (blocks - 1)).
    """
    if not len(values):
        return 1.0
    count = len(values)
    rounded = np.round(values, 6)  # as for the correlation
    late = rounded > np.partition(rounded, math.ceil(_LATE * count) - 1)[math.ceil(_LATE * count) - 1]
    in_all = int(np.count_nonzero(late))
    blocks = min(_BLOCKS, in_all)
    if blocks < _FEWEST_LATE:
        return 1.0
    starts = np.arange(blocks) * count // blocks
    sizes = np.diff(np.append(starts, count))
    share = in_all / count
    excess = np.add.reduceat(late.astype(np.float64), starts) - share * sizes
    expected = (blocks - 1) / blocks * count * share * (1.0 - share)
    dispersion = float(np.dot(excess, excess)) / expected
    if dispersion <= 1.0 + _BLOCK_NOISE * math.sqrt(2.0 / (blocks - 1)):
        return 1.0
    return 1.0 / dispersion


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
