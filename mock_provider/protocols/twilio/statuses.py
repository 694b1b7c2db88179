"""Status and error code of a message, from the engine's state and reason.

Twilio has no "expired" and no "rejected": a message that did not leave Twilio's queue is ``failed``, one that
a carrier did not deliver is ``undelivered``. A message without a carrier's report stays ``sent``.
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

ERROR_WORDS: dict[int, str] = {
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30036: "Validity Period Expired",
    30410: "Provider Timeout Error",
}

# By words in the profile's reasons, in this order: the reasons are free text.
_CODES_BY_WORD: tuple[tuple[str, int], ...] = (
    ("carrier_queue", 30008),
    ("queue_full", 30001),
    ("overflow", 30001),
    ("suspend", 30002),
    ("landline", 30006),
    ("unknown_subscriber", 30005),
    ("unknown_handset", 30005),
    ("not_exist", 30005),
    ("unallocated", 30005),
    ("spam", 30007),
    ("filter", 30007),
    ("blocked", 30004),
    ("blacklist", 30004),
    ("barred", 30004),
    ("timeout", 30410),
    ("absent", 30003),
    ("unreachable", 30003),
    ("handset_off", 30003),
    ("memory", 30003),
)
_FAILED_AT_TWILIO = frozenset((30001, 30002, 30036))


class TwilioStatus(Struct, frozen=True, gc=False):
    """``error_code`` None: no error."""

    status: str
    error_code: int | None = None


_DELIVERED = TwilioStatus("delivered")
_SENT = TwilioStatus("sent")
_BY_STAGE: dict[str, TwilioStatus] = {
    "ANSWERING": TwilioStatus("queued"),
    "SCHEDULED": TwilioStatus("scheduled"),
    "QUEUED": TwilioStatus("queued"),
    "AT_CARRIER": TwilioStatus("sending"),
    "ON_AIR": _SENT,
}
_ACCEPTED = TwilioStatus("accepted")


def outcome_of(state: str, reason: str, stage: str, in_service: bool) -> TwilioStatus:
    """``state`` and ``reason`` of the engine, ``stage`` the name of its stage ("" if forgotten).

    ``in_service``: sent by a Messaging Service, which first accepts and then queues.
    """
    if state == "delivered":
        return _DELIVERED
    if state == "open":
        if in_service and stage == "ANSWERING":
            return _ACCEPTED
        return _BY_STAGE.get(stage, _SENT)
    if state in ("unknown", ""):
        return _SENT
    return failure_of(state, reason)


@lru_cache(maxsize=256)
def failure_of(state: str, reason: str) -> TwilioStatus:
    """Status and error code of a message that was not delivered."""
    if reason == "cancelled":
        return TwilioStatus("canceled")
    if reason == "lost_after_accept":  # by a fault, which clients cannot see
        return TwilioStatus("queued")
    if state == "expired":
        # The engine's reason: it expired before a carrier accepted it. Other reasons are of the handset.
        code = 30036 if reason == "validity_passed" else _code_of(reason, 30003)
    elif state == "rejected":
        code = _code_of(reason, 30007)
    else:
        code = _code_of(reason, 30008)
    return TwilioStatus("failed" if code in _FAILED_AT_TWILIO else "undelivered", code)


def _code_of(reason: str, otherwise: int) -> int:
    named = reason.lower().replace(" ", "_").replace("-", "_")
    return next((code for word, code in _CODES_BY_WORD if word in named), otherwise)
