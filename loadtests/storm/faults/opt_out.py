"""The number of a bulk message opts out."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget
from reference_sender.dispatch.values import Lane

OPTED_OUT = "opted_out"


class OptsOut(Struct, frozen=True):
    """The numbers of one of the bulk calls: number ``nth`` modulo their count."""

    at_s: float
    nth: int

    names: ClassVar[tuple[str, ...]] = (OPTED_OUT,)

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        return cls(within.instant(random), random.randrange(100))

    def begin(self, target: FaultTarget) -> None:
        bulk = [call for call in target.calls if call.lane is Lane.MARKETING]
        if bulk:
            call = bulk[self.nth % len(bulk)]
            for place in call.places:
                if place % 2 == 0:
                    order = partial(target.admin.opt_out, OPTED_OUT, call.number_to(place))
                    target.state.at(self.at_s, order)


KIND = OptsOut
