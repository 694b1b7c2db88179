"""The wall clock is set. A process notices within a second, or reads it when it starts."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget

_STEPS_S = (-7_200.0, -60.0, -1.0, 1.0, 60.0, 7_200.0)


class WallClockStep(Struct, frozen=True):
    """It goes forward by ``by_s``, or back."""

    at_s: float
    by_s: float

    names: ClassVar[tuple[str, ...]] = ("wall_clock_back", "wall_clock_forward")

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls(within.instant(random), random.choice(_STEPS_S))

    def begin(self, target: FaultTarget) -> None:
        target.state.at(self.at_s, lambda: target.sender.step_wall_clock(self.by_s))


KIND = WallClockStep
