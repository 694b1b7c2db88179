"""The sender's process is paused for a time: a suspended machine, a process that gets no processor."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget


class SenderPause(Struct, frozen=True):
    """Everything that happens meanwhile reaches it at the end, in order."""

    at_s: float
    lasts_s: float

    names: ClassVar[tuple[str, ...]] = ("sender_pause",)

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls(within.instant(random), random.choice((0.5, 15.0, 120.0)))

    def begin(self, target: FaultTarget) -> None:
        target.state.at(self.at_s, lambda: target.sender.pause(self.lasts_s))


KIND = SenderPause
