"""A batch of messages as one request of the generic API."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from reference_sender.dispatch.values import NS_PER_S, Lane, Message
from reference_sender.routes.protocol import RouteAccount, shared_expiry_s

_EXPIRY_TOLERANCE_S = 5 * 60


class _SendMessage(Struct, gc=False):
    to: str
    text: str
    reference: str


class _SendRequest(Struct, gc=False, omit_defaults=True, rename={"sender": "from"}):
    messages: list[_SendMessage]
    sender: str
    message_class: str
    report_url: str
    unique_references: bool
    priority: bool = False
    validity_s: int | None = None


_encode = msgspec.json.Encoder().encode


def body_of(messages: Sequence[Message], account: RouteAccount, now_ns: int) -> bytes:
    """The body for ``messages``, which share a lane and a sender name.

    ``reference`` is the key of each message. ``unique_references`` makes the provider refuse a repeated one,
    so a repeat delivers nothing twice. The validity is included if one value fits all messages.
    """
    first = messages[0]
    expires_s = shared_expiry_s(messages, _EXPIRY_TOLERANCE_S)
    return _encode(
        _SendRequest(
            [_SendMessage(message.to, message.text, message.key) for message in messages],
            first.sender_id or account.sender_id,
            first.lane.value,
            account.report_url,
            True,
            first.lane is Lane.OTP,
            None if expires_s is None else max(1, expires_s - now_ns // NS_PER_S),
        )
    )
