"""The REST collections other than sending, by path and method, and those that are refused."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from msgspec import Struct

from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.protocols.actions import Instants, for_account, reply_for_account
from mock_provider.protocols.http_protocol import HttpAction
from mock_provider.protocols.lookups import AccountView, Lookups
from mock_provider.protocols.smsapi import field_names as known
from mock_provider.protocols.smsapi.auth import REST_UNAUTHORIZED, header_token
from mock_provider.protocols.smsapi.errors import not_allowed, rest_error
from mock_provider.protocols.smsapi.fields import MalformedRequestError, read_fields
from mock_provider.protocols.smsapi.services import blacklist_rest as blacklist
from mock_provider.protocols.smsapi.services import contacts_rest as contacts
from mock_provider.protocols.smsapi.services import groups_rest as groups
from mock_provider.protocols.smsapi.services import templates_rest as templates
from mock_provider.protocols.smsapi.services.rest_request import RestRefusalError, RestRequest, VisitHandler
from mock_provider.protocols.smsapi.services.state import SmsapiState
from mock_provider.settings.protocols import SmsapiSettings

COLLECTIONS = ("/contacts", "/blacklist/phone_numbers", "/sms/templates")
# Documented by SMSAPI but not simulated: refused with HTTP 403, the documented answer for a feature that
# the account lacks. Paths below them are refused too.
NOT_SERVED = (
    *("/contacts/fields", "/contacts/trash", "/blacklist/phone_numbers/imports"),
    *("/callbacks", "/opt_outs", "/rcs", "/shipment", "/short_url", "/subusers"),
)
_PERMISSIONS = "/permissions"


class _Operation(Struct, frozen=True):
    handler: VisitHandler
    fields: frozenset[str]  # those that it reads


def _operations(fields: frozenset[str], **handlers: VisitHandler) -> dict[str, _Operation]:
    return {method: _Operation(handler, fields) for method, handler in handlers.items()}


_NUMBERED = frozenset(map(str, range(1_000)))
# A path's ids are written {}. A path of fixed words comes before one with an id in the same place.
_ROUTES: dict[tuple[str, ...], Mapping[str, _Operation]] = {
    tuple(path.split("/")): operations
    for path, operations in {
        "blacklist/phone_numbers": _operations(known.OF_BLACKLISTED, GET=blacklist.list_numbers)
        | _operations(known.OF_BLACKLIST, POST=blacklist.add_number, DELETE=blacklist.remove_numbers),
        "blacklist/phone_numbers/{}": _operations(known.OF_BLACKLIST, DELETE=blacklist.remove_number),
        "sms/templates": _operations(
            known.OF_TEMPLATE, GET=templates.list_templates, POST=templates.add_template
        ),
        "sms/templates/available": _operations(known.OF_TEMPLATE, GET=templates.list_available),
        "sms/templates/{}": _operations(
            known.OF_TEMPLATE,
            GET=templates.show_template,
            PUT=templates.change_template,
            DELETE=templates.remove_template,
        ),
        "contacts": _operations(known.OF_CONTACTS, GET=contacts.list_contacts)
        | _operations(known.OF_CONTACT, POST=contacts.add_contact, DELETE=contacts.remove_contacts),
        "contacts/groups": _operations(known.OF_GROUPS, GET=groups.list_groups)
        | _operations(known.OF_GROUP, POST=groups.add_group, DELETE=groups.remove_groups),
        "contacts/{}": _operations(
            known.OF_CONTACT,
            GET=contacts.show_contact,
            PUT=contacts.change_contact,
            DELETE=contacts.remove_contact,
        ),
        "contacts/groups/{}": _operations(known.OF_GROUPS, GET=groups.show_group)
        | _operations(known.OF_GROUP, PUT=groups.change_group, DELETE=groups.remove_group),
        "contacts/{}/groups": _operations(known.OF_GROUPS, GET=contacts.groups_of_contact)
        | _operations(_NUMBERED, POST=contacts.assign_groups),
        "contacts/groups/{}/members": _operations(
            known.OF_MEMBERS,
            POST=contacts.add_members,
            PUT=contacts.move_members,
            DELETE=contacts.remove_members,
        ),
        "contacts/{}/groups/{}": _operations(
            known.OF_NOTHING,
            GET=contacts.group_of_contact,
            PUT=contacts.assign_group,
            DELETE=contacts.unassign_group,
        ),
        "contacts/groups/{}/members/{}": _operations(
            known.OF_NOTHING,
            GET=contacts.show_member,
            PUT=contacts.add_member,
            DELETE=contacts.remove_member,
        ),
    }.items()
}


def read_collection(
    path: str, request: HttpRequest, at: Instants, settings: SmsapiSettings, state: SmsapiState
) -> HttpAction:
    """``path`` is the request's without the API's base; some clients end it with a slash."""
    path = path.rstrip("/")
    token = header_token(request.authorization)
    if _is_not_served(path):
        refused = rest_error(403, f"Access forbidden: {path} is not simulated")
        return reply_for_account(token, REST_UNAUTHORIZED, refused)
    segments = tuple(path[1:].split("/"))
    operations, ids = _found(segments)
    if not operations:
        return rest_error(404, "Not found resource")
    operation = operations.get("GET" if request.method == "HEAD" else request.method)
    if operation is None:
        return not_allowed(", ".join(sorted(operations)))

    def answer(_lookups: Lookups, _account: AccountView) -> HttpResponse:
        try:
            fields = read_fields(request)
            state.unread.note("/".join(segments[:2]), fields.keys() - operation.fields)
            return operation.handler(RestRequest(fields, ids, at.wall_s, settings, state))
        except MalformedRequestError as error:
            return rest_error(400, f"The request cannot be read: {error}")
        except RestRefusalError as refusal:
            return refusal.reply

    return for_account(token, REST_UNAUTHORIZED, answer)


def _is_not_served(path: str) -> bool:
    if path.startswith("/contacts/groups/") and _PERMISSIONS in path:
        return True
    return any(path == each or path.startswith(each + "/") for each in NOT_SERVED)


def _found(segments: tuple[str, ...]) -> tuple[Mapping[str, _Operation], tuple[str, ...]]:
    for pattern, operations in _ROUTES.items():
        if len(pattern) == len(segments) and all(
            word in ("{}", segment) for word, segment in zip(pattern, segments, strict=True)
        ):
            ids = tuple(unquote(s) for word, s in zip(pattern, segments, strict=True) if word == "{}")
            return operations, ids
    return {}, ()
