"""``/sms/sendernames``: the same sender names as ``sender.do``, by REST (the Java client's way)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.protocols.actions import for_account
from mock_provider.protocols.http_protocol import HttpAction
from mock_provider.protocols.lookups import AccountView, Lookups
from mock_provider.protocols.smsapi.auth import REST_UNAUTHORIZED, header_token
from mock_provider.protocols.smsapi.errors import (
    SmsapiError,
    invalid_value,
    not_allowed,
    rest_error,
)
from mock_provider.protocols.smsapi.field_names import OF_SENDERNAMES
from mock_provider.protocols.smsapi.fields import MalformedRequestError, read_fields, text_of
from mock_provider.protocols.smsapi.send import read_sender
from mock_provider.protocols.smsapi.services.prices import CHANGED_AT
from mock_provider.protocols.smsapi.services.sender_names import SenderName, SenderNames
from mock_provider.protocols.smsapi.services.state import SmsapiState

SENDERNAMES = "/sms/sendernames"
_MAKE_DEFAULT = "commands/make_default"

_encoder = msgspec.json.Encoder()


class RestSenderName(Struct, frozen=True, gc=False):
    """One name; ``status`` is ``ACTIVE`` or ``INACTIVE``."""

    sender: str
    is_default: bool
    status: str
    created_at: str


class RestSenderNames(Struct, frozen=True, gc=False):
    size: int
    collection: list[RestSenderName]


def read_sendernames(
    path: str, request: HttpRequest, of_profile: Sequence[str], state: SmsapiState
) -> HttpAction:
    """``path`` is the request's, from ``SENDERNAMES`` on."""
    name, _, command = path[len(SENDERNAMES) + 1 :].partition("/")
    methods = _methods(name, command)
    if not methods:
        return rest_error(404, "Not found resource")
    method = "GET" if request.method == "HEAD" else request.method
    if method not in methods:
        return not_allowed(", ".join(methods))

    def answer(_lookups: Lookups, _account: AccountView) -> HttpResponse:
        if not name:
            return _listed(state.sender_names.listed(of_profile)) if method == "GET" else _added()
        return _of_one(unquote(name), method, of_profile, state.sender_names)

    def _added() -> HttpResponse:
        try:
            fields = read_fields(request)
            state.unread.note("sms/sendernames", fields.keys() - OF_SENDERNAMES)
            return _add(text_of(fields, "sender"), of_profile, state.sender_names)
        except MalformedRequestError as error:
            return rest_error(400, f"The request cannot be read: {error}")

    return for_account(header_token(request.authorization), REST_UNAUTHORIZED, answer)


def _methods(name: str, command: str) -> tuple[str, ...]:
    if not name:
        return ("GET", "POST") if not command else ()
    if not command:
        return ("DELETE", "GET")
    return ("POST",) if command == _MAKE_DEFAULT else ()


def _of_one(name: str, method: str, of_profile: Sequence[str], names: SenderNames) -> HttpResponse:
    """``POST`` makes it the default."""
    found = names.find(name, of_profile)
    if found is None:
        return rest_error(404, "Not found resource")
    if method == "GET":
        return HttpResponse(200, _encoder.encode(_shown(found)))
    if method == "DELETE":
        # A name of the profile: only the profile can remove it.
        return HttpResponse(204, b"") if names.remove(name) else rest_error(403, "It cannot be removed")
    if not found.active:
        return rest_error(403, "It is not active")
    names.make_default(name)
    return HttpResponse(204, b"")


def _add(asked: str, of_profile: Sequence[str], names: SenderNames) -> HttpResponse:
    try:
        name = read_sender({"from": asked}, default="")
    except SmsapiError:
        name = ""
    if not name:
        return invalid_value(
            "It must be 8 to 16 digits, or 1 to 11 letters, digits, spaces and any of . - & @ % ! + _",
            "sender",
            asked,
        )
    if names.find(name, of_profile) is not None:
        return rest_error(409, "It already exists")
    if not names.add(name):
        return rest_error(403, "There are too many sender names")
    added = names.find(name, of_profile)
    assert added is not None
    return HttpResponse(201, _encoder.encode(_shown(added)))


def _listed(names: Sequence[SenderName]) -> HttpResponse:
    return HttpResponse(200, _encoder.encode(RestSenderNames(len(names), [_shown(name) for name in names])))


def _shown(name: SenderName) -> RestSenderName:
    return RestSenderName(name.name, name.is_default, "ACTIVE" if name.active else "INACTIVE", CHANGED_AT)
