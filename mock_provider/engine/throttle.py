"""A token bucket in the form of a single instant (GCRA), in integers."""

from __future__ import annotations

from typing import Protocol

_NANOSECONDS = 1_000_000_000


def unit_ns(rate_per_s: float | None) -> int:
    """The time of one unit at a rate; 0: no limit.

    Rounded up: a rate that no integer of nanoseconds expresses is kept below, never exceeded.
    """
    return 0 if rate_per_s is None else -int(-_NANOSECONDS // rate_per_s)


class BucketLimit(Protocol):
    """A profile's limit, or what a fault leaves of it."""

    @property
    def rate_per_s(self) -> float:
        """Units that come a second."""

    @property
    def burst(self) -> int:
        """Units that fit in."""


class TokenBucket:
    """In any window of w seconds at most ``rate * w + burst`` units are admitted.

    ``_full_ns`` is the instant at which the bucket will be full again; each unit moves it by the time one
    token takes to come. Full in the past means a full bucket.
    """

    __slots__ = ("_burst_ns", "_full_ns", "_unit_ns")

    def __init__(self, limit: BucketLimit | None) -> None:
        self._full_ns = 0
        self._set(limit)

    def has(self, now_ns: int, units: int) -> bool:
        """Whether ``units`` tokens are there now; takes none. More than the burst are never there."""
        full_ns = self._full_ns
        return (full_ns if full_ns > now_ns else now_ns) + units * self._unit_ns - now_ns <= self._burst_ns

    def admits(self, now_ns: int) -> bool:
        """Take one token if there is one."""
        full_ns = self._full_ns
        full_ns = (full_ns if full_ns > now_ns else now_ns) + self._unit_ns
        if full_ns - now_ns > self._burst_ns:
            return False
        self._full_ns = full_ns
        return True

    def take(self, now_ns: int, units: int) -> None:
        """Take ``units`` tokens that are there."""
        full_ns = self._full_ns
        self._full_ns = (full_ns if full_ns > now_ns else now_ns) + units * self._unit_ns

    def wait_s(self, now_ns: int, units: int) -> float | None:
        """How long until ``units`` tokens are there; None: never, they are more than the burst."""
        if units * self._unit_ns > self._burst_ns:
            return None
        wait_ns = max(self._full_ns, now_ns) + units * self._unit_ns - now_ns - self._burst_ns
        return max(0, wait_ns) / _NANOSECONDS

    def level(self, now_ns: int) -> int | None:
        """Whole tokens that are there now; None: there is no limit."""
        if not self._unit_ns:
            return None
        return (self._burst_ns - max(0, self._full_ns - now_ns)) // self._unit_ns

    def reconfigure(self, now_ns: int, limit: BucketLimit | None) -> None:
        """Other rate and burst from now on; tokens that were taken stay taken."""
        taken = max(0, self._full_ns - now_ns) / self._unit_ns if self._unit_ns else 0.0
        self._set(limit)
        self._full_ns = now_ns + min(int(taken * self._unit_ns), self._burst_ns)

    def _set(self, limit: BucketLimit | None) -> None:
        self._unit_ns = unit_ns(None if limit is None else limit.rate_per_s)
        self._burst_ns = 0 if limit is None else limit.burst * self._unit_ns
