"""The dispatcher's record of a message that no provider has accepted yet."""

from __future__ import annotations

from msgspec import Struct

from reference_sender.dispatch.values import Lane, Message, State

OTP, TRANSACTIONAL, MARKETING = range(3)
LANES = (Lane.OTP, Lane.TRANSACTIONAL, Lane.MARKETING)
SHARED = 0  # the slot of messages that any route may take; slot 1 + n is route n's own
NOWHERE = -1  # the slot of messages bound to a removed route: they wait for a report or their expiry

# Names of their own: see ``values.py``.
_OTP = Lane.OTP
_TRANSACTIONAL = Lane.TRANSACTIONAL


class Ticket(Struct, gc=False, eq=False):
    """A message that no provider has accepted. Compared by identity. It exists until the message is SENT or
    final.

    It is mutable, since a frozen record would be copied at every step. ``gc=False`` is safe, since it is
    never part of a reference cycle.
    """

    message: Message
    lane: int  # index into LANES: its class
    queue: int  # which of a slot's queues it waits in: ``lane``, or 0 where all classes share one
    expires_ns: int  # the message's own, or earlier if an unanswered attempt may be repeated only until then
    slot: int = SHARED
    route: str | None = None  # of the last attempt
    state: State = State.QUEUED
    attempts: int = 0  # number of attempts
    counted: int = 0  # of these, those that count towards the limit
    solo: bool = False  # always alone in a request
    in_lane: bool = False  # False while QUEUED: waiting for the instant of its next attempt
    watched: bool = False  # the index of expiries has it
    # A rule chose the route: the slot does not mean that the provider may have the message.
    confined: bool = False
    # Since when a provider may have it; None: no provider has it, or it is not hedged (``hedging.py``).
    tried_ns: int | None = None
    reason: str = ""  # why the last attempt failed; "": it has no result yet

    @property
    def uncertain(self) -> bool:
        """Whether a provider may have it already. Then only that route may submit it again, with this key."""
        return self.slot != SHARED and not self.confined


def lane_index(lane: Lane) -> int:
    """The lane as a small integer; smaller is more urgent."""
    if lane is _OTP:
        return OTP
    return TRANSACTIONAL if lane is _TRANSACTIONAL else MARKETING
