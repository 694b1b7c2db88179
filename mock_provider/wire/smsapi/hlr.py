"""``hlr.do``: what the network knows of a number."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from mock_provider.engine import NumberView
from mock_provider.profiles.wires import SmsapiWire
from mock_provider.wire.calls import TEXT, Consult, Desk, WireReply
from mock_provider.wire.smsapi.answers import points
from mock_provider.wire.smsapi.auth import to_owner
from mock_provider.wire.smsapi.errors import legacy_error
from mock_provider.wire.smsapi.fields import Fields, list_of
from mock_provider.wire.smsapi.kept import Kept
from mock_provider.wire.smsapi.numbers import read_msisdn
from mock_provider.wire.smsapi.prices import Network, code_number
from mock_provider.wire.smsapi.send import wants_json

_encoder = msgspec.json.Encoder()


class BriefLookup(Struct, frozen=True, gc=False):
    """Answer about one number, in the Python client's own fixture; that client takes no other field."""

    status: str
    number: str
    id: str
    price: float | str


class FullLookup(Struct, frozen=True, gc=False):
    """One number of several, in the Java client's own fixture, and the caller's reference."""

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


class NumberLookups:
    """A look-up is not charged, and its result comes at once."""

    def __init__(self, settings: SmsapiWire, kept: Kept, networks: Sequence[Network]) -> None:
        self._settings = settings
        self._kept = kept
        self._mnc_of = {network.name: code_number(network.mnc) for network in networks}

    def read(self, fields: Fields, token: str, date_s: int) -> Consult:
        """Error 13 where one of the numbers is no mobile number, 19 where there are too many."""
        settings = self._settings
        as_json = wants_json(fields)
        submitted = list_of(fields, "number", ",")
        too_many = len(submitted) > settings.max_recipients_per_request
        numbers = [] if too_many else [read_msisdn(number.strip(), settings) for number in submitted]
        known = [number for number in numbers if number is not None]
        if not known or len(known) < len(numbers):
            refusal = legacy_error(19 if too_many else 13, as_json)
            return to_owner(token, as_json, lambda _desk: refusal)
        references = list_of(fields, "idx", "|")
        asked = list(zip(known, references + [""] * len(known), strict=False))

        def answer(desk: Desk) -> WireReply:
            found = [self._found(desk.number(number), reference, date_s) for number, reference in asked]
            if not as_json:
                return WireReply(200, ";".join(f"OK:{f.id}:{f.price}" for f in found).encode(), TEXT)
            if len(found) == 1 and settings.hlr_answer == "brief":
                one = found[0]
                return WireReply(200, _encoder.encode(BriefLookup(one.status, one.number, one.id, one.price)))
            return WireReply(200, _encoder.encode(_Lookups(len(found), found)))

        return to_owner(token, as_json, answer)

    def _found(self, view: NumberView, reference: str, date_s: int) -> FullLookup:
        settings = self._settings
        return FullLookup(
            status="OK" if view.exists else "FAIL",
            number=view.msisdn,
            id=self._kept.draws.provider_id(f"hlr {view.msisdn}", 0, settings.id_style),
            price=points(settings.hlr_price, settings),
            date=date_s,
            info=view.carrier if view.exists else "No network serves the number",
            mcc=code_number(view.mcc),
            mnc=code_number(view.mnc),
            ported=int(view.ported),
            ported_from=self._mnc_of.get(view.ported_from),
            idx=reference or None,
        )
