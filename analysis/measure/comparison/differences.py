"""The difference of a percentile between two groups of times, with a 95 % interval from a bootstrap.

Times of messages in one queue are not independent. So blocks of neighbours are resampled instead of single
messages: the circular block bootstrap (Politis and Romano 1992), with blocks of n^(1/3) messages (Hall,
Horowitz and Jing 1995), in the order in which the messages were due. The interval is the percentile interval
(Efron and Tibshirani 1993, chapter 13) of ``RESAMPLES`` differences. The random numbers have a fixed seed, so
that the same times give the same interval.

Pairs are resampled as pairs, so that common delays (the network's delay of the message) cancel. Two
independent groups are resampled separately.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analysis.arrays import Floats, Ints
from analysis.findings import Difference
from analysis.measure.percentiles import CONFIDENCE, interval_ranks, needed, ranks

RESAMPLES = 1_000
_SEED = 19_920_614
_MOST_AT_ONCE = 2_000_000  # drawn positions held in memory
_TAIL = 100 * (1 - CONFIDENCE) / 2


@dataclass(frozen=True)
class TimeGroup:
    """Lower and upper bounds of times (``math.inf``: still open), in the order of the intended starts."""

    low_s: Floats
    high_s: Floats

    @property
    def count(self) -> int:
        return len(self.low_s)


def claimed(low_s: float, high_s: float) -> bool:
    """Whether a difference with this interval may be claimed: the interval excludes zero."""
    return low_s > 0.0 or high_s < 0.0


def paired_difference(ours_s: Floats, theirs_s: Floats, percentile: float) -> Difference:
    """The percentile of ``ours_s`` minus that of ``theirs_s``; entry i of both is the same message.

    Both in the order in which the messages were due. With fewer pairs than the percentile needs, the
    interval has no ends.
    """
    count = len(ours_s)
    value_s = _less(_percentile(ours_s, percentile), _percentile(theirs_s, percentile)) if count else None
    if count < needed(percentile):
        return _difference(percentile, value_s, -math.inf, math.inf)
    chance = np.random.default_rng(_SEED)
    found: list[Floats] = []
    for rows in _portions(count):
        places = _places(count, rows, chance)
        found.append(_percentiles(ours_s[places], percentile) - _percentiles(theirs_s[places], percentile))
    differences = np.sort(np.concatenate(found))
    return _difference(percentile, value_s, *_ends(differences, differences))


def independent_difference(ours: TimeGroup, theirs: TimeGroup, percentile: float) -> Difference:
    """The same for two groups of different messages.

    The interval uses the bound of each message's time that makes it wider.
    """
    value_s = None
    if ours.count and theirs.count:
        value_s = _less(_percentile(ours.high_s, percentile), _percentile(theirs.high_s, percentile))
    if min(ours.count, theirs.count) < needed(percentile):
        return _difference(percentile, value_s, -math.inf, math.inf)
    chance = np.random.default_rng(_SEED)
    lows: list[Floats] = []
    highs: list[Floats] = []
    for rows in _portions(max(ours.count, theirs.count)):
        a, b = _places(ours.count, rows, chance), _places(theirs.count, rows, chance)
        with np.errstate(invalid="ignore"):  # inf - inf: unknown
            low = _percentiles(ours.low_s[a], percentile) - _percentiles(theirs.high_s[b], percentile)
            high = _percentiles(ours.high_s[a], percentile) - _percentiles(theirs.low_s[b], percentile)
        lows.append(np.nan_to_num(low, nan=-np.inf, posinf=np.inf, neginf=-np.inf))
        highs.append(np.nan_to_num(high, nan=np.inf, posinf=np.inf, neginf=-np.inf))
    low_s, high_s = _ends(np.sort(np.concatenate(lows)), np.sort(np.concatenate(highs)))
    exact_low_s, exact_high_s = _from_both_intervals(ours, theirs, percentile)
    return _difference(percentile, value_s, min(low_s, exact_low_s), max(high_s, exact_high_s))


def _from_both_intervals(ours: TimeGroup, theirs: TimeGroup, percentile: float) -> tuple[float, float]:
    """The interval of the difference from the two exact ones (MOVER: Zou and Donner 2008).

    In the tail of a few hundred messages the bootstrap alone is too narrow, so the wider end of both is used.
    """
    (mine, my_low, my_high), (other, low, high) = (_exact(each, percentile) for each in (ours, theirs))
    middle = mine - other
    if not all(map(math.isfinite, (middle, my_low, my_high, low, high))):
        return math.inf, -math.inf  # the bootstrap's ends include open messages
    return middle - math.hypot(mine - my_low, high - other), middle + math.hypot(my_high - mine, other - low)


def _exact(group: TimeGroup, percentile: float) -> tuple[float, float, float]:
    """The percentile with the ends of its binomial interval."""
    low_s, high_s = np.sort(group.low_s), np.sort(group.high_s)
    lower, upper = (int(each[0]) for each in interval_ranks(group.count, (percentile,)))
    return _percentile(high_s, percentile), float(low_s[lower - 1]), float(high_s[upper - 1])


def _difference(percentile: float, value_s: float | None, low_s: float, high_s: float) -> Difference:
    return Difference(
        percentile=percentile, value_s=value_s, low_s=low_s, high_s=high_s, claimed=claimed(low_s, high_s)
    )


def _portions(count: int) -> list[int]:
    """Sizes of the chunks in which ``RESAMPLES`` are drawn, limited by memory."""
    most = max(1, min(RESAMPLES, _MOST_AT_ONCE // count))
    whole, rest = divmod(RESAMPLES, most)
    return [most] * whole + ([rest] if rest else [])


def _places(count: int, rows: int, chance: Generator) -> Ints:
    """Rows of ``count`` positions each: blocks of neighbours end to end; after the last comes the first."""
    length = max(1, round(count ** (1 / 3)))
    starts = chance.integers(0, count, (rows, math.ceil(count / length), 1))
    places: Ints = ((starts + np.arange(length)) % count).reshape(rows, -1)[:, :count]
    return places


def _percentiles(rows_s: Floats, percentile: float) -> Floats:
    """The percentile of each row, by nearest rank."""
    rank = int(ranks(rows_s.shape[1], (percentile,))[0]) - 1
    found: Floats = np.partition(rows_s, rank, axis=1)[:, rank]
    return found


def _percentile(values_s: Floats, percentile: float) -> float:
    return float(_percentiles(values_s[None, :], percentile)[0])


def _ends(lows: Floats, highs: Floats) -> tuple[float, float]:
    """The interval's ends; both are sorted."""
    low, high = ranks(len(lows), (_TAIL, 100 - _TAIL))
    return float(lows[low - 1]), float(highs[high - 1])


def _less(ours_s: float, theirs_s: float) -> float | None:
    """The value; None if it is infinite or unknown."""
    difference = ours_s - theirs_s
    return difference if math.isfinite(difference) else None
