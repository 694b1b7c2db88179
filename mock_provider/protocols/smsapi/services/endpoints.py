"""SMSAPI's services other than sending: lookups, sender names, prices, codes, and the REST collections."""

from __future__ import annotations

from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.profiles import Profile
from mock_provider.protocols.actions import Instants, reply_for_account
from mock_provider.protocols.http_protocol import HttpAction
from mock_provider.protocols.smsapi.auth import field_token, header_token, unauthorized
from mock_provider.protocols.smsapi.errors import legacy_error, not_allowed, rest_error
from mock_provider.protocols.smsapi.field_names import OF_LOOKUP, OF_PRICES, OF_SENDER
from mock_provider.protocols.smsapi.fields import MalformedRequestError, read_fields
from mock_provider.protocols.smsapi.openapi import openapi_document
from mock_provider.protocols.smsapi.send import wants_json
from mock_provider.protocols.smsapi.services.collections_rest import COLLECTIONS, NOT_SERVED, read_collection
from mock_provider.protocols.smsapi.services.hlr import NumberLookups
from mock_provider.protocols.smsapi.services.mfa import read_code_request, read_verification
from mock_provider.protocols.smsapi.services.prices import networks_of, read_prices
from mock_provider.protocols.smsapi.services.sender_do import read_sender_names
from mock_provider.protocols.smsapi.services.sender_names_rest import SENDERNAMES, read_sendernames
from mock_provider.protocols.smsapi.services.state import SmsapiState

_HLR, _HLR_COUNTED, _SENDER = "/hlr.do", "/hlrsync.do", "/sender.do"
_PRICES, _CODES, _VERIFICATIONS = "/profile/prices", "/mfa/codes", "/mfa/codes/verifications"
_OPENAPI = "/openapi/smsapi.json"
_API = "/api"  # the base path of the JavaScript client
_LEGACY_NOT_SERVED = ("/mms.do", "/vms.do")
_REST = (SENDERNAMES, *COLLECTIONS, *NOT_SERVED)


class Services:
    """The services under one profile. ``state`` is kept when the profile changes."""

    paths = frozenset(
        [_OPENAPI]
        + [
            base + path
            for base in ("", _API)
            for path in (
                _HLR,
                _HLR_COUNTED,
                _SENDER,
                *_LEGACY_NOT_SERVED,
                _PRICES,
                _CODES,
                _VERIFICATIONS,
                *_REST,
            )
        ]
    )
    prefixes = tuple(f"{base}{path}/" for path in _REST for base in ("", _API))

    def __init__(self, profile: Profile, state: SmsapiState) -> None:
        self._state = state
        self._settings = profile.protocol.smsapi
        self._sender_names = profile.account.sender_names
        self._networks = networks_of(profile)
        self._lookups = NumberLookups(self._settings, state, self._networks)

    def read(self, request: HttpRequest, request_id: int, at: Instants) -> HttpAction:
        """Raises ``MalformedRequestError`` for a request of a legacy ``.do`` endpoint."""
        path = request.path.removeprefix(_API)
        if path.endswith(".do"):
            return self._read_legacy(path, request, at)
        if path in (_CODES, _VERIFICATIONS):
            if request.method != "POST":
                return not_allowed("POST")
            if path == _CODES:
                return read_code_request(request, request_id, at, self._settings, self._state)
            return read_verification(request, at, self._settings, self._state)
        if path.startswith(SENDERNAMES):
            return read_sendernames(path.rstrip("/"), request, self._sender_names, self._state)
        if path not in (_OPENAPI, _PRICES):
            return read_collection(path, request, at, self._settings, self._state)
        if request.method not in ("GET", "HEAD"):
            return not_allowed("GET, HEAD")
        if path == _OPENAPI:
            return HttpResponse(200, openapi_document())
        return self._read_prices(request)

    def _read_legacy(self, path: str, request: HttpRequest, at: Instants) -> HttpAction:
        if request.method not in ("GET", "POST"):
            return not_allowed("GET, POST")
        fields = read_fields(request)
        token = header_token(request.authorization) or field_token(fields)
        if path in _LEGACY_NOT_SERVED:
            as_json = wants_json(fields)
            return reply_for_account(token, unauthorized(as_json), legacy_error(110, as_json))
        read = OF_SENDER if path == _SENDER else OF_LOOKUP
        self._state.unread.note(path[1:], fields.keys() - read)
        if path == _SENDER:
            return read_sender_names(fields, token, self._sender_names, self._state)
        return self._lookups.read(fields, token, int(at.wall_s), path == _HLR_COUNTED)

    def _read_prices(self, request: HttpRequest) -> HttpAction:
        try:
            fields = read_fields(request)
        except MalformedRequestError as error:
            return rest_error(400, f"The request cannot be read: {error}")
        self._state.unread.note("profile/prices", fields.keys() - OF_PRICES)
        return read_prices(fields, header_token(request.authorization), self._networks)
