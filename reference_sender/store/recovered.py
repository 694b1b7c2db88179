"""A stored message as an earlier process, or another node, left it."""

from __future__ import annotations

from msgspec.structs import replace

from reference_sender.dispatch.values import FINAL_STATES, EndedMessage, Recovered, State
from reference_sender.store.protocol import Record


def recovered(record: Record) -> Recovered:
    """An attempt in flight when the process ended is unknown: the message is queued, and goes out again under
    the same key, on the same route."""
    sent = record.state is State.SENT
    return Recovered(
        message=replace(record.message, text="") if sent else record.message,
        state=State.SENT if sent else State.QUEUED,
        attempts=record.attempts,
        provider_id=record.provider_id,
        sent_ns=record.changed_ns if sent else None,
        route=record.route,
        tried_ns=record.tried_ns,
    )


def ended(record: Record) -> EndedMessage | None:
    """None unless the message was tried and has ended."""
    if record.attempts == 0 or record.state not in FINAL_STATES:
        return None
    return EndedMessage(
        record.message, record.state, record.attempts, record.provider_id, record.route, record.changed_ns
    )
