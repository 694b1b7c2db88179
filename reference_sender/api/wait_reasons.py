"""Why messages wait, as the API shows it: why they are held, and how their last attempt ended."""

from __future__ import annotations

from msgspec.structs import replace

from reference_sender.api.queries import ShownMessage, instant, shown
from reference_sender.clock import wall_ahead_ns
from reference_sender.dispatch.ticket import Ticket
from reference_sender.dispatch.values import State
from reference_sender.policy.gate import Gate
from reference_sender.policy.holding import Holding, why_held
from reference_sender.store import Record


def shown_holding(holding: Holding | None) -> dict[str, str | None]:
    """The reason, and the instant of the next release as far as it is known."""
    if holding is None:
        return {"reason": None, "until": None}
    until_ns = holding.until_ns
    return {
        "reason": holding.reason.value,
        "until": None if until_ns is None else instant(until_ns + wall_ahead_ns()),
    }


def shown_now(gate: Gate, now_ns: int, record: Record, ticket: Ticket | None) -> ShownMessage:
    """A message as ``GET /v1/messages/ID`` shows it. ``ticket``: that of the dispatcher, if any. A refused
    attempt changes the ticket only, since the store keeps no result that changes no state.
    """
    message = shown(record)
    if record.state is not State.QUEUED:
        return message
    if ticket is not None and ticket.attempts:
        reason = ticket.reason or record.reason
        message = replace(message, attempts=ticket.attempts, reason=reason, route=ticket.route)
    holding = why_held(gate, now_ns, record.message)
    return replace(message, held=None if holding is None else shown_holding(holding))
