"""The interface of a storm's faults: from what they are drawn, on what they act."""

from __future__ import annotations

from random import Random
from typing import ClassVar, Protocol, Self

from msgspec import Struct

from loadtests.storm.sender import StormSender
from loadtests.storm.sender_admin import SenderAdmin
from loadtests.storm.state import StormState
from reference_sender.dispatch.values import Lane

CAMPAIGNS = ("c0", "c1", "c2")
BURST = "burst"  # a campaign that no fault and no limit is about
_LANDLINE_EACH = 7


def number_of(call: int, place: int, landlines: bool = False) -> str:
    """The recipient of a message of a call. Messages of another call have it only by ``numbers_of``. With
    ``landlines`` some of them are landlines.
    """
    is_landline = landlines and (call + place) % _LANDLINE_EACH == 0
    return str((48_220_000_000 if is_landline else 48_600_000_000) + 1_000 * call + place)


def key_of(call: int, place: int) -> str:
    """The key of a message of a call."""
    return f"m{call}-{place}"


class DrawRange(Struct, frozen=True):
    """``storm_s``: faults begin before it. ``routes``: their names."""

    storm_s: float
    routes: tuple[str, ...]

    def instant(self, random: Random) -> float:
        """An instant of the storm, in seconds."""
        return round(random.random() * self.storm_s, 3)

    def span(self, random: Random, longest_s: float) -> tuple[float, float]:
        """Begin and end of a window."""
        begin_s = self.instant(random)
        return begin_s, round(begin_s + 0.1 + random.random() * longest_s, 3)

    def route(self, random: Random) -> str:
        """One of the routes."""
        return random.choice(self.routes)


class Call(Struct, frozen=True):
    """Messages that a client submits at ``at_s``: in one call (``together``) or each by itself. They are
    scheduled ``after_s`` later, and valid from then on. ``to_one``: all of them are to one number. ``once``:
    each is stored only if its campaign has no other such message with its number and text.
    """

    number: int
    at_s: float
    lane: Lane
    campaign: str
    sender_id: str
    places: tuple[int, ...]  # of its messages: one that is left out changes no key of the others
    valid_s: float
    segments: int
    together: bool
    after_s: float = 0.0
    keeps_hours: bool = False
    to_one: bool = False
    once: bool = False
    distinct: int = 0  # numbers, one after the other; 0: each message has its own
    numbers_of: int | None = None  # the call whose numbers its messages are to; None: they are its own
    landlines: bool = False  # as in ``number_of``

    def number_to(self, place: int) -> str:
        """The recipient of one of its messages."""
        if self.to_one:
            place = 0
        call = self.number if self.numbers_of is None else self.numbers_of
        return number_of(call, place % self.distinct if self.distinct else place, self.landlines)

    @property
    def keys(self) -> list[str]:
        """Those of its messages."""
        return [key_of(self.number, place) for place in self.places]


class FaultTarget(Protocol):
    """What a fault acts on. ``calls`` are those of the clients."""

    state: StormState
    sender: StormSender
    admin: SenderAdmin
    calls: tuple[Call, ...]

    def crash_provider(self, route: str, down_s: float) -> None:
        """Kill the provider of a route; it starts again after ``down_s``."""


class Fault(Protocol):
    """One fault. A kind is a module of ``loadtests/storm/faults/`` with a frozen struct of these methods."""

    names: ClassVar[tuple[str, ...]]  # under which it is counted when it takes effect

    @classmethod
    def draw(cls, random: Random, within: DrawRange) -> Self:
        """One fault of this kind."""

    def begin(self, target: FaultTarget) -> None:
        """Arrange what it does. Called once, before the storm and before the providers begin."""
