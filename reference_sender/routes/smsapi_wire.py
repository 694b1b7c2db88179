"""SMSAPI's wire as a client speaks it, as pure functions: a batch to a request body, a reply to results, a
report call to reports. Sources: SMSAPI's OpenAPI document and official clients (docs/sender.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct, field

from reference_sender.dispatch.values import Lane, Message, Outcome, Report, Result, State
from reference_sender.routes.retry_after import retry_after_s

SECOND_NS = 1_000_000_000

# SMSAPI refuses an expiry outside 15 minutes to 72 hours after sending and keeps it to 5 minutes (error 56).
_VALIDITY_TOLERANCE_S = 5 * 60
_VALIDITY_MIN_S = 15 * 60 + _VALIDITY_TOLERANCE_S
_VALIDITY_MAX_S = 72 * 3600 - _VALIDITY_TOLERANCE_S

# Error codes (official table, and what official clients and integrators make of them).
_THROTTLED = frozenset({202, 203, 429})
_ROUTE_DOWN = frozenset({96, 98, 101, 102, 103, 105, 110, 401})
_RETRYABLE = frozenset({200, 201, 666, 997, 998, 999})
_RECIPIENT_FLOOD = 52  # more than 10 attempts to one number in 60 s
_IDX_REPEATED = 53
_NO_VALID_RECIPIENT = 13
_OUTSIDE_HOURS = 74

# Report status codes, the same in the official Go, PHP and C# clients.
_REPORT_STATES: dict[str, tuple[State, str]] = {
    "401": (State.FAILED, "not_found"),
    "402": (State.EXPIRED, "expired"),
    "403": (State.SENT, "sent"),
    "404": (State.DELIVERED, ""),
    "405": (State.FAILED, "undelivered"),
    "406": (State.FAILED, "failed"),
    "407": (State.FAILED, "rejected"),
    "408": (State.FAILED, "unknown"),  # no report came; a later DELIVERED still counts
    "409": (State.SENT, "queue"),
    "410": (State.SENT, "accepted"),
    "411": (State.SENT, "renewal"),
    "412": (State.FAILED, "stop"),
}

_SPLIT = Result(Outcome.SPLIT, reason="cannot_share_a_request")


class Failure(Enum):
    """Why there is no reply."""

    NOT_SENT = "not_sent"  # no connection was made: the provider saw nothing
    NO_ANSWER = "no_answer"  # the request may have arrived: a time-out, a connection broken
    TOO_LARGE = "reply_too_large"  # it did arrive, but its reply was not read to its end


class Reply(Struct, frozen=True, gc=False):
    """The provider's HTTP reply, or why there is none. ``received_s`` is our clock, in Unix seconds."""

    status: int = 0
    body: bytes = b""
    retry_after: str | None = None
    date: str | None = None
    received_s: float = 0.0
    failure: Failure | None = None


class _Item(Struct, gc=False):
    id: str | int | None = None
    idx: str | None = None
    error: int | str | None = None
    number: str | int | None = None
    submitted_number: str | int | None = None


class _InvalidNumber(Struct, gc=False):
    number: str | int | None = None
    submitted_number: str | int | None = None


class _Body(Struct, gc=False):
    """Success and error in one: legacy endpoints answer both at HTTP 200, only the fields tell."""

    items: Sequence[_Item] | None = field(default=None, name="list")
    error: int | str | None = None
    invalid_numbers: Sequence[_InvalidNumber] | None = None


_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode


def in_one_request(messages: Sequence[Message]) -> Sequence[Message]:
    """Those of ``messages`` that one request can carry; the others must go alone.

    Differing texts travel as ``param1``, a list parted by ``|``, for the placeholder ``[%1%]``: a text that
    holds either of these would be read as something else.
    """
    first = messages[0].text
    if all(message.text == first for message in messages):
        return messages
    carried = [m for m in messages if "|" not in m.text and "[%" not in m.text]
    return carried or messages[:1]


