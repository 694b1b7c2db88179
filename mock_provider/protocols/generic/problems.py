"""Errors as problem details (RFC 9457), with a machine-readable code for every refusal of the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from mock_provider.engine.values import Refused
from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.actions import RefusalText
from mock_provider.protocols.refusal_text import json_refusal
from mock_provider.settings.sections import Limit, Throttle
from mock_provider.settings.values import Refusal

PROBLEM_JSON = "application/problem+json"

# HTTP status and title of each refusal; its code is the refusal's own value.
REFUSALS: dict[Refusal, tuple[int, str]] = {
    Refusal.UNAUTHORIZED: (401, "The token is missing or not known"),
    Refusal.ACCOUNT_SUSPENDED: (403, "The account is suspended"),
    Refusal.NO_CREDIT: (402, "The balance does not cover the request"),
    Refusal.SENDER_NOT_ALLOWED: (403, "The account may not use this sender"),
    Refusal.NO_VALID_RECIPIENT: (422, "No number of the request can receive messages"),
    Refusal.TOO_MANY_RECIPIENTS: (422, "The request has too many messages"),
    Refusal.DUPLICATE_REF: (409, "A message with this reference was accepted before"),
    Refusal.RECIPIENT_FLOOD: (429, "Too many messages to one number in a short time"),
    Refusal.THROTTLED_REQUESTS: (429, "Too many requests"),
    Refusal.THROTTLED_SEGMENTS: (429, "Too many segments"),
    Refusal.THROTTLED_CONCURRENCY: (429, "Too many requests at the same time"),
    Refusal.QUEUE_FULL: (503, "The provider's queue is full"),
    Refusal.SENDER_QUEUE_FULL: (503, "The queue of this sender is full"),
    Refusal.COUNTRY_NOT_ALLOWED: (403, "The account may not send to this country"),
    Refusal.SENDER_FORM_NOT_ALLOWED: (422, "The country requires a sender of another form"),
    Refusal.SENDER_NOT_REGISTERED: (403, "The sender is not registered in the country"),
    Refusal.QUIET_HOURS: (422, "Marketing is not allowed in the country at this hour"),
    Refusal.OPT_OUT_MISSING: (422, "Marketing lacks the opt-out wording that the country requires"),
    Refusal.TOO_MANY_SEGMENTS: (422, "The text takes too many segments"),
    Refusal.DAILY_CAP: (429, "The daily cap is reached"),
    Refusal.RECIPIENT_BLOCKED: (403, "The number is blocked"),
    Refusal.RECIPIENT_OPTED_OUT: (403, "The recipient has opted out"),
    Refusal.REJECTED: (422, "The provider rejected the message"),
    Refusal.INTERNAL_ERROR: (500, "Internal error of the provider"),
    Refusal.UNAVAILABLE: (503, "The service is unavailable"),
}

# Problems that are found before the engine is asked.
OTHERS: dict[str, tuple[int, str]] = {
    "malformed_json": (400, "The body is not JSON"),
    "invalid_request": (400, "The request is invalid"),
    "not_found": (404, "No such message"),
    "method_not_allowed": (405, "The method is not allowed here"),
    "not_scheduled": (409, "The message is no longer scheduled"),
    "unsupported_media_type": (415, "The body must be application/json"),
}

_THROTTLES = {
    Refusal.THROTTLED_REQUESTS: "requests",
    Refusal.THROTTLED_SEGMENTS: "segments",
}
_TYPE_PREFIX = "urn:smsbench:problem:"
_encoder = msgspec.json.Encoder()


class FieldError(Struct, frozen=True, gc=False):
    """An invalid field. ``field`` is its path, such as ``messages[3].to``; "" is the body."""

    field: str
    message: str


class Problem(Struct, frozen=True, gc=False):
    """RFC 9457 problem details; ``code`` and ``errors`` are extension members."""

    type: str
    title: str
    status: int
    code: str
    errors: tuple[FieldError, ...] = ()


class ProblemError(Exception):
    """A request that is refused before the engine sees it."""

    def __init__(self, code: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(code, errors)
        self.code = code
        self.errors = errors


def problem(
    code: str, errors: Sequence[FieldError] = (), headers: tuple[tuple[str, str], ...] = ()
) -> HttpResponse:
    """The reply for a problem of ``OTHERS``, or for a refusal by its value. Raises ``KeyError``."""
    status, title = OTHERS.get(code) or REFUSALS[Refusal(code)]
    body = Problem(_TYPE_PREFIX + code, title, status, code, tuple(errors))
    return HttpResponse(status, _encoder.encode(body), PROBLEM_JSON, headers)


UNAUTHORIZED = problem(Refusal.UNAUTHORIZED.value, (), (("WWW-Authenticate", "Bearer"),))


def refusal_problem(refused: Refused, throttle: Throttle, errors: Sequence[FieldError] = ()) -> HttpResponse:
    """The engine's refusal as a reply, with the headers for the next attempt."""
    reason = refused.reason
    return problem(reason.value, errors, _headers(refused, throttle))


def _headers(refused: Refused, throttle: Throttle) -> tuple[tuple[str, str], ...]:
    reason = refused.reason
    if reason is Refusal.UNAUTHORIZED:
        return (("WWW-Authenticate", "Bearer"),)  # RFC 9110 §11.6.1: a 401 carries a challenge
    if REFUSALS[reason][0] not in (429, 503) or refused.retry_after_s is None:
        return ()
    # RFC 9110 §10.2.3 has whole seconds only; rounding down would be too early.
    wait_s = max(1, math.ceil(refused.retry_after_s))
    headers = [("Retry-After", str(wait_s))]
    name = _THROTTLES.get(reason)
    limit: Limit | None = getattr(throttle, name) if name else None
    if limit is not None:
        # draft-ietf-httpapi-ratelimit-headers: quota q in each window of w seconds; r left, more in t.
        window_s = max(1, math.ceil(limit.burst / limit.rate_per_s))
        headers.append(("RateLimit-Policy", f'"{name}";q={limit.burst};w={window_s}'))
        headers.append(("RateLimit", f'"{name}";r=0;t={wait_s}'))
    return tuple(headers)


def refusal_text(reply: HttpResponse) -> RefusalText | None:
    """See ``ErrorReplies``."""
    return json_refusal(reply, "code", "title") if reply.status >= 400 else None
