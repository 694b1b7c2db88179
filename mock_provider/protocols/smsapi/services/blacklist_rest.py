"""``/blacklist/phone_numbers``: numbers to which the account does not send."""

from __future__ import annotations

from msgspec import Struct

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.smsapi.dates import read_date
from mock_provider.protocols.smsapi.errors import invalid_value, rest_error
from mock_provider.protocols.smsapi.numbers import read_msisdn
from mock_provider.protocols.smsapi.services.blacklist import BlockedNumber
from mock_provider.protocols.smsapi.services.rest_request import (
    RestRequest,
    done,
    page,
    shown,
    too_many,
)


class BlacklistPhoneNumber(Struct, frozen=True, gc=False):
    id: str
    phone_number: str
    expire_at: str | None
    created_at: str


class BlacklistPhoneNumbers(Struct, frozen=True, gc=False):
    size: int
    collection: list[BlacklistPhoneNumber]


def list_numbers(request: RestRequest) -> HttpResponse:
    found = request.state.blacklist.listed(request.at_s, request.text("q"))
    listed = [_shown(request, entry) for entry in page(request, found)]
    return shown(BlacklistPhoneNumbers(len(found), listed))


def add_number(request: RestRequest) -> HttpResponse:
    """201. A number that is already on the list gets the new expiry."""
    submitted, expiry = request.text("phone_number"), request.text("expire_at")
    msisdn = read_msisdn(submitted, request.settings)
    if msisdn is None:
        return invalid_value("The value is not valid phone number.", "phone_number", submitted)
    expires_s = read_date(expiry, request.settings) if expiry else None
    if expiry and expires_s is None:
        return invalid_value("The value is not valid date.", "expire_at", expiry)
    entry = BlockedNumber(request.state.new_id(), msisdn, request.at_s, expires_s)
    if not request.state.blacklist.add(entry):
        return too_many("blacklisted numbers")
    return shown(_shown(request, entry), 201)


def remove_numbers(request: RestRequest) -> HttpResponse:
    """Remove all numbers, or the one in ``phone_number``."""
    submitted = request.text("phone_number")
    if not submitted:
        request.state.blacklist.clear()
        return done()
    msisdn = read_msisdn(submitted, request.settings)
    if msisdn is None:
        return invalid_value("The value is not valid phone number.", "phone_number", submitted)
    request.state.blacklist.remove_number(msisdn)
    return done()


def remove_number(request: RestRequest) -> HttpResponse:
    removed = request.state.blacklist.remove(request.ids[0])
    return done() if removed else rest_error(404, "Not found resource")


def _shown(request: RestRequest, entry: BlockedNumber) -> BlacklistPhoneNumber:
    expires = None if entry.expires_s is None else request.shown_time(entry.expires_s)
    return BlacklistPhoneNumber(entry.id, entry.msisdn, expires, request.shown_time(entry.created_s))