def for_all(
    messages: Sequence[Message], carried: Sequence[Message], found: Sequence[Result]
) -> Sequence[Result]:
    """Results for all ``messages``, of which one request has ``carried`` some: the others must be split."""
    if len(carried) == len(messages):
        return found
    by_id = {message.message_id: result for message, result in zip(carried, found, strict=True)}
    return [by_id.get(message.message_id, _SPLIT) for message in messages]


def encode(messages: Sequence[Message], report_url: str, now_ns: int, wall_ahead_ns: int = 0) -> bytes:
    """The body of one request for all of ``messages``, which share a lane and a sender name.

    ``idx`` is each message's own key and ``check_idx`` has a repeated one refused for 24 h, so a repeat of
    this request, or of any of its messages, delivers nothing twice. ``wall_ahead_ns`` makes Unix time of the
    sender's instants.
    """
    first = messages[0]
    fields: dict[str, str | int] = {
        "to": ",".join([message.to for message in messages]),
        "from": first.sender_id,
        "format": "json",
        "idx": "|".join([message.key for message in messages]),
        "check_idx": 1,
        "allow_duplicates": 1,
        "notify_url": report_url,
    }
    text = first.text
    if all(message.text == text for message in messages):
        fields["message"] = text
    else:
        fields["message"] = "[%1%]"
        fields["param1"] = "|".join([message.text for message in messages])
    if first.lane is Lane.OTP:
        fields["fast"] = 1
    expires_s = expiration_date(messages, now_ns)
    if expires_s is not None:
        fields["expiration_date"] = expires_s + round(wall_ahead_ns / SECOND_NS)
    return _encode(fields)


def expiration_date(messages: Sequence[Message], now_ns: int) -> int | None:
    """Second of the sender's clock after which the network need not try, where one is right for all."""
    latest_s = messages[0].expires_ns // SECOND_NS
    if len(messages) > 1:
        expiries = [message.expires_ns for message in messages]
        latest_s = max(expiries) // SECOND_NS
        if latest_s - min(expiries) // SECOND_NS > _VALIDITY_TOLERANCE_S:
            return None
    if _VALIDITY_MIN_S <= latest_s - now_ns // SECOND_NS <= _VALIDITY_MAX_S:
        return latest_s
    return None


def most_bytes(count: int) -> int:
    """The longest body of a reply to ``count`` messages that is read: several times what SMSAPI writes."""
    return 65_536 + 1_024 * count


def results(messages: Sequence[Message], reply: Reply) -> list[Result]:
    """The result of each of ``messages``, which were one request. Only this function reads replies."""
    if reply.failure is Failure.NOT_SENT:
        return _all(messages, Result(Outcome.RETRYABLE, reason="connection_refused"))
    if reply.failure is not None:
        return _all(messages, Result(Outcome.UNKNOWN, reason=reply.failure.value))
    if reply.status in (200, 201):
        return _of_body(messages, reply)
    return _all(messages, _of_status(reply, alone=len(messages) == 1))


def _of_body(messages: Sequence[Message], reply: Reply) -> list[Result]:
    try:
        body = _decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Taken or not, this does not say: some front end answered in the provider's place.
        return _all(messages, Result(Outcome.UNKNOWN, reason="unreadable_reply"))
    if body.error is not None:
        result = _of_code(_number(body.error), reply, alone=len(messages) == 1)
        return _all(messages, result)
    if body.items is None:
        return _all(messages, Result(Outcome.UNKNOWN, reason="reply_without_list"))
    return _of_list(messages, body.items, body.invalid_numbers or [], reply)


def _of_list(
    messages: Sequence[Message], items: Sequence[_Item], invalid: Sequence[_InvalidNumber], reply: Reply
) -> list[Result]:
    by_key = {item.idx: item for item in items if item.idx is not None}
    # Without idx in the reply, a number that occurs once identifies its message.
    by_number: dict[str, _Item | None] = {}
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
            # Neither accepted nor refused by name. A repeat with the same key decides it.
            found.append(Result(Outcome.UNKNOWN, reason="missing_in_reply"))
    return found


