"""Refusals of the provider: the permanent ones, and the time in which the others are repeated."""

from __future__ import annotations

# Refusals because of the phone number. No sender can submit such a message.
CAUSED_BY_RECIPIENT = (
    "no_valid_recipient",
    "invalid_number",
    "country_not_allowed",
    "recipient_blocked",
    "recipient_opted_out",
    "unroutable",
    "blacklisted",
)
# The same message is refused again, until the message, the account or the sender's settings are changed.
PERMANENT = (
    *CAUSED_BY_RECIPIENT,
    "sender_not_allowed",
    "sender_form_not_allowed",
    "sender_not_registered",
    "opt_out_missing",
    "too_many_segments",
    "too_many_recipients",
    "text_not_allowed",
    "rejected",
    "unauthorized",
    "account_suspended",
    "no_credit",
    "daily_cap",
    "invalid_request",  # a field is missing or invalid: the protocol could not read the request
)
# A sender that does not repeat a refused message within this time after the load has given it up. Retry-After
# is a few seconds; a pause that doubles from 1 s reaches this time after five refusals.
REPEATED_WITHIN_S = 30.0

_WORDS = {
    "unauthorized": "wrong token",
    "sender_not_allowed": "sender name not allowed",
    "sender_form_not_allowed": "sender name of a form that the country does not allow",
    "sender_not_registered": "sender name not registered",
    "opt_out_missing": "no opt-out wording in the text",
}


def reason_text(reason: str) -> str:
    """The reason of a refusal for a reader: ``wrong token``, ``no credit``."""
    return _WORDS.get(reason, reason.replace("_", " "))
