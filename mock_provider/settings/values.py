"""Values that settings name and the engine uses: reasons of refusals, styles of ids."""

from __future__ import annotations

from enum import Enum
from typing import Literal

IdStyle = Literal["digits", "hex", "hex16", "sid", "media_sid", "uuid"]


class Refusal(Enum):
    """Why a submit was not accepted. Each protocol maps these to its own codes."""

    UNAUTHORIZED = "unauthorized"
    ACCOUNT_SUSPENDED = "account_suspended"
    NO_CREDIT = "no_credit"
    SENDER_NOT_ALLOWED = "sender_not_allowed"
    NO_VALID_RECIPIENT = "no_valid_recipient"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    DUPLICATE_REF = "duplicate_ref"
    RECIPIENT_FLOOD = "recipient_flood"
    THROTTLED_REQUESTS = "throttled_requests"
    THROTTLED_SEGMENTS = "throttled_segments"
    THROTTLED_CONCURRENCY = "throttled_concurrency"  # too many requests unanswered at once
    QUEUE_FULL = "queue_full"
    SENDER_QUEUE_FULL = "sender_queue_full"  # of the sender number's own queue
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    SENDER_FORM_NOT_ALLOWED = "sender_form_not_allowed"  # a name, but the country requires a number
    SENDER_NOT_REGISTERED = "sender_not_registered"
    QUIET_HOURS = "quiet_hours"
    OPT_OUT_MISSING = "opt_out_missing"  # marketing without the wording that the country requires
    TOO_MANY_SEGMENTS = "too_many_segments"
    DAILY_CAP = "daily_cap"
    RECIPIENT_BLOCKED = "recipient_blocked"
    RECIPIENT_OPTED_OUT = "recipient_opted_out"
    REJECTED = "rejected"
    INTERNAL_ERROR = "internal_error"
    UNAVAILABLE = "unavailable"
