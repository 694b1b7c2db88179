"""SMSAPI's error codes: their texts, and the mapping to the engine's refusals in both directions.

The codes are those of SMSAPI's published table (shared by its clients), that this provider uses.
"""

from __future__ import annotations

from mock_provider.settings.values import Refusal

MESSAGES: dict[int, str] = {
    8: "Error in request",
    11: "Message is empty, too long or contains special characters with nounicode",
    12: "Message has more parts than max_parts allows",
    13: "No correct phone numbers",
    14: "Wrong sender name",
    17: "Flash message cannot contain special characters",
    18: "Invalid number of parameters",
    19: "Too many messages in one request",
    20: "Invalid number of IDX parameters",
    25: "Parameters normalize and datacoding cannot be used together",
    27: "Too long IDX parameter, maximum 255 characters",
    28: "Invalid time_restriction parameter value",
    30: "Wrong UDH parameter for datacoding=bin",
    40: "No group with given name",
    41: "Chosen group is empty",
    50: "Messages may be scheduled up to 3 months in the future",
    52: "Too many attempts of sending messages to one number",
    53: "Not unique idx parameter, message with the same idx has been already sent",
    54: "Wrong date, only unix timestamp and ISO 8601 are allowed",
    56: "Expiration date must be between 15 minutes and 72 hours after sending",
    57: "Phone number is on the blacklist",
    59: "Recipient has opted out",
    70: "Invalid URL in notify_url parameter",
    74: "Outside the hours in which the account may send",
    93: "Parameters message and template cannot be used together",
    94: "Message text is not allowed",
    96: "Limit of the account reached",
    98: "Account is restricted",
    101: "Authorization failed",
    103: "Insufficient credits on your account",
    104: "No such template",
    110: "Action not allowed for your account",
    112: "Sending to this country is blocked",
    200: "Unsuccessful message submission",
    201: "System internal error",
    202: "Too many simultaneous requests, the message was not sent",
    301: "Not exists ID message",
    400: "Invalid message ID of a status response",
    409: "It already exists",
    999: "System internal error",
}

CODES: dict[Refusal, int] = {
    Refusal.UNAUTHORIZED: 101,
    Refusal.ACCOUNT_SUSPENDED: 98,
    Refusal.NO_CREDIT: 103,
    Refusal.SENDER_NOT_ALLOWED: 14,
    Refusal.NO_VALID_RECIPIENT: 13,
    Refusal.TOO_MANY_RECIPIENTS: 19,
    Refusal.DUPLICATE_REF: 53,
    Refusal.RECIPIENT_FLOOD: 52,
    Refusal.THROTTLED_REQUESTS: 202,
    Refusal.THROTTLED_SEGMENTS: 202,
    Refusal.THROTTLED_CONCURRENCY: 202,
    Refusal.QUEUE_FULL: 200,
    Refusal.SENDER_QUEUE_FULL: 200,
    Refusal.COUNTRY_NOT_ALLOWED: 112,
    Refusal.SENDER_FORM_NOT_ALLOWED: 14,
    Refusal.SENDER_NOT_REGISTERED: 14,
    Refusal.QUIET_HOURS: 74,
    Refusal.OPT_OUT_MISSING: 94,
    Refusal.TOO_MANY_SEGMENTS: 12,
    Refusal.DAILY_CAP: 96,
    Refusal.RECIPIENT_BLOCKED: 57,
    Refusal.RECIPIENT_OPTED_OUT: 59,
    Refusal.REJECTED: 200,
    Refusal.INTERNAL_ERROR: 201,
    Refusal.UNAVAILABLE: 999,
}

# If several refusals have one code: the refusal as which a client reads it.
_MEANT_FIRST = (Refusal.SENDER_NOT_ALLOWED, Refusal.THROTTLED_REQUESTS, Refusal.REJECTED)


def _refusals() -> dict[int, Refusal]:
    table = {code: refusal for refusal, code in CODES.items()}
    return table | {CODES[refusal]: refusal for refusal in _MEANT_FIRST}


REFUSALS: dict[int, Refusal] = _refusals()