def _of_code(code: int | None, reply: Reply, alone: bool) -> Result:
    """A legacy error code, for a request of one message (``alone``) or for one of several."""
    reason = f"smsapi_{code}"
    if code is None:
        return Result(Outcome.UNKNOWN, reason="unreadable_reply")
    if code in _THROTTLED:
        return Result(Outcome.THROTTLED, reason=reason, retry_after_s=_retry_after(reply))
    if code in _ROUTE_DOWN:
        return Result(Outcome.ROUTE_DOWN, reason=reason)
    if code in _RETRYABLE:
        return Result(Outcome.RETRYABLE, reason=reason, retry_after_s=_retry_after(reply))
    if code == _NO_VALID_RECIPIENT:
        return Result(Outcome.PERMANENT, reason=reason)  # not one of the request's numbers is valid
    if not alone:
        return Result(Outcome.SPLIT, reason=reason)
    if code == _IDX_REPEATED:
        return Result(Outcome.ALREADY_ACCEPTED, reason=reason)
    if code in (_RECIPIENT_FLOOD, _OUTSIDE_HOURS):
        return Result(Outcome.DEFERRED, reason=reason)
    return Result(Outcome.PERMANENT, reason=reason)


def _of_status(reply: Reply, alone: bool) -> Result:
    """An HTTP status other than success."""
    status = reply.status
    reason = f"http_{status}"
    if status == 429:
        return Result(Outcome.THROTTLED, reason=reason, retry_after_s=_retry_after(reply))
    if status in (408, 502, 504) or status < 400:
        return Result(Outcome.UNKNOWN, reason=reason)  # a front end timed out, or answered for the provider
    if status >= 500:
        return Result(Outcome.RETRYABLE, reason=reason, retry_after_s=_retry_after(reply))
    if status in (401, 402, 403, 404, 405):
        return Result(Outcome.ROUTE_DOWN, reason=reason)  # credentials or address: not the fault of a message
    return Result(Outcome.PERMANENT if alone else Outcome.SPLIT, reason=reason)


def _retry_after(reply: Reply) -> float | None:
    return retry_after_s(reply.retry_after, reply.date, reply.received_s)


def _all(messages: Sequence[Message], result: Result) -> list[Result]:
    return [result] * len(messages)


def _number(code: int | str) -> int | None:
    if isinstance(code, int):
        return code
    return int(code) if code.isdecimal() else None


# The most that a call may carry, and the most escapes in one of its fields: decoding a megabyte of them would
# keep the event loop for a tenth of a second, and a list needs no more than one for each comma.
MAX_REPORTS = 10_000
_MAX_ESCAPES = 2 * MAX_REPORTS


class MalformedReport(ValueError):
    """A report call that names no message or no status, or too many."""


def reports(query: str) -> list[Report]:
    """The reports of one call: parallel lists parted by commas; one status for all may stand alone.

    A key is one message's, so an ``idx`` of another length tells nothing: ``MsgId`` alone then says whose.
    A status that is none of SMSAPI's known codes counts as intermediate. Raises ``MalformedReport``.
    """
    # A dozen fields come with every report and three matter: decoding the rest would cost more than all else.
    fields = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
    ids = _decoded(fields.get("MsgId", "")).split(",")
    count = len(ids)
    if count > MAX_REPORTS:
        raise MalformedReport(f"a call carries at most {MAX_REPORTS} reports, not {count}")
    statuses = _column(_decoded(fields.get("status", "")), count)
    if not ids[0] or not statuses[0]:
        raise MalformedReport("MsgId and status must be given")
    keys = _decoded(fields.get("idx", "")).split(",")
    if len(keys) != count:
        keys = [""] * count
    found = []
    for provider_id, status, key in zip(ids, statuses, keys, strict=True):
        state, reason = _REPORT_STATES.get(status) or (State.SENT, f"smsapi_{status}")
        found.append(Report(provider_id, key or None, state, reason))
    return found


def _decoded(value: str) -> str:
    if "%" not in value and "+" not in value:
        return value
    if value.count("%") > _MAX_ESCAPES:
        raise MalformedReport(f"MsgId, idx and status have at most {_MAX_ESCAPES} escapes (%2C) each")
    return unquote_plus(value)


def _column(joined: str, count: int) -> list[str]:
    values = joined.split(",")
    return values if len(values) == count else values[:1] * count
