"""``IncomingPhoneNumbers``: the account's own numbers, from which it may send."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from urllib.parse import urlencode

from msgspec import Struct

from mock_provider.protocols.twilio.listing import page_by_offset, read_page
from mock_provider.protocols.twilio.resource import API_VERSION, ListPage, rfc_2822
from mock_provider.settings.protocols import TwilioSettings
from mock_provider.settings.sections import AccountSettings

_is_number = re.compile(r"\+[1-9][0-9]{7,14}").fullmatch
_FILTERS = ("PhoneNumber", "FriendlyName")


class Capabilities(Struct, frozen=True, gc=False):
    voice: bool = False
    sms: bool = True
    mms: bool = True
    fax: bool = False


class PhoneNumberBody(Struct, frozen=True, gc=False):
    """One number. It receives no calls and no messages, so its URLs are empty."""

    sid: str
    account_sid: str
    phone_number: str
    friendly_name: str
    date_created: str
    date_updated: str
    uri: str
    capabilities: Capabilities = Capabilities()
    api_version: str = API_VERSION
    status: str = "in-use"
    origin: str = "twilio"
    address_requirements: str = "none"
    beta: bool = False
    sms_application_sid: str = ""
    sms_url: str = ""
    sms_method: str = "POST"
    sms_fallback_url: str = ""
    sms_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"


class PhoneNumberPage(ListPage, frozen=True, gc=False):
    incoming_phone_numbers: tuple[PhoneNumberBody, ...]


class NumbersQuery(Struct, frozen=True):
    """The filters of a list request; an empty filter matches every number."""

    phone_number: str
    friendly_name: str
    page: int
    page_size: int


def numbers_of(settings: TwilioSettings, account: AccountSettings) -> tuple[str, ...]:
    """The profile's numbers in E.164: the account's senders and those of its services' pools, each once."""
    pools = [sender for service in settings.messaging_services for sender in service.senders]
    named = [sender if sender[0] == "+" else "+" + sender for sender in (*account.sender_names, *pools)]
    return tuple(dict.fromkeys(number for number in named if _is_number(number)))


def read_numbers_query(fields: Mapping[str, str]) -> NumbersQuery:
    """Raises ``TwilioError`` 20001 with the parameter that is wrong."""
    page, page_size = read_page(fields)
    pattern, name = (fields.get(each, "").strip() for each in _FILTERS)
    return NumbersQuery(pattern, name, page, page_size)


def numbers_page(numbers: Sequence[str], account_sid: str, query: NumbersQuery) -> PhoneNumberPage:
    """One page, in the profile's order."""
    found = [number for number in numbers if _meets(number, query)]
    size, start = query.page_size, query.page * query.page_size
    taken = found[start : start + size]

    def address(page: int) -> str:
        asked = [(name, value) for name, value in zip(_FILTERS, _patterns(query), strict=True) if value]
        paging = [("PageSize", str(size)), ("Page", str(page))]
        stem = f"/{API_VERSION}/Accounts/{account_sid}/IncomingPhoneNumbers.json"
        return f"{stem}?{urlencode([*asked, *paging])}"

    bodies = tuple(number_body(number, account_sid) for number in taken)
    return PhoneNumberPage(*page_by_offset(address, query.page, size, len(found)), bodies)


def find_number(numbers: Sequence[str], account_sid: str, sid: str) -> PhoneNumberBody | None:
    """The number with this sid, if it is the account's."""
    bodies = (number_body(number, account_sid) for number in numbers)
    return next((body for body in bodies if body.sid == sid), None)


def number_body(number: str, account_sid: str) -> PhoneNumberBody:
    """The sid is a hash of account and number, so it is the same after a restart."""
    sid = "PN" + blake2b(f"{account_sid} {number}".encode(), digest_size=16).hexdigest()
    epoch = rfc_2822(0)  # when it was bought is unknown
    uri = f"/{API_VERSION}/Accounts/{account_sid}/IncomingPhoneNumbers/{sid}.json"
    return PhoneNumberBody(sid, account_sid, number, number, epoch, epoch, uri)


def _patterns(query: NumbersQuery) -> tuple[str, str]:
    return query.phone_number, query.friendly_name


def _meets(number: str, query: NumbersQuery) -> bool:
    """``PhoneNumber`` matches part of a number (``*``: any digit), ``FriendlyName`` a whole name."""
    if query.friendly_name and query.friendly_name != number:
        return False
    wanted = "".join("[0-9]" if c == "*" else re.escape(c) for c in query.phone_number)
    return re.search(wanted, number) is not None
