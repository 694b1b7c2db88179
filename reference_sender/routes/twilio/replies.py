"""Twilio's reply to the create of a message."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from reference_sender.dispatch.values import Outcome, Result
from reference_sender.routes.protocol import ProviderReply
from reference_sender.routes.reading import read_body, result_of_failure
from reference_sender.routes.retry_after import wait_of

# Error codes (twilio.com/docs/api/errors) whose meaning does not follow from their HTTP status.
_RECIPIENT_FLOOD = 14107
_THROTTLED = frozenset({20429, 21611, 63017})  # concurrency, the sender's queue, the account's rate
_DEFERRED = frozenset({_RECIPIENT_FLOOD, 30610})  # this recipient must wait; quiet hours
_ROUTE_DOWN = frozenset({20003, 20005, 20403, 63038})  # credentials, account, its daily limit


class _TwilioReply(Struct, gc=False):
    """A message or an error."""

    sid: str | None = None
    code: int | None = None


_decode = msgspec.json.Decoder(_TwilioReply).decode


def result_of(reply: ProviderReply) -> Result:
    """The outcome of the message. Twilio accepts repeats, so only a status of 4xx proves that the message was
    refused; for 429 Twilio documents that (error 20429).
    """
    if reply.failure is not None:
        return result_of_failure(reply.failure)
    body = read_body(reply.body, _decode) or _TwilioReply()
    if reply.status in (200, 201):
        if body.sid:
            return Result(Outcome.ACCEPTED, provider_id=body.sid)
        return Result(Outcome.UNKNOWN, reason="unreadable_reply")
    return _of_error(reply, body.code)


def _of_error(reply: ProviderReply, code: int | None) -> Result:
    status = reply.status
    reason = f"http_{status}" if code is None else f"twilio_{code}"
    if code in _DEFERRED:
        return Result(Outcome.DEFERRED, reason=reason, retry_after_s=wait_of(reply))
    if code in _ROUTE_DOWN or status in (401, 402, 403, 404, 405):
        return Result(Outcome.ROUTE_DOWN, reason=reason)
    if code in _THROTTLED or status == 429:
        return Result(Outcome.THROTTLED, reason=reason, retry_after_s=wait_of(reply))
    if status == 408 or status >= 500 or status < 400:
        return Result(Outcome.UNKNOWN, reason=reason)  # it may have been accepted, or a proxy answered
    return Result(Outcome.PERMANENT, reason=reason)
