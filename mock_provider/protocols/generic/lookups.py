"""Replies about messages and the account."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from urllib.parse import parse_qsl

import msgspec

from mock_provider.engine.numbers import normalise
from mock_provider.engine.outcome import CANCELLED
from mock_provider.engine.values import MessageState
from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.generic.bodies import (
    AccountBody,
    MessageList,
    MessageResource,
    MessageStateName,
)
from mock_provider.protocols.generic.problems import FieldError, ProblemError, problem
from mock_provider.protocols.lookups import (
    AccountView,
    CapturedMessage,
    Lookups,
    MessageFilter,
)

DEFAULT_LIMIT, MAX_LIMIT = 50, 1_000

_QUERY_FIELDS = ("limit", "cursor", "number")
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FINAL: dict[str, MessageStateName] = {
    MessageState.DELIVERED.value: "delivered",
    MessageState.UNDELIVERED.value: "undelivered",
    MessageState.EXPIRED.value: "expired",
    MessageState.REJECTED.value: "rejected",
    MessageState.UNKNOWN.value: "unknown",
    "": "unknown",  # the engine has forgotten it
}
_encoder = msgspec.json.Encoder()

Lookup = Callable[[Lookups, AccountView], HttpResponse]


def account_reply(_lookups: Lookups, account: AccountView) -> HttpResponse:
    return HttpResponse(200, _encoder.encode(AccountBody(account.name, round(account.points, 6))))


def message_reply(provider_id: str, protocol: str, lookups: Lookups, _account: AccountView) -> HttpResponse:
    found = lookups.inbox.find(provider_id)
    if found is None or found.protocol != protocol:
        return problem("not_found")
    return HttpResponse(200, _encoder.encode(_view(found)))


def cancel_message(
    provider_id: str, protocol: str, token: str, lookups: Lookups, _account: AccountView
) -> HttpResponse:
    """204 if a scheduled message was removed; 409 if it no longer waits."""
    found = lookups.inbox.find(provider_id)
    if found is None or found.protocol != protocol:
        return problem("not_found")
    if not lookups.cancel(token, (provider_id,)):
        return problem("not_scheduled")
    return HttpResponse(204, b"")


def list_messages(query: str, protocol: str) -> Lookup:
    """Newest first. Raises ``ProblemError`` for an invalid query."""
    limit, cursor, number = _read_query(query)

    def answer(lookups: Lookups, _account: AccountView) -> HttpResponse:
        found = lookups.inbox.matching(MessageFilter(protocol=protocol, number=number))
        if cursor:
            # Skip to the last message of the previous page; if the inbox dropped it, no older one is left.
            any(message.provider_id == cursor for message in found)
        page = list(islice(found, limit + 1))
        more = len(page) > limit
        views = [_view(message) for message in page[:limit]]
        return HttpResponse(200, _encoder.encode(MessageList(views, views[-1].id if more else None)))

    return answer


def _read_query(query: str) -> tuple[int, str, str]:
    values = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=100))
    errors = [
        FieldError(name, f"is not known; known here: {', '.join(_QUERY_FIELDS)}")
        for name in values
        if name not in _QUERY_FIELDS
    ]
    limit = values.get("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 6 and 1 <= int(limit) <= MAX_LIMIT):
        errors.append(FieldError("limit", f"must be a whole number from 1 to {MAX_LIMIT}"))
        limit = "1"
    cursor = values.get("cursor", "")
    if "cursor" in values and not _UUID.fullmatch(cursor):
        errors.append(FieldError("cursor", "must be a next_cursor that this API gave"))
    number = values.get("number", "")
    msisdn = normalise(number) if number else ""
    if msisdn is None or ("number" in values and not number):
        errors.append(
            FieldError("number", "must be a mobile number in international form, such as 48500100200")
        )
    if errors:
        raise ProblemError("invalid_request", tuple(errors))
    return int(limit), cursor, msisdn or ""


def _view(m: CapturedMessage) -> MessageResource:
    return MessageResource(
        id=m.provider_id,
        to=m.number,
        from_=m.sender,
        text=m.text,
        reference=m.client_ref,
        state=_state(m),
        reason=m.reason,
        segments=m.segments,
        price=m.price,
        accepted_at=datetime.fromtimestamp(m.accepted_unix_s, UTC),
        sent_at=_moment(m.carrier_unix_s),
        done_at=_moment(m.final_unix_s),
    )


def _state(m: CapturedMessage) -> MessageStateName:
    if m.reason == CANCELLED.reason:
        return "cancelled"
    final = _FINAL.get(m.state)
    if final is not None:
        return final
    if m.stage == "SCHEDULED":
        return "scheduled"
    return "queued" if m.carrier_unix_s is None else "sent"


def _moment(unix_s: float | None) -> datetime | None:
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC)
