"""Percentiles of many durations in little memory: counts in buckets whose bounds grow by 1 %."""

from __future__ import annotations

from collections import Counter
from math import exp, log, sqrt

from reference_sender.campaign_report.values import DeliveryTimes

_GROWTH = 1.01
_LOG_GROWTH = log(_GROWTH)
_LEAST_NS = 1_000_000  # shorter durations count as this


class DurationBuckets:
    """A bucket's middle is at most 0.5 % away from every duration in it."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._longest_ns = 0

    def add(self, spent_ns: int) -> None:
        """Count one duration."""
        self._counts[int(log(max(spent_ns, _LEAST_NS)) / _LOG_GROWTH)] += 1
        if spent_ns > self._longest_ns:
            self._longest_ns = spent_ns

    def times(self) -> DeliveryTimes | None:
        """What was counted; None without a duration."""
        count = self._counts.total()
        if not count:
            return None
        buckets = sorted(self._counts.items())
        return DeliveryTimes(
            count,
            self._percentile_s(buckets, 0.5 * count),
            self._percentile_s(buckets, 0.9 * count),
            self._percentile_s(buckets, 0.95 * count),
            self._percentile_s(buckets, 0.99 * count),
            self._longest_ns / 1e9,
        )

    def _percentile_s(self, buckets: list[tuple[int, int]], wanted: float) -> float:
        below = 0
        for bucket, count in buckets:
            below += count
            if below >= wanted:
                middle_ns = exp(bucket * _LOG_GROWTH) * sqrt(_GROWTH)
                return min(middle_ns, self._longest_ns) / 1e9
        raise ValueError("the rank is above the number of counted values")
