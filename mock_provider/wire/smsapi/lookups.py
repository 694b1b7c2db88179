"""Look-ups beside sending: ``hlr.do`` (what the network knows of a number) and ``/profile/prices``."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from mock_provider.profiles.wires import SmsapiWire
from mock_provider.wire.calls import TEXT, Consult, Desk, WireReply
from mock_provider.wire.smsapi.answers import points
from mock_provider.wire.smsapi.auth import to_owner, to_owner_rest
from mock_provider.wire.smsapi.errors import legacy_error
from mock_provider.wire.smsapi.fields import Fields, list_of, text_of
from mock_provider.wire.smsapi.kept import Kept
from mock_provider.wire.smsapi.numbers import read_msisdn
from mock_provider.wire.smsapi.send import wants_json

_EPOCH = "2026-01-01T00:00:00+01:00"

_encoder = msgspec.json.Encoder()


class BriefLookup(Struct, frozen=True, gc=False):
    """Answer about one number, in the Python client's own fixture; that client takes no other field."""

    status: str
    number: str
    id: str
    price: float | str


class FullLookup(Struct, frozen=True, gc=False):
    """One number of several, in the Java client's own fixture."""

    status: str
    number: str
    id: str
    price: float | str
    date: int
    info: str
    mcc: int | None
    mnc: int | None
    ported: int
    ported_from: int | None
    idx: str | None


class _Lookups(Struct, frozen=True, gc=False):
    count: int
    list: list[FullLookup]


class Network(Struct, frozen=True, gc=False):
    """A carrier and what a part to it costs, in points."""

    country: str
    name: str
    mcc: str
    mnc: str
    price: float


class _Money(Struct, frozen=True, gc=False):
    amount: float
    currency: str


class _Country(Struct, frozen=True, gc=False):
    name: str
    mcc: int | None


class _Operator(Struct, frozen=True, gc=False):
    name: str
    mnc: int | None


class _Price(Struct, frozen=True, gc=False):
    type: str
    price: _Money
    country: _Country
    network: _Operator
    changed_at: str


class Prices(Struct, frozen=True, gc=False):
    size: int
    collection: list[_Price]


def read_number_lookup(
    fields: Fields, token: str, wall_s: float, settings: SmsapiWire, kept: Kept
) -> Consult:
    """``hlr.do``: what the network knows of each ``number``. A look-up is not charged here."""
    as_json = wants_json(fields)
    submitted = [number.strip() for number in list_of(fields, "number", ",")]
    references: list[str] = list_of(fields, "idx", "|")
    limit = settings.max_recipients_per_request
    numbers = [read_msisdn(number, settings) for number in submitted[:limit]]
    known = [number for number in numbers if number is not None]
    if not known or len(known) < len(numbers) or len(submitted) > limit:
        code = 19 if len(submitted) > limit else 13
        return to_owner(token, as_json, lambda _desk: legacy_error(code, as_json))

    def answer(desk: Desk) -> WireReply:
        found = [
            _looked_up(n, _at(references, i), desk, int(wall_s), settings, kept) for i, n in enumerate(known)
        ]
        if not as_json:
            return WireReply(200, ";".join(f"OK:{f.id}:{f.price}" for f in found).encode(), TEXT)
        if len(found) == 1 and settings.hlr_answer == "brief":
            (one,) = found
            return WireReply(200, _encoder.encode(BriefLookup(one.status, one.number, one.id, one.price)))
        return WireReply(200, _encoder.encode(_Lookups(len(found), found)))

    return to_owner(token, as_json, answer)


def _at(references: Sequence[str], place: int) -> str | None:
    return references[place] if place < len(references) else None


def _looked_up(
    msisdn: str, reference: str | None, desk: Desk, date_s: int, settings: SmsapiWire, kept: Kept
) -> FullLookup:
    view = desk.number(msisdn)
    return FullLookup(
        status="OK" if view.exists else "FAIL",
        number=msisdn,
        id=kept.draws.provider_id(f"hlr {msisdn}", 0, settings.id_style),
        price=points(settings.hlr_price, settings),
        date=date_s,
        info=view.carrier if view.exists else "Number unknown to every network",
        mcc=_number(view.mcc),
        mnc=_number(view.mnc),
        ported=int(view.ported),
        ported_from=None,
        idx=reference,
    )


def _number(digits: str) -> int | None:
    return int(digits) if digits else None


def read_prices(query: Fields, token: str, networks: Sequence[Network]) -> Consult:
    """``GET /profile/prices``: of SMS, by network. Other types have no price here."""
    wanted = text_of(query, "type") or "sms"
    prices = [
        _Price(
            "sms",
            _Money(round(each.price, 4), "points"),
            _Country(each.country, _number(each.mcc)),
            _Operator(each.name, _number(each.mnc)),
            _EPOCH,
        )
        for each in networks
        if wanted == "sms"
    ]
    reply = WireReply(200, _encoder.encode(Prices(len(prices), prices)))
    return to_owner_rest(token, lambda _desk: reply)
