"""How a message ends."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.engine.values import MessageState

# Failures because the phone was off or out of coverage until the end.
UNREACHABLE = frozenset(["absent_subscriber", "handset_off"])


class Fate(Struct, frozen=True, gc=False):
    """How a message ends. ``at_expiry``: it ends with its validity, not when its latency has passed."""

    state: MessageState
    state_name: str
    reason: str
    at_expiry: bool
    unreachable: bool  # because its phone was unreachable


def fate(state: MessageState, reason: str = "") -> Fate:
    return Fate(state, state.value, reason, state is MessageState.EXPIRED, reason in UNREACHABLE)


DELIVERED = fate(MessageState.DELIVERED)
EXPIRED = fate(MessageState.EXPIRED, "validity_passed")
CANCELLED = fate(MessageState.REJECTED, "cancelled")
TURNED_AWAY = fate(MessageState.UNDELIVERED, "carrier_queue_full")
OVERFLOWED = fate(MessageState.UNDELIVERED, "sender_queue_full")
VANISHED = fate(MessageState.UNDELIVERED, "lost_after_accept")  # only the journal shows it
