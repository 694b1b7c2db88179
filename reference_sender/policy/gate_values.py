"""What the gate returns."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from reference_sender.dispatch.values import Message, State
from reference_sender.policy.spending import Spent


class AdmittedMessages(Struct, frozen=True):
    """New messages after the rules: ``ready`` and ``held`` together are all of them."""

    messages: Sequence[Message]
    ready: Sequence[Message]
    held: Sequence[Message] = ()
    spent: Sequence[Spent] = ()
    version: int = 0  # of the rules that were applied
    keeps_hours: bool = False  # of a message: the hours may end before the commit does
    ahead_ns: int = 0  # ``WallOffset.ahead_ns`` then
    reserved: Sequence[tuple[int, Spent]] = ()  # ``spent`` by message


NOTHING_ADMITTED = AdmittedMessages((), ())


class Released(Struct, frozen=True):
    """Held messages that are due: some may be sent, the others end."""

    ready: Sequence[Message]
    ended: Sequence[tuple[Message, State, str]]


class Changed(Struct, frozen=True):
    """The result of a change of a campaign's controls: messages with a new hold, and their costs."""

    holds: Sequence[Message]
    spent: Sequence[Spent]


NOTHING_CHANGED = Changed((), ())


class HeldCounts(Struct, frozen=True):
    """A campaign's held messages, without second messages of OTPs. ``over_limit`` of ``total`` wait for a
    higher spending limit.
    """

    total: int
    over_limit: int
