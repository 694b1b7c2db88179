"""``sender.do``: the account's sender names. Error 409 for one that exists, 14 for one that does not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from mock_provider.http.messages import TEXT, HttpResponse
from mock_provider.protocols.actions import QueryAction, for_account
from mock_provider.protocols.lookups import AccountView, Lookups
from mock_provider.protocols.smsapi.auth import unauthorized
from mock_provider.protocols.smsapi.errors import SmsapiError, legacy_error
from mock_provider.protocols.smsapi.fields import Fields, is_set, text_of
from mock_provider.protocols.smsapi.send import read_sender, wants_json
from mock_provider.protocols.smsapi.services.sender_names import SenderNames
from mock_provider.protocols.smsapi.services.state import SmsapiState

_encoder = msgspec.json.Encoder()


class SenderNameBody(Struct, frozen=True, gc=False):
    sender: str
    status: str
    default: bool


class _NameCount(Struct, frozen=True, gc=False):
    count: int


def read_sender_names(
    fields: Fields, token: str, of_profile: Sequence[str], state: SmsapiState
) -> QueryAction[HttpResponse]:
    """``sender.do``: one of ``list``, ``add``, ``status``, ``delete`` and ``default``."""
    as_json = wants_json(fields)

    def answer(_lookups: Lookups, _account: AccountView) -> HttpResponse:
        try:
            return _sender_names(fields, as_json, of_profile, state)
        except SmsapiError as error:
            return legacy_error(error.code, as_json)

    return for_account(token, unauthorized(as_json), answer)


def _sender_names(
    fields: Fields, as_json: bool, of_profile: Sequence[str], state: SmsapiState
) -> HttpResponse:
    names = state.sender_names
    if is_set(fields, "list"):
        listed = [SenderNameBody(n.name, _status(n.active), n.is_default) for n in names.listed(of_profile)]
        if not as_json:
            return HttpResponse(200, "\n".join(f"{n.sender}:{n.status}" for n in listed).encode(), TEXT)
        return HttpResponse(200, _encoder.encode(listed))
    action = next((each for each in ("add", "status", "delete", "default") if each in fields), None)
    if action is None:
        raise SmsapiError(8)
    name = read_sender({"from": text_of(fields, action)}, default="")
    found = names.find(name, of_profile)
    if action == "add":
        _add(name, found is not None, names)
    elif found is None:
        raise SmsapiError(14)
    elif action == "status":
        body = SenderNameBody(found.name, _status(found.active), found.is_default)
        return HttpResponse(200, _encoder.encode(body)) if as_json else _as_text(body.status)
    elif action == "default":
        if not found.active:
            raise SmsapiError(14)
        names.make_default(name)
    elif not names.remove(name):
        raise SmsapiError(110)  # a name of the profile: only the profile can remove it
    return HttpResponse(200, _encoder.encode(_NameCount(1))) if as_json else _as_text("OK:1")


def _add(name: str, exists: bool, names: SenderNames) -> None:
    if not name:
        raise SmsapiError(14)
    if exists:
        raise SmsapiError(409)
    if not names.add(name):
        raise SmsapiError(96)


def _status(active: bool) -> str:
    return "ACTIVE" if active else "INACTIVE"


def _as_text(text: str) -> HttpResponse:
    return HttpResponse(200, text.encode(), TEXT)
