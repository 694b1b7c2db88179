"""SMSAPI's replies as results. Sources: docs/sources.md."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct, field

from reference_sender.dispatch.values import Message, Outcome, Result
from reference_sender.routes.http_status import result_of_status
from reference_sender.routes.protocol import ProviderReply, same_for_all
from reference_sender.routes.reading import read_body, result_of_failure
from reference_sender.routes.retry_after import wait_of

# Error codes (official table, and the interpretation of official clients and integrators).
_THROTTLED = frozenset({202, 203, 429})
_ROUTE_DOWN = frozenset({96, 98, 101, 102, 103, 105, 110, 401})
_RETRYABLE = frozenset({200, 201, 666, 997, 998, 999})
_RECIPIENT_FLOOD = 52  # more than 10 attempts to one number in 60 s
_IDX_REPEATED = 53
_NO_VALID_RECIPIENT = 13
_OUTSIDE_HOURS = 74


class _SmsapiItem(Struct, gc=False):
    id: str | int | None = None
    idx: str | None = None
    error: int | str | None = None
    number: str | int | None = None
    submitted_number: str | int | None = None


class _InvalidNumber(Struct, gc=False):
    number: str | int | None = None
    submitted_number: str | int | None = None


class _SmsapiReply(Struct, gc=False):
    """Success and error in one type: legacy endpoints answer both with HTTP 200, only the fields differ."""

    items: Sequence[_SmsapiItem] | None = field(default=None, name="list")
    error: int | str | None = None
    invalid_numbers: Sequence[_InvalidNumber] | None = None


_decode = msgspec.json.Decoder(_SmsapiReply).decode


def results(messages: Sequence[Message], reply: ProviderReply) -> list[Result]:
    """The result of each of ``messages``, which were one request."""
    if reply.failure is not None:
        return same_for_all(messages, result_of_failure(reply.failure))
    if reply.status in (200, 201):
        return _of_body(messages, reply)
    return same_for_all(messages, result_of_status(reply, alone=len(messages) == 1))


def _of_body(messages: Sequence[Message], reply: ProviderReply) -> list[Result]:
    body = read_body(reply.body, _decode)
    if body is None:
        return same_for_all(messages, Result(Outcome.UNKNOWN, reason="unreadable_reply"))
    if body.error is not None:
        result = _of_code(_number(body.error), reply, alone=len(messages) == 1)
        return same_for_all(messages, result)
    if body.items is None:
        return same_for_all(messages, Result(Outcome.UNKNOWN, reason="reply_without_list"))
    return _of_list(messages, body.items, body.invalid_numbers or [], reply)


def _of_list(
    messages: Sequence[Message],
    items: Sequence[_SmsapiItem],
    invalid: Sequence[_InvalidNumber],
    reply: ProviderReply,
) -> list[Result]:
    by_key = {item.idx: item for item in items if item.idx is not None}
    # Without idx in the reply, a number that occurs once identifies its message.
    by_number: dict[str, _SmsapiItem | None] = {}
    for anonymous in items:
        if anonymous.idx is None:
            for number in {str(anonymous.number), str(anonymous.submitted_number)}:
                by_number[number] = None if number in by_number else anonymous
    refused = {str(i.number) for i in invalid} | {str(i.submitted_number) for i in invalid}
    found: list[Result] = []
    for message in messages:
        known = by_key.get(message.key)
        item = known if known is not None else by_number.get(message.to)
        if item is not None and item.error is not None:
            found.append(_of_code(_number(item.error), reply, alone=True))
        elif item is not None:
            provider_id = None if item.id is None else str(item.id)
            found.append(Result(Outcome.ACCEPTED, provider_id=provider_id or None))
        elif message.to in refused:
            found.append(Result(Outcome.PERMANENT, reason="invalid_number"))
        else:
            # The reply does not mention the message. A repeat with the same key shows the outcome.
            found.append(Result(Outcome.UNKNOWN, reason="missing_in_reply"))
    return found


def _of_code(code: int | None, reply: ProviderReply, alone: bool) -> Result:
    """A legacy error code, for a request of one message (``alone``) or for one of several."""
    reason = f"smsapi_{code}"
    if code is None:
        return Result(Outcome.UNKNOWN, reason="unreadable_reply")
    if code in _THROTTLED:
        return Result(Outcome.THROTTLED, reason=reason, retry_after_s=wait_of(reply))
    if code in _ROUTE_DOWN:
        return Result(Outcome.ROUTE_DOWN, reason=reason)
    if code in _RETRYABLE:
        return Result(Outcome.RETRYABLE, reason=reason, retry_after_s=wait_of(reply))
    if code == _NO_VALID_RECIPIENT:
        return Result(Outcome.PERMANENT, reason=reason)  # not one of the request's numbers is valid
    if not alone:
        return Result(Outcome.SPLIT, reason=reason)
    if code == _IDX_REPEATED:
        return Result(Outcome.ALREADY_ACCEPTED, reason=reason)
    if code in (_RECIPIENT_FLOOD, _OUTSIDE_HOURS):
        return Result(Outcome.DEFERRED, reason=reason)
    return Result(Outcome.PERMANENT, reason=reason)


def _number(code: int | str) -> int | None:
    if isinstance(code, int):
        return code
    return int(code) if code.isdecimal() else None
