"""SMSAPI's services beside sending: number look-up, sender names, prices, one-time codes."""

from __future__ import annotations

from collections.abc import Sequence

from mock_provider.profiles.wires import SmsapiWire
from mock_provider.wire.calls import Call, Instants, WireReply, WireRequest
from mock_provider.wire.smsapi.auth import field_token, header_token
from mock_provider.wire.smsapi.errors import legacy_error, not_allowed, rest_error
from mock_provider.wire.smsapi.fields import MalformedRequestError, read_fields
from mock_provider.wire.smsapi.hlr import NumberLookups
from mock_provider.wire.smsapi.kept import Kept
from mock_provider.wire.smsapi.mfa import read_code_request, read_verification
from mock_provider.wire.smsapi.openapi import openapi_document
from mock_provider.wire.smsapi.prices import Network, read_prices
from mock_provider.wire.smsapi.sender_names import read_sender_names
from mock_provider.wire.smsapi.sendernames_rest import SENDERNAMES, read_sendernames

_HLR, _SENDER = "/hlr.do", "/sender.do"
_PRICES, _CODES, _VERIFICATIONS = "/profile/prices", "/mfa/codes", "/mfa/codes/verifications"
_OPENAPI = "/openapi/smsapi.json"
_API = "/api"  # where the JavaScript client looks for everything


class Services:
    """``sender_names`` are those the profile allows, none: any; ``networks`` those it has."""

    paths = frozenset(
        [_OPENAPI]
        + [
            base + path
            for base in ("", _API)
            for path in (_HLR, _SENDER, _PRICES, _CODES, _VERIFICATIONS, SENDERNAMES)
        ]
    )
    prefixes = (f"{SENDERNAMES}/", f"{_API}{SENDERNAMES}/")

    def __init__(
        self, settings: SmsapiWire, kept: Kept, sender_names: Sequence[str], networks: Sequence[Network]
    ) -> None:
        self._settings = settings
        self._kept = kept
        self._sender_names = sender_names
        self._networks = networks
        self._lookups = NumberLookups(settings, kept, networks)

    def read(self, request: WireRequest, request_id: int, at: Instants) -> Call:
        path = request.path.removeprefix(_API)
        if path in (_HLR, _SENDER):
            return self._read_legacy(path, request, at)
        if path in (_CODES, _VERIFICATIONS):
            if request.method != "POST":
                return not_allowed("POST")
            if path == _CODES:
                return read_code_request(request, request_id, at, self._settings, self._kept)
            return read_verification(request, at, self._settings, self._kept)
        if path.startswith(SENDERNAMES):
            return read_sendernames(path, request, self._sender_names, self._kept)
        if request.method not in ("GET", "HEAD"):
            return not_allowed("GET, HEAD")
        if path == _OPENAPI:
            return WireReply(200, openapi_document())
        return self._read_prices(request)

    def _read_legacy(self, path: str, request: WireRequest, at: Instants) -> Call:
        if request.method not in ("GET", "POST"):
            return not_allowed("GET, POST")
        try:
            fields = read_fields(request)
        except MalformedRequestError:
            return legacy_error(8, "format=json" in request.query)
        token = header_token(request.authorization) or field_token(fields)
        if path == _HLR:
            return self._lookups.read(fields, token, int(at.wall_s))
        return read_sender_names(fields, token, self._sender_names, self._kept)

    def _read_prices(self, request: WireRequest) -> Call:
        try:
            fields = read_fields(request)
        except MalformedRequestError:
            return rest_error(400, "The query cannot be read")
        return read_prices(fields, header_token(request.authorization), self._networks)
