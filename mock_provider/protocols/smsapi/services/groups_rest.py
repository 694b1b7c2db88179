"""``/contacts/groups``: groups of contacts, for ``group`` of a send."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.smsapi.errors import invalid_value, rest_error
from mock_provider.protocols.smsapi.fields import is_set, list_of
from mock_provider.protocols.smsapi.services.contact_book import ContactGroup
from mock_provider.protocols.smsapi.services.rest_request import (
    RestRefusalError,
    RestRequest,
    done,
    shown,
    too_many,
)

_MOST_CHARACTERS = 255
_MOST_EXPIRY_DIGITS = 5


class GroupPermission(Struct, frozen=True, gc=False):
    group_id: str
    username: str
    write: bool = True
    read: bool = True
    send: bool = True


class GroupBody(Struct, frozen=True, gc=False):
    """``permissions``: only the owner's; left out if the group is shown in a contact."""

    id: str
    name: str
    description: str
    contacts_count: int
    date_created: str
    date_updated: str
    created_by: str
    idx: str | None
    contact_expire_after: int | None
    permissions: tuple[GroupPermission, ...] | UnsetType = UNSET


class GroupBodies(Struct, frozen=True, gc=False):
    size: int
    collection: list[GroupBody]


def list_groups(request: RestRequest) -> HttpResponse:
    return shown_groups(request, wanted_groups(request, request.state.contacts.groups()))


def wanted_groups(request: RestRequest, groups: list[ContactGroup]) -> list[ContactGroup]:
    """The groups of ``group_id`` whose name contains one of ``name`` (``eq(…)``: equals it)."""
    names = [name for name in list_of(request.fields, "name", "\0") if name]
    ids = list_of(request.fields, "group_id", ",")
    return [group for group in groups if (not ids or group.id in ids) and _is_wanted(group.name, names)]


def show_group(request: RestRequest) -> HttpResponse:
    return shown(group_body(request, found_group(request, request.ids[0])))


def add_group(request: RestRequest) -> HttpResponse:
    at_s = request.at_s
    group = ContactGroup(request.state.new_id(), "", "", None, None, at_s, at_s)
    return _put(request, group, 201)


def change_group(request: RestRequest) -> HttpResponse:
    """Fields that are not given stay unchanged."""
    return _put(request, found_group(request, request.ids[0]), 200)


def remove_group(request: RestRequest) -> HttpResponse:
    group = found_group(request, request.ids[0])
    request.state.contacts.remove_group(group.id, is_set(request.fields, "delete_contacts"))
    return done()


def remove_groups(request: RestRequest) -> HttpResponse:
    request.state.contacts.remove_groups()
    return done()


def found_group(request: RestRequest, group_id: str) -> ContactGroup:
    """Raises ``RestRefusalError`` (404)."""
    group = request.state.contacts.group(group_id)
    if group is None:
        raise RestRefusalError(rest_error(404, "Group not found"))
    return group


def shown_groups(request: RestRequest, groups: list[ContactGroup], status: int = 200) -> HttpResponse:
    return shown(GroupBodies(len(groups), [group_body(request, group) for group in groups]), status)


def group_body(request: RestRequest, group: ContactGroup, in_contact: bool = False) -> GroupBody:
    owner = request.settings.username
    return GroupBody(
        id=group.id,
        name=group.name,
        description=group.description,
        contacts_count=request.state.contacts.member_count(group.id),
        date_created=request.shown_time(group.created_s),
        date_updated=request.shown_time(group.updated_s),
        created_by=owner,
        idx=group.reference,
        contact_expire_after=group.expire_after_days,
        permissions=UNSET if in_contact else (GroupPermission(group.id, owner),),
    )


def _put(request: RestRequest, present: ContactGroup, status: int) -> HttpResponse:
    fields, contacts = request.fields, request.state.contacts
    name = request.text("name") if "name" in fields else present.name
    expiry = request.text("contact_expire_after")
    if not name:
        return invalid_value("This value should not be blank.", "name")
    for field in ("name", "description", "idx"):
        if len(request.text(field)) > _MOST_CHARACTERS:
            return invalid_value(
                f"This value is too long. It should have {_MOST_CHARACTERS} characters or less.", field
            )
    if expiry and not (expiry.isascii() and expiry.isdigit() and len(expiry) <= _MOST_EXPIRY_DIGITS):
        return invalid_value("The value must be a number of days.", "contact_expire_after", expiry)
    named = contacts.group_named(name)
    if (named is not None and named.id != present.id) or name in request.settings.groups:
        return rest_error(409, "It already exists")
    group = ContactGroup(
        present.id,
        name,
        request.text("description") if "description" in fields else present.description,
        request.text("idx") or present.reference,
        int(expiry) if expiry else present.expire_after_days,
        present.created_s,
        request.at_s,
    )
    return shown(group_body(request, group), status) if contacts.put_group(group) else too_many("groups")


def _is_wanted(name: str, wanted: list[str]) -> bool:
    return not wanted or any(_matches(name, each) for each in wanted)


def _matches(name: str, wanted: str) -> bool:
    if wanted.startswith("eq(") and wanted.endswith(")"):
        return name == wanted[3:-1]
    if wanted.startswith("eqi(") and wanted.endswith(")"):
        return name.casefold() == wanted[4:-1].casefold()
    return wanted.casefold() in name.casefold()
