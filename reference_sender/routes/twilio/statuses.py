"""A message's status at Twilio as a report, from a status callback or from the message itself."""

from __future__ import annotations

from reference_sender.dispatch.values import Report, State

_STATES: dict[str, State] = {
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "undelivered": State.FAILED,  # by the carrier
    "failed": State.FAILED,  # at Twilio
    "canceled": State.FAILED,
}
_VALIDITY_PASSED = "30036"


def report_of(sid: str, key: str | None, status: str, error_code: str) -> Report:
    """``error_code`` is empty without one. An intermediate or unknown status is SENT."""
    state = _STATES.get(status, State.SENT)
    if state is State.FAILED and error_code == _VALIDITY_PASSED:
        state = State.EXPIRED
    reason = "" if state is State.DELIVERED else f"twilio_{error_code}" if error_code else status
    return Report(sid, key, state, reason)
