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
from mock_provider.wire.smsapi.error_table import CODES, MESSAGES
from mock_provider.wire.smsapi.numbers import shown_number

_THROTTLES = frozenset(
    (Refusal.THROTTLED_REQUESTS, Refusal.THROTTLED_SEGMENTS, Refusal.THROTTLED_CONCURRENCY)
)

_REST_TAGS: dict[int, str] = {
    400: "validation_error",
    401: "authorization_failed",
    404: "not_found",
    403: "forbidden",
    405: "method_not_allowed",
    409: "already_exists",
    408: "request_timeout",
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


class RestErrorItem(Struct, frozen=True, gc=False):
    """What is wrong with one field, ``path``."""

    message: str
    error: str
    path: str


class RestError(Struct, frozen=True, gc=False):
    message: str
    error: str
    errors: tuple[RestErrorItem, ...] = ()


_encoder = msgspec.json.Encoder()


def legacy_error(code: int, as_json: bool, invalid_numbers: Sequence[tuple[str, str]] = ()) -> WireReply:
    """An error of a ``.do`` endpoint, at HTTP 200; ``invalid_numbers`` are (normalised, as submitted)."""
    if not as_json:
        return WireReply(200, b"ERROR:%d" % code, TEXT)
    if not invalid_numbers:
        return WireReply(200, _encoder.encode(_LegacyErrorBare(code, MESSAGES[code])))
    numbers = tuple(InvalidNumber(number, submitted) for number, submitted in invalid_numbers)
    return WireReply(200, _encoder.encode(LegacyError(numbers, code, MESSAGES[code])))


def rest_error(
    status: int,
    message: str,
    headers: tuple[tuple[str, str], ...] = (),
    tag: str = "",
    errors: tuple[RestErrorItem, ...] = (),
) -> WireReply:
    """An error of a REST endpoint, with HTTP's own code; ``tag`` is by that code where none is given."""
    tag = tag or _REST_TAGS.get(status, "error")
    return WireReply(status, _encoder.encode(RestError(message, tag, errors)), headers=headers)


def not_allowed(methods: str) -> WireReply:
    """HTTP 405, of any endpoint; ``methods`` are those it has."""
    return rest_error(405, "Method not allowed", (("Allow", methods),))


def refusal_reply(refused: Refused, as_json: bool, settings: SmsapiWire) -> WireReply:
    """The engine's refusal in SMSAPI's words.

    Two throttle answers exist in the field, error 202 at HTTP 200 and HTTP 429: a setting. An
    outage is HTTP 503 on every endpoint, as a front end that has lost its service answers.
    """
    reason = refused.reason
    if reason is Refusal.UNAVAILABLE:
        return rest_error(503, "Service unavailable", retry_after(refused, settings))
    if reason in _THROTTLES and settings.throttle_answer == "http_429":
        return rest_error(429, "Too many requests", retry_after(refused, settings))
    return legacy_error(
        CODES[reason], as_json, [(shown_number(n, settings), n) for n in refused.invalid_numbers]
    )


def retry_after(refused: Refused, settings: SmsapiWire) -> tuple[tuple[str, str], ...]:
    """The header, where the profile wants it and the refusal knows the time."""
    if refused.retry_after_s is None or not settings.retry_after:
        return ()
    # RFC 9110 §10.2.3 knows whole seconds only; rounding down would invite the client too early.
    return (("Retry-After", str(max(1, math.ceil(refused.retry_after_s)))),)
