"""The difference of a percentile between two groups of times, with a 95 % interval from a bootstrap.

Times of messages in one queue are not independent. So blocks of neighbours are resampled instead of single
messages: the circular block bootstrap (Politis and Romano 1992), in the order in which the messages were due.
A block has n^(1/3) messages (Hall, Horowitz and Jing 1995), or more where neighbours are correlated: the best
length for a first-order autoregressive process (Politis and White 2004). The interval is the percentile
interval (Efron and Tibshirani 1993, chapter 13) of ``RESAMPLES`` differences. The random numbers have a fixed
seed, so that the same times give the same interval. It is too narrow for few messages, so the wider end of it
and of the interval from both percentiles' own intervals is used, which have the effective sample size.

Pairs are resampled as pairs, so that common delays (the network's delay of the message) cancel. Two
independent groups are resampled separately.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator

from analysis.arrays import Floats, Ints
from analysis.findings import Difference
from analysis.measure.dependence import evidence_of
from analysis.measure.percentiles import interval_ranks, ranks
from analysis.quantile import CONFIDENCE, needed

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

    @cached_property
    def evidence(self) -> float:
        """The share of the messages that count as independent."""
        return evidence_of(self.high_s[np.isfinite(self.high_s)])

    def enough(self, percentile: float) -> bool:
        """Whether the messages have the evidence that an interval of this percentile needs."""
        return self.count >= needed(percentile, self.evidence)


def claimed(low_s: float, high_s: float) -> bool:
    """Whether a difference with this interval may be claimed: the interval excludes zero."""
    return low_s > 0.0 or high_s < 0.0


def paired_difference(first_s: Floats, second_s: Floats, percentile: float) -> Difference:
    """The percentile of ``first_s`` minus that of ``second_s``; entry i of both is the same message.

    Both in the order in which the messages were due. With fewer pairs than the percentile needs, the
    interval has no ends. The blocks are as long as the more correlated times need.
    """
    count = len(first_s)
    value_s = (
        _finite_difference(_percentile(first_s, percentile), _percentile(second_s, percentile))
        if count
        else None
    )
    if count < needed(percentile):
        return _difference(percentile, value_s, -math.inf, math.inf)
    chance = np.random.default_rng(_SEED)
    length = _block_length(count, min(evidence_of(first_s), evidence_of(second_s)))
    found: list[Floats] = []
    for rows in _portions(count):
        places = _places(count, length, rows, chance)
        found.append(_percentiles(first_s[places], percentile) - _percentiles(second_s[places], percentile))
    differences = np.sort(np.concatenate(found))
    return _difference(percentile, value_s, *_ends(differences, differences))


def independent_difference(first: TimeGroup, second: TimeGroup, percentile: float) -> Difference:
    """The same for two groups of different messages.

    The interval uses the bound of each message's time that makes it wider. It has no ends if one of the
    groups has not the evidence of as many independent messages as the percentile needs.
    """
    value_s = None
    if first.count and second.count:
        value_s = _finite_difference(
            _percentile(first.high_s, percentile), _percentile(second.high_s, percentile)
        )
    if not (first.enough(percentile) and second.enough(percentile)):
        return _difference(percentile, value_s, -math.inf, math.inf)
    chance = np.random.default_rng(_SEED)
    lows: list[Floats] = []
    highs: list[Floats] = []
    lengths = [_block_length(each.count, each.evidence) for each in (first, second)]
    for rows in _portions(max(first.count, second.count)):
        a, b = (
            _places(each.count, length, rows, chance)
            for each, length in zip((first, second), lengths, strict=True)
        )
        with np.errstate(invalid="ignore"):  # inf - inf: unknown
            low = _percentiles(first.low_s[a], percentile) - _percentiles(second.high_s[b], percentile)
            high = _percentiles(first.high_s[a], percentile) - _percentiles(second.low_s[b], percentile)
        lows.append(np.nan_to_num(low, nan=-np.inf, posinf=np.inf, neginf=-np.inf))
        highs.append(np.nan_to_num(high, nan=np.inf, posinf=np.inf, neginf=-np.inf))
    low_s, high_s = _ends(np.sort(np.concatenate(lows)), np.sort(np.concatenate(highs)))
    own, other = _own_interval(first, percentile), _own_interval(second, percentile)
    low_s, high_s = min(low_s, _lowest(own, other)), max(high_s, -_lowest(other, own))
    return _difference(percentile, value_s, low_s, high_s)


@dataclass(frozen=True)
class _Interval:
    """A percentile with its binomial interval, from the lower bounds of the times and from the upper ones."""

    low_s: float
    at_least_s: float
    at_most_s: float
    high_s: float


def _own_interval(group: TimeGroup, percentile: float) -> _Interval:
    low_s, high_s = np.sort(group.low_s), np.sort(group.high_s)
    lower, upper = (int(each[0]) for each in interval_ranks(group.count, (percentile,), group.evidence))
    return _Interval(
        low_s=float(low_s[lower - 1]) if lower >= 1 else -math.inf,
        at_least_s=_percentile(low_s, percentile),
        at_most_s=_percentile(high_s, percentile),
        high_s=float(high_s[upper - 1]) if upper <= group.count else math.inf,
    )


def _lowest(first: _Interval, second: _Interval) -> float:
    """The lower end of the difference from both intervals (MOVER: Zou and Donner 2008).

    If a percentile is not known, the difference of the two ends, which is lower.
    """
    value_s = first.at_least_s - second.at_most_s
    below_s = math.hypot(first.at_least_s - first.low_s, second.high_s - second.at_most_s)
    if math.isfinite(value_s) and math.isfinite(below_s):
        return value_s - below_s
    ends_s = first.low_s - second.high_s
    return -math.inf if math.isnan(ends_s) else ends_s


def _difference(percentile: float, value_s: float | None, low_s: float, high_s: float) -> Difference:
    return Difference(
        percentile=percentile, value_s=value_s, low_s=low_s, high_s=high_s, claimed=claimed(low_s, high_s)
    )


def _portions(count: int) -> list[int]:
    """Sizes of the chunks in which ``RESAMPLES`` are drawn, limited by memory."""
    most = max(1, min(RESAMPLES, _MOST_AT_ONCE // count))
    whole, rest = divmod(RESAMPLES, most)
    return [most] * whole + ([rest] if rest else [])


def _block_length(count: int, evidence: float) -> int:
    """n^(1/3), or (1.5 n)^(1/3) (2 r / (1 - r^2))^(2/3) if that is more; at most a quarter of the messages.

    r = (1 - e) / (1 + e) is the correlation of the evidence share e.
    """
    memory = (1.0 - evidence**2) / (2.0 * evidence)  # 2 r / (1 - r^2)
    longer = math.cbrt(1.5 * memory * memory)
    return max(1, min(round(math.cbrt(count) * max(1.0, longer)), count // 4))


def _places(count: int, length: int, rows: int, chance: Generator) -> Ints:
    """Rows of ``count`` positions each: blocks of neighbours end to end; after the last comes the first."""
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


def _finite_difference(first_s: float, second_s: float) -> float | None:
    """The value; None if it is infinite or unknown."""
    difference = first_s - second_s
    return difference if math.isfinite(difference) else None
