"""The sender's process is killed at an instant."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget


class SenderCrash(Struct, frozen=True):
    """If a commit is in progress, its transaction is on disk whole, or not at all. A commit that failed may
    be on disk nevertheless.
    """

    at_s: float
    down_s: float

    names: ClassVar[tuple[str, ...]] = (
        "sender_crash",
        "torn_commit_kept",
        "torn_commit_lost",
        "failed_commit_kept",
    )

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls(within.instant(random), random.choice((0.0, 0.5, 5.0)))

    def begin(self, target: FaultTarget) -> None:
        target.state.at(self.at_s, lambda: target.sender.crash("sender_crash", self.down_s))


KIND = SenderCrash
