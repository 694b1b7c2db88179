"""The Message resource and the lists of it, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache

import msgspec
from msgspec import Struct

from mock_provider.engine.values import AcceptedMessage
from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.lookups import AccountView, CapturedMessage
from mock_provider.protocols.twilio.memo import read_memo
from mock_provider.protocols.twilio.statuses import ERROR_WORDS, outcome_of

API_VERSION = "2010-04-01"
_SENT_STATUSES = frozenset(("sent", "delivered", "undelivered"))
_UNASSIGNED = frozenset(("accepted", "scheduled"))  # a service has not chosen a sender yet


class SubresourceUris(Struct, frozen=True, gc=False):
    media: str
    feedback: str


class TwilioMessage(Struct, frozen=True, gc=False, rename={"sender": "from"}):
    """One Message resource. Numbers are texts, as in Twilio's JSON."""

    sid: str
    account_sid: str
    messaging_service_sid: str | None
    to: str
    sender: str | None
    body: str
    status: str
    num_segments: str
    num_media: str
    direction: str
    error_code: int | None
    error_message: str | None
    price: str | None
    price_unit: str
    date_created: str
    date_sent: str | None
    date_updated: str
    api_version: str
    uri: str
    subresource_uris: SubresourceUris


class ListPage(Struct, frozen=True, gc=False):
    """One page of a list; ``start`` and ``end`` count its items within the whole list."""

    page: int
    page_size: int
    start: int
    end: int
    uri: str
    first_page_uri: str
    next_page_uri: str | None
    previous_page_uri: str | None


class MessagePage(ListPage, frozen=True, gc=False):
    messages: tuple[TwilioMessage, ...]


class TwilioAccount(Struct, frozen=True, gc=False):
    sid: str
    friendly_name: str
    status: str
    type: str
    owner_account_sid: str
    date_created: str
    date_updated: str
    uri: str
    subresource_uris: dict[str, str]


class BalanceBody(Struct, frozen=True, gc=False):
    account_sid: str
    balance: str
    currency: str


class Created(Struct, frozen=True, gc=False):
    """Values of a create that its reply repeats."""

    memo: str
    sender: str
    text: str
    status: str
    created_unix_s: int


encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=4096)
def rfc_2822(unix_s: int) -> str:
    """``Fri, 13 Aug 2010 01:16:22 +0000``."""
    return formatdate(unix_s).replace("-0000", "+0000")


def created_reply(created: Created, accepted: AcceptedMessage, price_unit: str) -> HttpResponse:
    """The answer to a create: no price, no sending date; a service has not chosen its sender yet."""
    memo = read_memo(created.memo)
    unassigned = created.status in _UNASSIGNED
    date = rfc_2822(created.created_unix_s)
    sid, account_sid = accepted.provider_id, memo.account_sid
    stem = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{sid}"
    body = TwilioMessage(
        sid=sid,
        account_sid=account_sid,
        messaging_service_sid=memo.service_sid or None,
        to="+" + accepted.msisdn,
        sender=None if unassigned else created.sender,
        body=created.text,
        status=created.status,
        num_segments="0" if unassigned else str(accepted.segments),
        num_media=str(memo.media),
        direction="outbound-api",
        error_code=None,
        error_message=None,
        price=None,
        price_unit=price_unit,
        date_created=date,
        date_sent=None,
        date_updated=date,
        api_version=API_VERSION,
        uri=stem + ".json",
        subresource_uris=SubresourceUris(stem + "/Media.json", stem + "/Feedback.json"),
    )
    return HttpResponse(201, encode(body))


def message_body(message: CapturedMessage, price_unit: str) -> TwilioMessage:
    """The present state of a message."""
    memo = read_memo(message.memo)
    outcome = outcome_of(message.state, message.reason, message.stage, bool(memo.service_sid))
    status, code = outcome.status, outcome.error_code
    unassigned = bool(memo.service_sid) and status in _UNASSIGNED
    sent = status in _SENT_STATUSES
    times = [
        t for t in (message.accepted_unix_s, message.carrier_unix_s, message.final_unix_s) if t is not None
    ]
    stem = f"/{API_VERSION}/Accounts/{memo.account_sid}/Messages/{message.provider_id}"
    return TwilioMessage(
        sid=message.provider_id,
        account_sid=memo.account_sid,
        messaging_service_sid=memo.service_sid or None,
        to="+" + message.number,
        sender=None if unassigned else message.sender,
        body=message.text,
        status=status,
        num_segments="0" if unassigned else str(message.segments),
        num_media=str(memo.media),
        direction="outbound-api",
        error_code=code,
        error_message=None if code is None else ERROR_WORDS[code],
        price=f"-{message.price:.5f}" if sent else None,
        price_unit=price_unit,
        date_created=rfc_2822(int(message.accepted_unix_s)),
        date_sent=None if message.carrier_unix_s is None else rfc_2822(int(message.carrier_unix_s)),
        date_updated=rfc_2822(int(max(times))),
        api_version=API_VERSION,
        uri=stem + ".json",
        subresource_uris=SubresourceUris(stem + "/Media.json", stem + "/Feedback.json"),
    )


def account_body(account_sid: str, account: AccountView) -> TwilioAccount:
    """The account. Its creation date is unknown: unix time 0."""
    stem = f"/{API_VERSION}/Accounts/{account_sid}"
    uris = {
        "messages": stem + "/Messages.json",
        "balance": stem + "/Balance.json",
        "incoming_phone_numbers": stem + "/IncomingPhoneNumbers.json",
    }
    epoch = rfc_2822(0)
    return TwilioAccount(
        sid=account_sid,
        friendly_name=account.name,
        status="active",
        type="Full",
        owner_account_sid=account_sid,
        date_created=epoch,
        date_updated=epoch,
        uri=stem + ".json",
        subresource_uris=uris,
    )


def bodies(messages: Sequence[CapturedMessage], price_unit: str) -> tuple[TwilioMessage, ...]:
    return tuple([message_body(message, price_unit) for message in messages])
