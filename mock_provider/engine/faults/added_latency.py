"""The provider, or its carriers, are slow."""

from __future__ import annotations

from msgspec import Struct


class AddedLatency(Struct, frozen=True):
    """Per time: every reply (or every message that leaves a carrier's queue) in the window is slowed."""

    name: str
    factor: float
    plus_ns: int

    def applied(self, latency_ns: int) -> int:
        return int(latency_ns * self.factor) + self.plus_ns
