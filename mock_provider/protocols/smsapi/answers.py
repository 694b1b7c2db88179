"""SMSAPI's answers: sends, removals, status queries, balance, profile, ping; as JSON or as text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec
from msgspec import Struct

from mock_provider.engine import MessageView
from mock_provider.engine.distributions import NS_PER_S
from mock_provider.engine.values import Accepted, Answer, MessageState
from mock_provider.http.messages import TEXT, HttpResponse
from mock_provider.protocols.lookups import AccountView
from mock_provider.protocols.smsapi.errors import InvalidNumber, legacy_error, refusal_reply
from mock_provider.protocols.smsapi.message import Counted
from mock_provider.protocols.smsapi.numbers import shown_number
from mock_provider.settings.protocols import SmsapiSettings

# Numeric code and name of a status. An open message has been handed to the carrier.
STATUS_CODES: dict[str, tuple[str, str]] = {
    MessageState.DELIVERED.value: ("404", "DELIVERED"),
    MessageState.UNDELIVERED.value: ("405", "UNDELIVERED"),
    MessageState.EXPIRED.value: ("402", "EXPIRED"),
    MessageState.REJECTED.value: ("407", "REJECTED"),
    MessageState.UNKNOWN.value: ("408", "UNKNOWN"),
    MessageState.OPEN.value: ("403", "SENT"),
    "": ("401", "NOT_FOUND"),
}


_encoder = msgspec.json.Encoder()


class SentItem(Struct, frozen=True, gc=False):
    """One accepted message of a send answer, and one message of a status answer."""

    id: str
    points: float | str
    number: str
    date_sent: int
    submitted_number: str
    status: str
    error: None
    idx: str | None
    parts: int


class _Sent(Struct, frozen=True, gc=False):
    count: int
    list: tuple[SentItem, ...]


class _SentPartly(Struct, frozen=True, gc=False):
    count: int
    list: tuple[SentItem, ...]
    invalid_numbers: tuple[InvalidNumber, ...]


class _SentWithDetails(Struct, frozen=True, gc=False):
    message: str
    length: int
    parts: int
    count: int
    list: tuple[SentItem, ...]
    invalid_numbers: tuple[InvalidNumber, ...] = ()


class _Removed(Struct, frozen=True, gc=False):
    id: str


class _Removals(Struct, frozen=True, gc=False):
    count: int
    list: tuple[_Removed, ...]


class Balance(Struct, frozen=True, gc=False, rename="camel"):
    """``user.do?credits=1``; the counts are the numbers of messages that the points pay for."""

    points: float
    pro_count: int
    eco_count: int
    mms_count: int
    vms_gsm_count: int
    vms_land_count: int


class ProfileBody(Struct, frozen=True, gc=False):
    """``GET /profile``."""

    id: str
    name: str
    username: str
    email: str
    phone_number: str
    payment_type: str
    user_type: str
    points: float


class Ping(Struct, frozen=True, gc=False):
    """``GET /ping``."""

    authorized: bool
    unavailable: tuple[str, ...] = ()


class AnswerStyle(Struct, frozen=True, gc=False):
    """The form of a send's reply, and its values that are not from the engine."""

    as_json: bool
    date_s: int  # date_sent of the messages, unix seconds
    details: Counted | None = None
    blocked: tuple[InvalidNumber, ...] = ()  # numbers of the request that are on the account's blacklist


def render_send(settings: SmsapiSettings, style: AnswerStyle, answer: Answer) -> HttpResponse:
    """The reply to a send."""
    if not isinstance(answer, Accepted):
        return refusal_reply(answer, style.as_json, settings, style.blocked)
    if not style.as_json:
        text = ";".join(f"OK:{m.provider_id}:{m.price:g}" for m in answer.messages)
        return HttpResponse(settings.send_status, text.encode(), TEXT)
    items = _items(answer, settings, style.date_s)
    invalid = style.blocked
    if answer.invalid_numbers:
        invalid = (*(InvalidNumber(shown_number(n, settings), n) for n in answer.invalid_numbers), *invalid)
    if style.details is not None:
        shown = style.details
        body = _encoder.encode(
            _SentWithDetails(
                message=shown.text,
                length=shown.length,
                parts=shown.parts,
                count=len(items),
                list=items,
                invalid_numbers=invalid,
            )
        )
    elif invalid:
        body = _encoder.encode(_SentPartly(len(items), items, invalid))
    else:
        body = _encoder.encode(_Sent(len(items), items))
    return HttpResponse(settings.send_status, body)


