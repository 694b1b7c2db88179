"""How a message ends."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.engine.values import MessageState

# Failures because the phone was off or out of coverage until the end.
UNREACHABLE = frozenset(["absent_subscriber", "handset_off"])


class FinalOutcome(Struct, frozen=True, gc=False, array_like=True):
    """How a message ends. ``at_expiry``: it ends with its validity, not when its latency has passed."""

    state: MessageState
    state_name: str
    reason: str
    at_expiry: bool
    unreachable: bool  # because its phone was unreachable


def final_outcome(state: MessageState, reason: str = "") -> FinalOutcome:
    return FinalOutcome(state, state.value, reason, state is MessageState.EXPIRED, reason in UNREACHABLE)


DELIVERED = final_outcome(MessageState.DELIVERED)
EXPIRED = final_outcome(MessageState.EXPIRED, "validity_passed")
CANCELLED = final_outcome(MessageState.REJECTED, "cancelled")
CARRIER_QUEUE_FULL = final_outcome(MessageState.UNDELIVERED, "carrier_queue_full")
SENDER_QUEUE_FULL = final_outcome(MessageState.UNDELIVERED, "sender_queue_full")
VANISHED = final_outcome(MessageState.UNDELIVERED, "lost_after_accept")  # only the journal shows it
