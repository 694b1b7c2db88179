"""Replies of the generic API as results: one result per message, or a problem document (RFC 9457) for all."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from reference_sender.dispatch.values import Message, Outcome, Result
from reference_sender.routes.http_status import result_of_status
from reference_sender.routes.protocol import ProviderReply, same_for_all
from reference_sender.routes.reading import read_body, result_of_failure
from reference_sender.routes.retry_after import wait_of

_THROTTLED = frozenset(
    {"throttled_requests", "throttled_segments", "throttled_concurrency", "queue_full", "sender_queue_full"}
)
_ROUTE_DOWN = frozenset({"unauthorized", "account_suspended", "no_credit", "daily_cap"})
_DEFERRED = frozenset({"recipient_flood", "quiet_hours"})
_RETRYABLE = frozenset({"internal_error", "unavailable"})


class _SendResult(Struct, gc=False):
    status: str
    reference: str | None = None
    id: str | None = None
    code: str | None = None


class _Accepted(Struct, gc=False):
    messages: Sequence[_SendResult]


class _Problem(Struct, gc=False):
    code: str | None = None


_decode_accepted = msgspec.json.Decoder(_Accepted).decode
_decode_problem = msgspec.json.Decoder(_Problem).decode


def results(messages: Sequence[Message], reply: ProviderReply) -> list[Result]:
    """The result of each of ``messages``, which were one request."""
    if reply.failure is not None:
        return same_for_all(messages, result_of_failure(reply.failure))
    if reply.status != 202:
        return same_for_all(messages, _of_problem(reply, alone=len(messages) == 1))
    body = read_body(reply.body, _decode_accepted)
    if body is None:
        return same_for_all(messages, Result(Outcome.UNKNOWN, reason="unreadable_reply"))
    by_key = {item.reference: item for item in body.messages if item.reference is not None}
    return [_of_item(by_key.get(message.key), reply) for message in messages]


def _of_item(item: _SendResult | None, reply: ProviderReply) -> Result:
    if item is None:
        # A repeat with the same key shows the outcome.
        return Result(Outcome.UNKNOWN, reason="missing_in_reply")
    if item.status == "accepted":
        return Result(Outcome.ACCEPTED, provider_id=item.id)
    return _of_code(item.code or "rejected", reply, alone=True)


def _of_problem(reply: ProviderReply, alone: bool) -> Result:
    problem = read_body(reply.body, _decode_problem)
    if problem is not None and problem.code is not None:
        return _of_code(problem.code, reply, alone)
    return result_of_status(reply, alone)


def _of_code(code: str, reply: ProviderReply, alone: bool) -> Result:
    """A problem's code, for a request of one message (``alone``) or for one of several."""
    if code in _THROTTLED:
        return Result(Outcome.THROTTLED, reason=code, retry_after_s=wait_of(reply))
    if code in _ROUTE_DOWN:
        return Result(Outcome.ROUTE_DOWN, reason=code)
    if code in _RETRYABLE:
        return Result(Outcome.RETRYABLE, reason=code, retry_after_s=wait_of(reply))
    if not alone:
        return Result(Outcome.SPLIT, reason=code)
    if code == "duplicate_ref":
        return Result(Outcome.ALREADY_ACCEPTED, reason=code)
    if code in _DEFERRED:
        return Result(Outcome.DEFERRED, reason=code, retry_after_s=wait_of(reply))
    return Result(Outcome.PERMANENT, reason=code)
