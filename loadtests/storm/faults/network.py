"""The network between sender and provider loses or delays requests and replies."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Self

from msgspec import Struct

from loadtests.storm.fault import DrawRange, FaultTarget
from loadtests.storm.state import LinkTrouble

REFUSED = "connection_refused"  # the provider saw nothing, and the sender knows it
RESET = "connection_reset"  # before the provider read the request
RESET_AFTER = "connection_reset_after_acceptance"
REPLY_LOST = "reply_lost"
REQUEST_LATE = "request_late"  # the provider reads it after the sender has given up
REPORT_UNREACHED = "report_call_lost"
CONFIRMATION_LOST = "report_confirmation_lost"
_KINDS = (REFUSED, RESET, RESET_AFTER, REPLY_LOST, REQUEST_LATE, REPORT_UNREACHED, CONFIRMATION_LOST)


class NetworkTrouble(Struct, frozen=True):
    """``what`` meets this share of the exchanges that begin in the window."""

    what: str
    route: str
    begin_s: float
    end_s: float
    share: float

    names: ClassVar[tuple[str, ...]] = _KINDS

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        begin_s, end_s = within.span(random, 30.0)
        share = random.choice((0.2, 0.6, 1.0))
        return cls(random.choice(_KINDS), within.route(random), begin_s, end_s, share)

    def begin(self, target: FaultTarget) -> None:
        target.state.links[self.route].append(LinkTrouble(self.what, self.begin_s, self.end_s, self.share))


KIND = NetworkTrouble
