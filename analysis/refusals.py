"""Refusals of the provider: those because of the message, and the time in which the others are repeated."""

from __future__ import annotations

# Refusals because of the message, not because of the system's speed or health: docs/run-directory.md.
CAUSED_BY_MESSAGE = (
    "no_valid_recipient",
    "invalid_number",
    "sender_not_allowed",
    "sender_form_not_allowed",
    "sender_not_registered",
    "country_not_allowed",
    "opt_out_missing",
    "too_many_segments",
    "recipient_blocked",
    "recipient_opted_out",
    "rejected",
    "unroutable",
    "blacklisted",
    "text_not_allowed",
)
# Of these, the refusals because of the phone number. No sender can submit such a message.
CAUSED_BY_RECIPIENT = (
    "no_valid_recipient",
    "invalid_number",
    "country_not_allowed",
    "recipient_blocked",
    "recipient_opted_out",
    "unroutable",
    "blacklisted",
)
# A sender that does not repeat a refused message within this time after the load has given it up. Retry-After
# is a few seconds; a pause that doubles from 1 s reaches this time after five refusals.
REPEATED_WITHIN_S = 30.0
