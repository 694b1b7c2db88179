"""The sender is stopped in order, as by SIGTERM, and started again."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget


class SenderStop(Struct, frozen=True):
    """It waits ``drain_s`` for answers at most, stores all it has, and ends. Later it is killed."""

    at_s: float
    drain_s: float
    down_s: float

    names: ClassVar[tuple[str, ...]] = ("sender_stop",)

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls(within.instant(random), random.choice((0.0, 1.0, 12.0)), random.choice((0.0, 3.0)))

    def begin(self, target: FaultTarget) -> None:
        target.state.at(self.at_s, lambda: target.sender.stop(self.drain_s, self.down_s))


KIND = SenderStop
