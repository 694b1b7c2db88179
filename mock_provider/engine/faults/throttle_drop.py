"""The provider takes less than it does on other days."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from mock_provider.engine.throttle import BucketLimit


class LoweredLimit(Struct, frozen=True):
    rate_per_s: float
    burst: int


class ThrottleDrop(Struct, frozen=True):
    """Per time: a bucket fills more slowly in the window. Either ``share`` or ``rate_per_s`` is set."""

    name: str
    limit: str  # requests or segments
    share: float | None
    rate_per_s: float | None
    burst: int | None

    def lowered(self, usual: BucketLimit | None) -> LoweredLimit | None:
        """The limit in the window. A share of no limit is no limit."""
        if self.share is not None:
            if usual is None:
                return None
            rate_per_s = usual.rate_per_s * self.share
        else:
            assert self.rate_per_s is not None
            rate_per_s = self.rate_per_s
            if usual is not None:
                rate_per_s = min(rate_per_s, usual.rate_per_s)
        usual_burst = usual.burst if usual is not None else max(1, -int(-rate_per_s // 1))
        return LoweredLimit(rate_per_s, self.burst or usual_burst)


def limit_in_force(
    usual: BucketLimit | None, drops: Iterable[ThrottleDrop], which: str
) -> BucketLimit | None:
    """The strictest of what the drops make of a limit; without one of them the limit itself."""
    lowered = [drop.lowered(usual) for drop in drops if drop.limit == which]
    limits = [limit for limit in lowered if limit is not None]
    return min(limits, key=lambda limit: limit.rate_per_s) if limits else usual
