"""Whether Twilio has a message: the list of the account's messages to that number.

Twilio stores no key of the client's, so a message is recognised by number, sender, text and the time at which
it was created. It cannot distinguish two equal messages to one number at the same time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from reference_sender.dispatch.values import Message, Report
from reference_sender.routes.protocol import ProviderReply, ProviderRequest
from reference_sender.routes.reading import read_found
from reference_sender.routes.retry_after import http_date_s
from reference_sender.routes.twilio.statuses import report_of

_PAGE_SIZE = 100  # the newest; more messages to one number within a lookup are unlikely
_MARGIN_S = 2.0  # Twilio's dates are whole seconds


class _ListedResource(Struct, gc=False, rename={"sender": "from"}):
    sid: str
    to: str
    body: str
    status: str
    date_created: str
    sender: str | None = None
    error_code: int | None = None


class _ResourcePage(Struct, gc=False):
    messages: Sequence[_ListedResource]


_is_service_sid = re.compile("MG[0-9A-Za-z]{32}").fullmatch
_decode = msgspec.json.Decoder(_ResourcePage).decode


class TwilioLookup:
    """Lookups of one account. ``sender_id`` is that of messages that name none."""

    def __init__(self, url: str, headers: Mapping[str, str], sender_id: str) -> None:
        self._url = url
        self._headers = headers
        self._sender_id = sender_id

    def request(self, message: Message) -> ProviderRequest:
        query = urlencode({"To": f"+{message.to}", "PageSize": _PAGE_SIZE})
        return ProviderRequest("GET", f"{self._url}?{query}", self._headers)

    def found(self, message: Message, since_s: float, reply: ProviderReply) -> Sequence[Report] | None:
        page = read_found(reply, _decode)
        if page is None:
            return None
        since_s += _ahead_s(reply) - _MARGIN_S
        same = [each for each in page.messages if self._may_be(message, each) and _created_s(each) >= since_s]
        return [
            report_of(
                each.sid, message.key, each.status, "" if each.error_code is None else str(each.error_code)
            )
            for each in reversed(same)  # Twilio lists the newest first
        ]

    def _may_be(self, message: Message, listed: _ListedResource) -> bool:
        sender_id = message.sender_id or self._sender_id
        # A Messaging Service chooses the sender later.
        by_number = not is_service(sender_id) and listed.sender is not None
        return (
            listed.to.lstrip("+") == message.to
            and listed.body == message.text
            and (not by_number or (listed.sender or "").lstrip("+") == sender_id.lstrip("+"))
        )


def is_service(sender_id: str) -> bool:
    """Whether the sender is the sid of a Messaging Service, a pool of numbers."""
    return _is_service_sid(sender_id) is not None


def _ahead_s(reply: ProviderReply) -> float:
    """How far the provider's clock is ahead of the sender's clock, by the date of its reply."""
    date_s = None if reply.date is None else http_date_s(reply.date, reply.received_s)
    return 0.0 if date_s is None else date_s - reply.received_s


def _created_s(listed: _ListedResource) -> float:
    try:
        created = parsedate_to_datetime(listed.date_created)
    except ValueError:
        return float("-inf")
    if created.tzinfo is None:  # the zone is -0000, which is UTC too (RFC 5322 3.3)
        created = created.replace(tzinfo=UTC)
    return created.timestamp()
