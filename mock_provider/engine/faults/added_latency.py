"""Brown-out: the provider, or its carriers, are slow."""

from __future__ import annotations

from msgspec import Struct


class AddedLatency(Struct, frozen=True):
    """Per time: every reply (or every message that leaves a carrier's queue) in the window is slowed.

    ``ramp_ns``: how long it takes to grow to its full size, and to go down again before the end.
    """

    name: str
    factor: float
    plus_ns: int
    start_ns: int = 0
    end_ns: int = 0
    ramp_ns: int = 0

    def applied(self, latency_ns: int, at_ns: int) -> int:
        if not self.ramp_ns:
            return int(latency_ns * self.factor) + self.plus_ns
        weight = min(1.0, (at_ns - self.start_ns) / self.ramp_ns, (self.end_ns - at_ns) / self.ramp_ns)
        return int(latency_ns * (1.0 + (self.factor - 1.0) * weight) + self.plus_ns * weight)
