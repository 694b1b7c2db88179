"""A token bucket in the form of a single instant (GCRA), in integers."""

from __future__ import annotations

from typing import Protocol

from mock_provider.engine.distributions import NS_PER_S


def unit_ns(rate_per_s: float | None) -> int:
    """The time of one unit at a rate. 0: no limit.

    Rounded up, so that the rate is never exceeded.
    """
    return 0 if rate_per_s is None else -int(-NS_PER_S // rate_per_s)


class BucketLimit(Protocol):
    """A limit of the profile, or a lower one set by a fault."""

    @property
    def rate_per_s(self) -> float:
        """Units per second."""

    @property
    def burst(self) -> int:
        """The capacity in units."""


class TokenBucket:
    """In any window of w seconds at most ``rate * w + burst`` units are admitted.

    ``_full_ns`` is the instant at which the bucket will be full again; each unit moves it by the time one
    token takes to come. Full in the past means a full bucket.
    """

    __slots__ = ("_burst_ns", "_full_ns", "_unit_ns", "limited")

    def __init__(self, limit: BucketLimit | None) -> None:
        self._full_ns = 0
        self._set(limit)

    def has(self, now_ns: int, units: int) -> bool:
        """Whether ``units`` tokens are available. Takes none. More than the burst are never available."""
        full_ns = self._full_ns
        return (full_ns if full_ns > now_ns else now_ns) + units * self._unit_ns - now_ns <= self._burst_ns

    def admits(self, now_ns: int) -> bool:
        """Take one token, if available. Returns whether it was."""
        full_ns = self._full_ns
        full_ns = (full_ns if full_ns > now_ns else now_ns) + self._unit_ns
        if full_ns - now_ns > self._burst_ns:
            return False
        self._full_ns = full_ns
        return True

    def take(self, now_ns: int, units: int) -> None:
        """Take ``units`` tokens, which must be available."""
        full_ns = self._full_ns
        self._full_ns = (full_ns if full_ns > now_ns else now_ns) + units * self._unit_ns

    def wait_s(self, now_ns: int, units: int) -> float | None:
        """The time until ``units`` tokens are available. None: never, they exceed the burst."""
        if units * self._unit_ns > self._burst_ns:
            return None
        wait_ns = max(self._full_ns, now_ns) + units * self._unit_ns - now_ns - self._burst_ns
        return max(0, wait_ns) / NS_PER_S

    def level(self, now_ns: int) -> int | None:
        """The whole tokens that are available. None: there is no limit."""
        if not self.limited:
            return None
        return (self._burst_ns - max(0, self._full_ns - now_ns)) // self._unit_ns

    def reconfigure(self, now_ns: int, limit: BucketLimit | None) -> None:
        """Apply a new rate and burst. Tokens that were taken stay taken."""
        taken = max(0, self._full_ns - now_ns) / self._unit_ns if self._unit_ns else 0.0
        self._set(limit)
        self._full_ns = now_ns + min(int(taken * self._unit_ns), self._burst_ns)

    def _set(self, limit: BucketLimit | None) -> None:
        self.limited = limit is not None
        self._unit_ns = unit_ns(None if limit is None else limit.rate_per_s)
        self._burst_ns = 0 if limit is None else limit.burst * self._unit_ns
