"""Error replies of SMSAPI, in two forms.

Legacy ``.do`` endpoints answer every error at HTTP 200; REST endpoints use HTTP's own codes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from mock_provider.engine.values import Refused
from mock_provider.http.messages import TEXT, HttpResponse
from mock_provider.protocols.smsapi.error_table import CODES, MESSAGES
from mock_provider.protocols.smsapi.numbers import shown_number
from mock_provider.settings.protocols import SmsapiSettings
from mock_provider.settings.values import Refusal

_THROTTLES = frozenset(
    (Refusal.THROTTLED_REQUESTS, Refusal.THROTTLED_SEGMENTS, Refusal.THROTTLED_CONCURRENCY)
)

_SHOWN = 100  # characters of a value that an error repeats

_REST_TAGS: dict[int, str] = {
    400: "invalid_request_data",
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
    """A request that is refused before the engine, with SMSAPI's code."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail or MESSAGES[code])
        self.code = code
        self.detail = detail


class InvalidNumber(Struct, frozen=True, gc=False):
    """``error_code``: SMSAPI has it only for some reasons."""

    number: str
    submitted_number: str
    message: str = "Invalid phone number"
    error_code: int | UnsetType = UNSET


class LegacyError(Struct, frozen=True, gc=False):
    invalid_numbers: tuple[InvalidNumber, ...]
    error: int
    message: str


class _LegacyErrorBare(Struct, frozen=True, gc=False):
    error: int
    message: str


class RestErrorItem(Struct, frozen=True, gc=False):
    """An invalid field; ``path`` names it."""

    message: str
    error: str
    path: str
    value: str | None = None


class RestError(Struct, frozen=True, gc=False):
    message: str
    error: str
    developer_description: str | None = None
    errors: tuple[RestErrorItem, ...] = ()


_encoder = msgspec.json.Encoder()


def legacy_error(
    code: int, as_json: bool, invalid_numbers: Sequence[InvalidNumber] = (), detail: str = ""
) -> HttpResponse:
    """An error of a ``.do`` endpoint, at HTTP 200; ``detail`` follows the code's text."""
    if not as_json:
        return HttpResponse(200, b"ERROR:%d" % code, TEXT)
    message = f"{MESSAGES[code]}: {detail}" if detail else MESSAGES[code]
    if not invalid_numbers:
        return HttpResponse(200, _encoder.encode(_LegacyErrorBare(code, message)))
    return HttpResponse(200, _encoder.encode(LegacyError(tuple(invalid_numbers), code, message)))


def error_reply(error: SmsapiError, as_json: bool) -> HttpResponse:
    """``error`` at a ``.do`` endpoint."""
    return legacy_error(error.code, as_json, detail=error.detail)


def rest_error(
    status: int,
    message: str,
    headers: tuple[tuple[str, str], ...] = (),
    tag: str = "",
    errors: tuple[RestErrorItem, ...] = (),
) -> HttpResponse:
    """An error of a REST endpoint, with an HTTP status; the default ``tag`` depends on the status."""
    tag = tag or _REST_TAGS.get(status, "error")
    return HttpResponse(status, _encoder.encode(RestError(message, tag, None, errors)), headers=headers)


def invalid_value(message: str, field: str, value: str = "") -> HttpResponse:
    """HTTP 400 for one field of a REST request; the error has the text of the first item."""
    return rest_error(400, message, errors=(RestErrorItem(message, "invalid_value", field, value[:_SHOWN]),))


def not_allowed(methods: str) -> HttpResponse:
    """HTTP 405, for any endpoint; ``methods`` are the allowed ones."""
    return rest_error(405, "Method not allowed", (("Allow", methods),))


def refusal_reply(
    refused: Refused, as_json: bool, settings: SmsapiSettings, blocked: Sequence[InvalidNumber] = ()
) -> HttpResponse:
    """The engine's refusal as SMSAPI's reply; ``blocked`` are the request's numbers on the blacklist.

    Real accounts show two throttle answers, error 202 at HTTP 200 and HTTP 429: a setting. An outage is HTTP
    503 on every endpoint, as from a proxy without its service.
    """
    reason = refused.reason
    if reason is Refusal.UNAVAILABLE:
        return rest_error(503, "Service unavailable", retry_after(refused, settings))
    if reason in _THROTTLES and settings.throttle_answer == "http_429":
        return rest_error(429, "Too many requests", retry_after(refused, settings))
    invalid = [InvalidNumber(shown_number(n, settings), n) for n in refused.invalid_numbers]
    if reason is Refusal.RECIPIENT_BLOCKED:
        # 13: none of several numbers is valid, whatever the reason of each.
        return legacy_error(13 if invalid else CODES[reason], as_json, [*invalid, *blocked])
    return legacy_error(CODES[reason], as_json, invalid)


def retry_after(refused: Refused, settings: SmsapiSettings) -> tuple[tuple[str, str], ...]:
    """The header, if the profile has it and the refusal has a time."""
    if refused.retry_after_s is None or not settings.retry_after:
        return ()
    # RFC 9110 §10.2.3 has whole seconds only; rounding down would be too early.
    return (("Retry-After", str(max(1, math.ceil(refused.retry_after_s)))),)
