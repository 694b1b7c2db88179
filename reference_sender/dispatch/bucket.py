"""A token bucket in integers: in any w seconds at most rate * w + burst tokens are spent, exactly."""

from __future__ import annotations

# One token is 10**15 parts. A rate of r/s, kept as whole millionths, is then a whole number of parts per
# nanosecond, so sums are exact and a computed instant is exact.
_PARTS = 10**15
_MICRO = 10**6


class RateBucket:
    """Spends whole tokens. It starts full; ``now_ns`` never goes back."""

    __slots__ = ("_level", "_rate", "_size", "_updated_ns", "capacity")

    def __init__(self, rate_per_s: float, burst: float) -> None:
        """Raises ``ValueError`` unless the rate is positive and the burst holds one token."""
        self._rate = int(min(rate_per_s, 1e12) * _MICRO)  # parts per nanosecond
        self.capacity = int(min(burst, 1e12))
        if self._rate < 1 or self.capacity < 1:
            raise ValueError(f"a token bucket needs rate > 0 and burst >= 1, not {rate_per_s} and {burst}")
        self._size = self.capacity * _PARTS
        self._level = self._size
        self._updated_ns = 0

    def available(self, now_ns: int) -> int:
        """The number of whole tokens now."""
        level, passed_ns = self._level, now_ns - self._updated_ns
        if passed_ns > 0:
            self._updated_ns = now_ns
            size = self._size
            if level < size:
                level += passed_ns * self._rate
                if level > size:
                    level = size
                self._level = level
            if level == size:
                return self.capacity
        return level // _PARTS

    def ready_ns(self, now_ns: int, tokens: int) -> int:
        """The first instant from now on with at least ``tokens`` tokens (at most ``capacity``)."""
        if self.available(now_ns) >= tokens:
            return now_ns
        short = tokens * _PARTS - self._level
        return self._updated_ns + -(-short // self._rate)

    def resize(self, now_ns: int, burst: float) -> None:
        """Change the burst. Tokens above it are removed, and none are added. Raises ``ValueError`` if it is
        below 1.
        """
        if burst < 1:
            raise ValueError(f"a token bucket needs burst >= 1, not {burst}")
        self.available(now_ns)
        self.capacity = int(min(burst, 1e12))
        self._size = self.capacity * _PARTS
        self._level = min(self._level, self._size)

    def spend(self, tokens: int) -> None:
        """Take tokens. Call ``available`` first."""
        self._level -= tokens * _PARTS

    def drain(self, from_ns: int) -> None:
        """Remove all tokens, and add new ones only from ``from_ns``, which may be in the future."""
        self._updated_ns = max(self._updated_ns, from_ns)
        self._level = 0

    def set_rate(self, now_ns: int, rate_per_s: float) -> None:
        """Add tokens at this rate from ``now_ns`` on, at least 0.000001/s. The burst does not change."""
        self.available(now_ns)
        self._rate = max(1, int(min(rate_per_s, 1e12) * _MICRO))

    def is_short(self, now_ns: int) -> bool:
        """Whether less than half of the burst is left: the bucket is what limits its user."""
        return 2 * self.available(now_ns) < self.capacity

    def tokens_in(self, seconds: float) -> int:
        """Whole tokens added in ``seconds``, at most ``capacity``."""
        return min(self.capacity, int(seconds * self._rate / _MICRO))
