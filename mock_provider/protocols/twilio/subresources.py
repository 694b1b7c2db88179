"""Subresources of a Message: its media and its feedback."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from msgspec import Struct

from mock_provider.protocols.lookups import CapturedMessage
from mock_provider.protocols.twilio.errors import TwilioError
from mock_provider.protocols.twilio.listing import page_by_offset
from mock_provider.protocols.twilio.memo import read_memo
from mock_provider.protocols.twilio.resource import API_VERSION, ListPage, rfc_2822

OUTCOMES = ("confirmed", "unconfirmed")


class MediaBody(Struct, frozen=True, gc=False):
    """One medium of a message. It is never fetched, so its type is unknown."""

    sid: str
    account_sid: str
    parent_sid: str
    date_created: str
    date_updated: str
    uri: str
    content_type: None = None


class MediaPage(ListPage, frozen=True, gc=False):
    """The media of a message: at most ten, so one page unless the request asks for a smaller one."""

    media_list: tuple[MediaBody, ...]


class FeedbackBody(Struct, frozen=True, gc=False):
    """The feedback of the request. Twilio has no call to read it, so it is not kept."""

    account_sid: str
    message_sid: str
    outcome: str
    date_created: str
    date_updated: str
    uri: str


def media_page(message: CapturedMessage, page: int, page_size: int) -> MediaPage:
    memo = read_memo(message.memo)
    parent = message.provider_id
    stem = f"/{API_VERSION}/Accounts/{memo.account_sid}/Messages/{parent}/Media"
    date = rfc_2822(int(message.accepted_unix_s))
    start = page * page_size
    media = []
    for number in range(start, min(memo.media, start + page_size)):
        sid = "ME" + blake2b(f"{parent} {number}".encode(), digest_size=16).hexdigest()
        media.append(MediaBody(sid, memo.account_sid, parent, date, date, f"{stem}/{sid}.json"))

    def address(number: int) -> str:
        return f"{stem}.json?PageSize={page_size}&Page={number}"

    return MediaPage(*page_by_offset(address, page, page_size, memo.media), tuple(media))


def read_outcome(fields: Mapping[str, str]) -> str:
    """``Outcome``, by default ``confirmed``. Raises ``TwilioError`` 20001."""
    outcome = fields.get("Outcome", "") or OUTCOMES[0]
    if outcome not in OUTCOMES:
        raise TwilioError(20001, "Outcome: confirmed and unconfirmed are allowed")
    return outcome


def feedback_body(account_sid: str, message_sid: str, outcome: str, unix_s: int) -> FeedbackBody:
    date = rfc_2822(unix_s)
    uri = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message_sid}/Feedback.json"
    return FeedbackBody(account_sid, message_sid, outcome, date, date, uri)
