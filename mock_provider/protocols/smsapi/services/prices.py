"""``/profile/prices``: what a part costs, by network."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from mock_provider.http.messages import HttpResponse
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import QueryAction, reply_for_account
from mock_provider.protocols.smsapi.auth import REST_UNAUTHORIZED
from mock_provider.protocols.smsapi.fields import Fields, text_of

CHANGED_AT = "2026-01-01T00:00:00+01:00"  # of every price and name

_encoder = msgspec.json.Encoder()


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


class _PriceNetwork(Struct, frozen=True, gc=False):
    name: str
    mnc: int | None


class _Price(Struct, frozen=True, gc=False):
    type: str
    price: _Money
    country: _Country
    network: _PriceNetwork
    changed_at: str


class Prices(Struct, frozen=True, gc=False):
    size: int
    collection: list[_Price]


def networks_of(profile: Profile) -> list[Network]:
    """The carriers of a profile. The price is that of the carrier, otherwise of its country, otherwise of the
    account.
    """
    of_country = {rules.country: rules.price_per_segment for rules in profile.rules}
    networks = []
    for carrier in profile.carriers:
        price = carrier.price_per_segment
        if price is None:
            price = of_country.get(carrier.country)
        if price is None:
            price = profile.account.price_per_segment
        networks.append(Network(carrier.country, carrier.name, carrier.mcc, carrier.mnc, price))
    return networks


def code_number(digits: str) -> int | None:
    """A country or network code as a number, as SMSAPI writes it; None for ""."""
    return int(digits) if digits else None


def read_prices(query: Fields, token: str, networks: Sequence[Network]) -> QueryAction[HttpResponse]:
    """``GET /profile/prices``: prices of SMS by network. Other types have no prices here."""
    wanted = text_of(query, "type") or "sms"
    prices = [
        _Price(
            "sms",
            _Money(round(each.price, 4), "points"),
            _Country(each.country, code_number(each.mcc)),
            _PriceNetwork(each.name, code_number(each.mnc)),
            CHANGED_AT,
        )
        for each in networks
        if wanted == "sms"
    ]
    reply = HttpResponse(200, _encoder.encode(Prices(len(prices), prices)))
    return reply_for_account(token, REST_UNAUTHORIZED, reply)
