"""Twilio's error codes with texts and HTTP statuses, and the mapping of the engine's refusals.

The texts are those of the API's answers if known, otherwise of Twilio's error dictionary
(twilio.com/docs/api/errors).
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from mock_provider.engine.values import Refused
from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.actions import RefusalText
from mock_provider.protocols.refusal_text import json_refusal
from mock_provider.settings.values import Refusal

# Code -> HTTP status and words; ``{}`` is replaced by the value of the request.
ERRORS: dict[int, tuple[int, str]] = {
    14107: (429, "Message rate limit exceeded"),
    20001: (400, "Invalid parameter {}"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20005: (403, "Account not active"),
    20009: (409, "Cannot delete this resource before it is complete"),
    20403: (403, "Forbidden"),
    20404: (404, "The requested resource {} was not found"),
    20409: (409, "Conflict"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    20503: (503, "Service Unavailable"),
    21211: (400, "The 'To' number {} is not a valid phone number."),
    21212: (400, "The 'From' number {} is not a valid phone number, shortcode, or alphanumeric sender ID."),
    21408: (
        400,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {}",
    ),
    21601: (400, "Phone number is not a valid SMS-capable inbound phone number"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (
        400,
        "The From phone number {} is not a valid, SMS-capable inbound phone number or short code "
        "for your account.",
    ),
    21609: (400, "The 'StatusCallback' URL {} is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "SMS queue is full."),
    21612: (400, "The 'To' phone number: {}, is not currently reachable using the 'From' phone number."),
    21614: (400, "'To' number is not a valid mobile number: {}"),
    21617: (400, "The concatenated message body exceeds the {} character limit."),
    21619: (400, "A Message Body, Media URL or Content SID is required."),
    21620: (400, "Invalid media URL(s)"),
    21623: (400, "Number of media files exceeds allowed limit"),
    21655: (400, "The ContentSid is Invalid"),
    21657: (400, "The Sender ID is invalid"),
    21701: (400, "The Messaging Service does not exist"),
    21703: (400, "The Messaging Service does not have a phone number available to send a message"),
    21705: (400, "The Messaging Service is invalid"),
    21711: (
        400,
        "Phone Number, Shortcode, or AlphaSender is not associated to the specified Messaging Service.",
    ),
    30007: (400, "Message filtered"),
    30008: (400, "Unknown error"),
    30409: (409, "This message cannot be canceled"),
    30610: (400, "Message couldn't be delivered"),
    35111: (400, "SendAt timestamp is missing"),
    35114: (400, "SendAt time must be between {} seconds in the future, inclusive"),
    35118: (400, "MessagingServiceSid is required to schedule a message"),
    35126: (400, "The ScheduleType value provided is not supported for this channel"),
    63038: (429, "Account exceeded the daily messages limit"),
    90007: (400, "Invalid validity period value"),
}

_CODES: dict[Refusal, int] = {
    Refusal.UNAUTHORIZED: 20003,
    Refusal.ACCOUNT_SUSPENDED: 20403,
    Refusal.NO_CREDIT: 20005,
    Refusal.SENDER_NOT_ALLOWED: 21606,
    Refusal.NO_VALID_RECIPIENT: 21211,
    Refusal.TOO_MANY_RECIPIENTS: 21211,
    Refusal.DUPLICATE_REF: 20409,
    Refusal.RECIPIENT_FLOOD: 14107,
    Refusal.THROTTLED_REQUESTS: 20429,
    Refusal.THROTTLED_SEGMENTS: 20429,
    Refusal.THROTTLED_CONCURRENCY: 20429,
    Refusal.QUEUE_FULL: 21611,
    Refusal.SENDER_QUEUE_FULL: 21611,
    Refusal.COUNTRY_NOT_ALLOWED: 21408,
    Refusal.SENDER_FORM_NOT_ALLOWED: 21612,
    Refusal.SENDER_NOT_REGISTERED: 21657,
    Refusal.QUIET_HOURS: 30610,
    Refusal.OPT_OUT_MISSING: 30007,
    Refusal.TOO_MANY_SEGMENTS: 21617,
    Refusal.DAILY_CAP: 63038,
    Refusal.RECIPIENT_BLOCKED: 21610,
    Refusal.RECIPIENT_OPTED_OUT: 21610,
    Refusal.REJECTED: 30008,
    Refusal.INTERNAL_ERROR: 20500,
    Refusal.UNAVAILABLE: 20503,
}
_NAMING_THE_SENDER = frozenset((21606, 21657))


class TwilioError(Exception):
    """A request that is refused before the engine, with Twilio's code."""

    def __init__(self, code: int, value: str = "") -> None:
        super().__init__(code, value)
        self.code = code
        self.value = value


class RequestFacts(Struct, frozen=True, gc=False):
    """Values in the text of a refusal: of the request, and limits of the profile."""

    to: str
    sender: str
    max_body_characters: int
    concurrent_requests: int


class ErrorBody(Struct, frozen=True, gc=False):
    code: int
    message: str
    more_info: str
    status: int


_encoder = msgspec.json.Encoder()


def error_reply(code: int, value: str = "", headers: tuple[tuple[str, str], ...] = ()) -> HttpResponse:
    """Twilio's error reply; ``value`` is the value of the request that the text contains."""
    status, words = ERRORS[code]
    body = ErrorBody(code, words.format(value), f"https://www.twilio.com/docs/errors/{code}", status)
    return HttpResponse(status, _encoder.encode(body), headers=headers)


def refusal_reply(refused: Refused, asked: RequestFacts) -> HttpResponse:
    """The engine's refusal as Twilio's reply."""
    code = _CODES[refused.reason]
    if code == 20429:
        return error_reply(code, headers=(("Twilio-Concurrent-Requests", str(asked.concurrent_requests)),))
    if code == 21617:
        return error_reply(code, str(asked.max_body_characters))
    return error_reply(code, asked.sender if code in _NAMING_THE_SENDER else asked.to)


def refusal_text(reply: HttpResponse) -> RefusalText | None:
    """See ``ErrorReplies``."""
    return json_refusal(reply, "code", "message") if reply.status >= 400 else None
