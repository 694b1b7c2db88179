"""What a provider keeps for its next start, as values: accepted messages and the spent credit."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from mock_provider.engine.message import TrackedMessage
    from mock_provider.engine.values import Accepted, Submit


class AccountSpending(Struct, frozen=True, gc=False):
    """Credit in millionths of a point; None: unlimited. ``day_messages`` were accepted on local ``day``."""

    configured_micro: int | None
    balance_micro: int | None
    day: int
    day_messages: int


class EngineSnapshot(Struct, frozen=True):
    """The remembered accepted messages, in the order of their first submit, and the account."""

    messages: tuple[TrackedMessage, ...]
    account: AccountSpending


class Changes:
    """What changed since the last ``take``: messages by provider id, ids that were forgotten, new requests.

    The messages are the engine's own: copy or encode them before the next call of the engine.
    """

    __slots__ = ("forgotten", "messages", "requests", "reset")

    def __init__(self) -> None:
        self.messages: dict[str, TrackedMessage] = {}
        self.forgotten: list[str] = []
        self.requests: list[tuple[Submit, Accepted]] = []
        self.reset = False  # everything before these changes was forgotten

    def __bool__(self) -> bool:
        return bool(self.messages or self.forgotten or self.reset)

    def changed(self, message: TrackedMessage) -> None:
        self.messages[message.provider_id] = message

    def forget(self, provider_id: str) -> None:
        """The message is no longer remembered."""
        if provider_id:
            self.messages.pop(provider_id, None)
            self.forgotten.append(provider_id)

    def forget_all(self) -> None:
        self.take()
        self.reset = True

    def take(self) -> Changes:
        """The changes so far, which are then forgotten here."""
        taken = Changes()
        taken.messages, taken.forgotten, taken.requests = self.messages, self.forgotten, self.requests
        taken.reset = self.reset
        self.messages, self.forgotten, self.requests, self.reset = {}, [], [], False
        return taken


# Of a message; None: it did not happen.
_INSTANTS = (
    "t_answered_ns",
    "t_carrier_ns",
    "t_final_ns",
    "t_reported_ns",
    "t_confirmed_ns",
    "scheduled_ns",
)


def in_another_time(message: TrackedMessage, later_ns: int) -> TrackedMessage:
    """A copy for a clock that shows ``later_ns`` more at the same instant."""
    moved = copy(message)
    if not later_ns:
        return moved
    for name in ("t_submitted_ns", "t_accepted_ns", "expires_ns"):
        setattr(moved, name, getattr(message, name) + later_ns)
    for name in ("not_before_ns", "due_ns"):  # 0: there is none
        setattr(moved, name, getattr(message, name) and getattr(message, name) + later_ns)
    for name in _INSTANTS:
        instant_ns = getattr(message, name)
        setattr(moved, name, None if instant_ns is None else instant_ns + later_ns)
    return moved
