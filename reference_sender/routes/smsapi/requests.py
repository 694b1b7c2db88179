"""A batch of messages as one request to SMSAPI. Sources: docs/sources.md."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reference_sender.dispatch.values import NS_PER_S, Lane, Message
from reference_sender.routes.protocol import shared_expiry_s

# SMSAPI refuses an expiry outside 15 minutes to 72 hours after sending and rounds it to 5 minutes (error 56).
_VALIDITY_TOLERANCE_S = 5 * 60
_VALIDITY_MIN_S = 15 * 60 + _VALIDITY_TOLERANCE_S
_VALIDITY_MAX_S = 72 * 3600 - _VALIDITY_TOLERANCE_S


_encode = msgspec.json.Encoder().encode


def in_one_request(messages: Sequence[Message]) -> Sequence[Message]:
    """Those of ``messages`` that one request can carry; the others must go alone.

    Differing texts are sent as ``param1``, a list separated by ``|``, for the placeholder ``[%1%]``. A text
    that contains ``|`` or ``[%1%]`` would be misread.
    """
    first = messages[0].text
    if all(message.text == first for message in messages):
        return messages
    fitting = [m for m in messages if "|" not in m.text and "[%" not in m.text]
    return fitting or messages[:1]


def body_of(
    messages: Sequence[Message], report_url: str, sender_id: str, now_ns: int, wall_ahead_ns: int = 0
) -> bytes:
    """The body of one request for all of ``messages``, which share a lane and a sender name.

    ``idx`` is the key of each message. ``check_idx`` makes SMSAPI refuse a repeated one for 24 h, so a repeat
    of this request, or of any of its messages, delivers nothing twice. ``wall_ahead_ns`` plus an instant of
    the sender gives Unix time.
    """
    first = messages[0]
    fields: dict[str, str | int] = {
        "to": ",".join([message.to for message in messages]),
        "from": first.sender_id or sender_id,
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
        fields["expiration_date"] = expires_s + round(wall_ahead_ns / NS_PER_S)
    return _encode(fields)


def expiration_date(messages: Sequence[Message], now_ns: int) -> int | None:
    """The expiry in seconds of the sender's clock, if one value fits all messages."""
    latest_s = shared_expiry_s(messages, _VALIDITY_TOLERANCE_S)
    if latest_s is None:
        return None
    life_s = latest_s - now_ns // NS_PER_S
    return latest_s if _VALIDITY_MIN_S <= life_s <= _VALIDITY_MAX_S else None