def _items(accepted: Accepted, settings: SmsapiSettings, date_s: int) -> tuple[SentItem, ...]:
    written_as = settings.points_as
    items: list[SentItem] = []
    price = -1.0
    for m in accepted.messages:
        if m.price != price:  # mostly all cost the same
            price = m.price
            shown = _points(price, written_as)
        number, submitted = m.msisdn, m.submitted_number
        # By position: keywords take half as long again.
        items.append(
            SentItem(m.provider_id, shown, number, date_s, submitted, "QUEUE", None, m.client_ref, m.segments)
        )
    return tuple(items)


def points(price: float, settings: SmsapiSettings) -> float | str:
    """Points as the account sees them. Real accounts have both numbers and texts such as "0.1650"."""
    return _points(price, settings.points_as)


@lru_cache(maxsize=1024)
def _points(price: float, written_as: str) -> float | str:
    return f"{price:.4f}" if written_as == "string" else round(price, 4)


def render_removal(as_json: bool, removed: Sequence[str]) -> HttpResponse:
    """The reply to ``sch_del``: the removed ids, or error 301 if there are none."""
    if not removed:
        return legacy_error(301, as_json)
    if not as_json:
        return HttpResponse(200, ";".join(f"OK:{i}" for i in removed).encode(), TEXT)
    return HttpResponse(200, _encoder.encode(_Removals(len(removed), tuple(_Removed(i) for i in removed))))


def render_status(
    settings: SmsapiSettings,
    as_json: bool,
    ids: Sequence[str],
    views: Sequence[MessageView | None],
    wall_offset_ns: int,
) -> HttpResponse:
    """The reply to ``status=``: one message per id, in order; ``None`` in ``views`` for an unknown id."""
    if not as_json:
        codes = [STATUS_CODES["" if view is None else view.state.value][0] for view in views]
        text = ";".join(f"OK:{each}:{code}" for each, code in zip(ids, codes, strict=True))
        return HttpResponse(200, text.encode(), TEXT)
    items = tuple(
        _unknown_item(each, settings) if view is None else _status_item(view, settings, wall_offset_ns)
        for each, view in zip(ids, views, strict=True)
    )
    return HttpResponse(200, _encoder.encode(_Sent(len(items), items)))


def _status_item(view: MessageView, settings: SmsapiSettings, wall_offset_ns: int) -> SentItem:
    return SentItem(
        id=view.provider_id,
        points=points(view.price, settings),
        number=view.msisdn,
        date_sent=(view.t_accepted_ns + wall_offset_ns) // NS_PER_S,
        submitted_number=view.msisdn,
        status=STATUS_CODES[view.state.value][1],
        error=None,
        idx=view.client_ref,
        parts=view.segments,
    )


def _unknown_item(provider_id: str, settings: SmsapiSettings) -> SentItem:
    return SentItem(
        id=provider_id,
        points=points(0.0, settings),
        number="",
        date_sent=0,
        submitted_number="",
        status=STATUS_CODES[""][1],
        error=None,
        idx=None,
        parts=0,
    )


def render_balance(price_per_part: float, as_json: bool, account: AccountView) -> HttpResponse:
    """The reply to ``user.do?credits=1``; other kinds' counts keep the official fixture's ratios to SMS."""
    if not as_json:
        return HttpResponse(200, f"Points: {account.points:.2f}".encode(), TEXT)
    count = int(account.points / price_per_part) if price_per_part > 0 else 0
    balance = Balance(
        points=round(account.points, 4),
        pro_count=count,
        eco_count=int(count * 2.356),
        mms_count=int(count * 0.55),
        vms_gsm_count=int(count * 0.785),
        vms_land_count=int(count * 1.178),
    )
    return HttpResponse(200, _encoder.encode(balance))


def render_profile(settings: SmsapiSettings, account: AccountView) -> HttpResponse:
    """The reply to ``GET /profile``."""
    profile = ProfileBody(
        id=blake2b(settings.username.encode(), digest_size=12).hexdigest(),
        name=account.name,
        username=settings.username,
        email=f"{settings.username}@example.com",
        phone_number="48500000000",
        payment_type="prepaid",
        user_type="native",
        points=round(account.points, 4),
    )
    return HttpResponse(200, _encoder.encode(profile))


def render_ping(account: AccountView | None) -> HttpResponse:
    """The reply to ``GET /ping``: whether the token belongs to an account. Every token gets a reply."""
    return HttpResponse(200, _encoder.encode(Ping(account is not None)))
