"""The sender's disk is slow, or full."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, ClassVar, Self

from msgspec import Struct

from loadtests.storm.scene import Scene

if TYPE_CHECKING:
    from loadtests.storm.world import StormWorld


class DiskTrouble(Struct, frozen=True):
    """A commit in the window takes ``commit_s``, or fails if that is 0."""

    begin_s: float
    end_s: float
    commit_s: float

    names: ClassVar[tuple[str, ...]] = ("slow_disk", "disk_full")

    @classmethod
    def draw(cls, random: Random, scene: Scene) -> Self:
        begin_s, end_s = scene.span(random, 20.0)
        return cls(begin_s, end_s, random.choice((0.0, 0.2, 2.0, 30.0)))

    def begin(self, world: StormWorld) -> None:
        if self.commit_s:
            world.slow_disk.append((self.begin_s, self.end_s, self.commit_s))
        else:
            world.at(self.begin_s, lambda: world.set_disk_full(True))
            world.at(self.end_s, lambda: world.set_disk_full(False))


KIND = DiskTrouble
