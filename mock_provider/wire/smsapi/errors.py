"""SMSAPI's error codes, their words, and the two shapes an error is answered in.

Legacy ``.do`` endpoints answer every error at HTTP 200; REST endpoints use HTTP's own codes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from mock_provider.engine.values import Refusal, Refused
from mock_provider.profiles.wires import SmsapiWire
from mock_provider.wire.calls import TEXT, WireReply
from mock_provider.wire.smsapi.numbers import shown_number

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
    999: "System internal error",
}

_CODES: dict[Refusal, int] = {
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

_THROTTLES = frozenset(
    (Refusal.THROTTLED_REQUESTS, Refusal.THROTTLED_SEGMENTS, Refusal.THROTTLED_CONCURRENCY)
)

_REST_TAGS: dict[int, str] = {
    401: "authorization_failed",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    429: "too_many_requests",
    503: "service_unavailable",
}


class SmsapiError(Exception):
    """A request that is refused before the engine sees it, by the code SMSAPI gives it."""

    def __init__(self, code: int) -> None:
        super().__init__(code, MESSAGES[code])
        self.code = code


class InvalidNumber(Struct, frozen=True, gc=False):
    number: str
    submitted_number: str
    message: str = "Invalid phone number"


class LegacyError(Struct, frozen=True, gc=False):
    invalid_numbers: tuple[InvalidNumber, ...]
    error: int
    message: str


class _LegacyErrorBare(Struct, frozen=True, gc=False):
    error: int
    message: str


class RestError(Struct, frozen=True, gc=False):
    message: str
    error: str
    errors: tuple[str, ...] = ()


_encoder = msgspec.json.Encoder()


def legacy_error(code: int, as_json: bool, invalid_numbers: Sequence[tuple[str, str]] = ()) -> WireReply:
    """An error of a ``.do`` endpoint, at HTTP 200; ``invalid_numbers`` are (normalised, as submitted)."""
    if not as_json:
        return WireReply(200, b"ERROR:%d" % code, TEXT)
    if not invalid_numbers:
        return WireReply(200, _encoder.encode(_LegacyErrorBare(code, MESSAGES[code])))
    numbers = tuple(InvalidNumber(number, submitted) for number, submitted in invalid_numbers)
    return WireReply(200, _encoder.encode(LegacyError(numbers, code, MESSAGES[code])))


def rest_error(status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> WireReply:
    """An error of a REST endpoint, with HTTP's own code."""
    tag = _REST_TAGS.get(status, "error")
    return WireReply(status, _encoder.encode(RestError(message, tag)), headers=headers)


def refusal_reply(refused: Refused, as_json: bool, settings: SmsapiWire) -> WireReply:
    """The engine's refusal in SMSAPI's words.

    Two throttle answers exist in the field, error 202 at HTTP 200 and HTTP 429: a setting. An
    outage is HTTP 503 on every endpoint, as a front end that has lost its service answers.
    """
    reason = refused.reason
    if reason is Refusal.UNAVAILABLE:
        return rest_error(503, "Service unavailable", _retry_after(refused, settings))
    if reason in _THROTTLES and settings.throttle_answer == "http_429":
        return rest_error(429, "Too many requests", _retry_after(refused, settings))
    return legacy_error(
        _CODES[reason], as_json, [(shown_number(n, settings), n) for n in refused.invalid_numbers]
    )


def _retry_after(refused: Refused, settings: SmsapiWire) -> tuple[tuple[str, str], ...]:
    if refused.retry_after_s is None or not settings.retry_after:
        return ()
    # RFC 9110 §10.2.3 knows whole seconds only; rounding down would invite the client too early.
    return (("Retry-After", str(max(1, math.ceil(refused.retry_after_s)))),)
