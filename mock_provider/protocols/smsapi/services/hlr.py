"""``hlr.do`` and ``hlrsync.do``: look a number up in the network.

``hlr.do`` answers one number with an object and several with an array (JavaScript client's fixtures);
``hlrsync.do``, which the Java and C# clients call, with a counted list.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from mock_provider.engine import NumberView
from mock_provider.http.messages import TEXT, HttpResponse
from mock_provider.protocols.actions import QueryAction, for_account, reply_for_account
from mock_provider.protocols.lookups import AccountView, Lookups
from mock_provider.protocols.smsapi.answers import points
from mock_provider.protocols.smsapi.auth import unauthorized
from mock_provider.protocols.smsapi.errors import legacy_error
from mock_provider.protocols.smsapi.fields import (
    Fields,
    count_of,
    flat_list_of,
    list_of,
    text_of,
)
from mock_provider.protocols.smsapi.numbers import LONGEST_NUMBER, read_msisdn
from mock_provider.protocols.smsapi.send import wants_json
from mock_provider.protocols.smsapi.services.prices import Network, code_number
from mock_provider.protocols.smsapi.services.state import SmsapiState
from mock_provider.settings.protocols import SmsapiSettings

_encoder = msgspec.json.Encoder()


class BriefLookup(Struct, frozen=True, gc=False):
    """Answer about one number, as in the Python client's fixture; that client accepts no other field."""

    status: str
    number: str
    id: str
    price: float | str


class FailedLookup(Struct, frozen=True, gc=False):
    """Answer for text that is not a mobile number."""

    number: str
    status: str = "ERROR"
    error: int = 13


class FullLookup(Struct, frozen=True, gc=False):
    """One number of several, as in the Java client's fixture, and the caller's reference."""

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
    list: list[FullLookup | FailedLookup]


class NumberLookups:
    """A lookup is not charged, and its result comes at once."""

    def __init__(self, settings: SmsapiSettings, state: SmsapiState, networks: Sequence[Network]) -> None:
        self._settings = settings
        self._state = state
        self._mnc_of = {network.name: code_number(network.mnc) for network in networks}

    def read(self, fields: Fields, token: str, date_s: int, counted: bool) -> QueryAction[HttpResponse]:
        """Error 13 if no number is given, 19 if there are too many; ``counted``: ``hlrsync.do``."""
        settings = self._settings
        as_json = wants_json(fields)
        limit = settings.max_recipients_per_request
        too_many = count_of(fields, "number", ",") > limit
        submitted = [] if too_many else flat_list_of(fields, "number")
        too_many = too_many or len(submitted) > limit
        if too_many or not submitted:
            refusal = legacy_error(19 if too_many else 13, as_json)
            return reply_for_account(token, unauthorized(as_json), refusal)
        references = _references(fields, len(submitted))
        counted = counted or settings.hlr_answer == "full"

        def answer(lookups: Lookups, _account: AccountView) -> HttpResponse:
            looked_up = [
                self._looked_up(lookups, number.strip(), reference, date_s)
                for number, reference in zip(submitted, references, strict=True)
            ]
            if not as_json:
                return HttpResponse(200, ";".join(map(_as_text, looked_up)).encode(), TEXT)
            if counted:
                return HttpResponse(200, _encoder.encode(_Lookups(len(looked_up), looked_up)))
            brief = [_brief(each) for each in looked_up]
            return HttpResponse(200, _encoder.encode(brief if len(brief) > 1 else brief[0]))

        return for_account(token, unauthorized(as_json), answer)

    def _looked_up(
        self, lookups: Lookups, submitted: str, reference: str, date_s: int
    ) -> FullLookup | FailedLookup:
        msisdn = read_msisdn(submitted, self._settings)
        if msisdn is None:
            return FailedLookup(submitted[:LONGEST_NUMBER])
        return self._found(lookups.number(msisdn), reference, date_s)

    def _found(self, view: NumberView, reference: str, date_s: int) -> FullLookup:
        settings = self._settings
        return FullLookup(
            status="OK" if view.exists else "FAIL",
            number=view.msisdn,
            id=self._state.draws.provider_id(f"hlr {view.msisdn}", 0, settings.id_style),
            price=points(settings.hlr_price, settings),
            date=date_s,
            info=view.carrier if view.exists else "No network serves the number",
            mcc=code_number(view.mcc),
            mnc=code_number(view.mnc),
            ported=int(view.ported),
            ported_from=self._mnc_of.get(view.ported_from),
            idx=reference or None,
        )


def _references(fields: Fields, count: int) -> list[str]:
    """The caller's references, in the order of the numbers. The JavaScript client joins them by commas."""
    separator = "|" if count < 2 or "|" in text_of(fields, "idx") else ","
    references = list_of(fields, "idx", separator)
    return (references + [""] * count)[:count]


def _brief(found: FullLookup | FailedLookup) -> BriefLookup | FailedLookup:
    if isinstance(found, FailedLookup):
        return found
    return BriefLookup(found.status, found.number, found.id, found.price)


def _as_text(found: FullLookup | FailedLookup) -> str:
    return f"ERROR:{found.error}" if isinstance(found, FailedLookup) else f"OK:{found.id}:{found.price}"
