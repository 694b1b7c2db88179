"""A provider's process is killed, and another one starts."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget


class ProviderCrash(Struct, frozen=True):
    """Its requests in flight are lost. Unless the provider keeps its state, it forgets all it accepted."""

    route: str
    at_s: float
    down_s: float

    names: ClassVar[tuple[str, ...]] = ("provider_crash_forgets", "provider_crash_keeps")

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls(within.route(random), within.instant(random), random.choice((0.1, 3.0, 30.0)))

    def begin(self, target: FaultTarget) -> None:
        target.state.at(self.at_s, lambda: target.crash_provider(self.route, self.down_s))


KIND = ProviderCrash
