"""The sender's process is killed between two steps of its work."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget
from loadtests.storm.steps import STEPS


class SenderCrashAtStep(Struct, frozen=True):
    """Just before step ``step`` is made for the ``ordinal``-th time."""

    step: str
    ordinal: int
    down_s: float

    names: ClassVar[tuple[str, ...]] = tuple(f"sender_crash_before_{step}" for step in STEPS)

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls(random.choice(STEPS), 1 + int(12 * random.random() ** 2), random.choice((0.0, 2.0)))

    def begin(self, target: FaultTarget) -> None:
        target.sender.crash_before(self.step, self.ordinal, self.down_s)


KIND = SenderCrashAtStep
