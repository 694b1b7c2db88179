"""The sender's disk is slow, or full."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget


class DiskTrouble(Struct, frozen=True):
    """A commit in the window takes ``commit_s``, or fails if that is 0."""

    begin_s: float
    end_s: float
    commit_s: float

    names: ClassVar[tuple[str, ...]] = ("slow_disk", "disk_full")

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        begin_s, end_s = within.span(random, 20.0)
        return cls(begin_s, end_s, random.choice((0.0, 0.2, 2.0, 30.0)))

    def begin(self, target: FaultTarget) -> None:
        if self.commit_s:
            target.state.slow_disk.append((self.begin_s, self.end_s, self.commit_s))
        else:
            target.state.at(self.begin_s, lambda: target.state.set_disk_full(True))
            target.state.at(self.end_s, lambda: target.state.set_disk_full(False))


KIND = DiskTrouble
