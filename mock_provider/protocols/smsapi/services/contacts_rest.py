"""``/contacts``: an account's contacts and their groups."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from mock_provider.http.messages import HttpResponse
from mock_provider.protocols.smsapi.errors import invalid_value, rest_error
from mock_provider.protocols.smsapi.fields import list_of, text_of
from mock_provider.protocols.smsapi.numbers import read_msisdn
from mock_provider.protocols.smsapi.services.contact_book import Contact, ContactGroup
from mock_provider.protocols.smsapi.services.groups_rest import (
    GroupBody,
    found_group,
    group_body,
    shown_groups,
    wanted_groups,
)
from mock_provider.protocols.smsapi.services.rest_request import (
    RestRefusalError,
    RestRequest,
    done,
    page,
    shown,
    too_many,
)

_DETAILS = (
    *("first_name", "last_name", "email", "gender", "birthday_date"),
    *("description", "city", "country", "source", "idx"),
)
_SEARCHED = ("first_name", "last_name", "email", "city")
_GENDERS = ("undefined", "male", "female")
_ORDERS = ("first_name", "last_name", "date_updated", "date_created")
_MOST_CHARACTERS = 255


class ContactBody(Struct, frozen=True, gc=False):
    id: str
    idx: str | None
    first_name: str | None
    last_name: str | None
    phone_number: str | None
    email: str | None
    gender: str
    birthday_date: str | None
    description: str | None
    city: str | None
    country: str | None
    source: str | None
    date_created: str
    date_updated: str
    groups: tuple[GroupBody, ...]


class ContactBodies(Struct, frozen=True, gc=False):
    size: int
    collection: list[ContactBody]


def list_contacts(request: RestRequest) -> HttpResponse:
    order = request.text("order_by") or request.text("orderBy")
    if order and order not in _ORDERS:
        return invalid_value(f"The value must be one of {', '.join(_ORDERS)}.", "order_by", order)
    found = wanted_contacts(request)
    if order:
        found.sort(key=lambda contact: _order_key(contact, order))
    made: dict[str, GroupBody] = {}
    return shown(
        ContactBodies(len(found), [_body(request, contact, made) for contact in page(request, found)])
    )


def show_contact(request: RestRequest) -> HttpResponse:
    return shown(_body(request, found_contact(request, request.ids[0])))


def add_contact(request: RestRequest) -> HttpResponse:
    at_s = request.at_s
    return _put(request, Contact(request.state.new_id(), "", {}, at_s, at_s), 201)


def change_contact(request: RestRequest) -> HttpResponse:
    """Fields that are not given stay unchanged."""
    return _put(request, found_contact(request, request.ids[0]), 200)


def remove_contact(request: RestRequest) -> HttpResponse:
    request.state.contacts.remove_contact(found_contact(request, request.ids[0]).id)
    return done()


def remove_contacts(request: RestRequest) -> HttpResponse:
    request.state.contacts.remove_contacts()
    return done(202)


def groups_of_contact(request: RestRequest) -> HttpResponse:
    contact = found_contact(request, request.ids[0])
    return shown_groups(request, wanted_groups(request, request.state.contacts.groups_of(contact.id)))


def assign_groups(request: RestRequest) -> HttpResponse:
    """The groups in fields that are named 0, 1 … (Go client); 201 with those that are new for the contact."""
    contact, contacts = found_contact(request, request.ids[0]), request.state.contacts
    named = [text_of(request.fields, name) for name in request.fields if name.isdigit()]
    new = [g for g in (found_group(request, n) for n in named) if not contacts.is_member(contact.id, g.id)]
    if not all(contacts.join(contact.id, group.id) for group in new):
        return too_many("members of groups")
    return shown_groups(request, new, 201 if new else 200)


def group_of_contact(request: RestRequest) -> HttpResponse:
    contact, group = found_contact(request, request.ids[0]), found_group(request, request.ids[1])
    if not request.state.contacts.is_member(contact.id, group.id):
        return rest_error(404, "Group not found")
    return shown(group_body(request, group))


def assign_group(request: RestRequest) -> HttpResponse:
    """201 with the contact's groups, 200 if it was in the group already."""
    contact, group = found_contact(request, request.ids[0]), found_group(request, request.ids[1])
    status = _join(request, contact, group)
    return shown_groups(request, request.state.contacts.groups_of(contact.id), status)


def unassign_group(request: RestRequest) -> HttpResponse:
    contact, group = found_contact(request, request.ids[0]), found_group(request, request.ids[1])
    request.state.contacts.leave(contact.id, group.id)
    return done()


def show_member(request: RestRequest) -> HttpResponse:
    group, contact = found_group(request, request.ids[0]), found_contact(request, request.ids[1])
    if not request.state.contacts.is_member(contact.id, group.id):
        return rest_error(404, "Cannot find contact")
    return shown(_body(request, contact))


def add_member(request: RestRequest) -> HttpResponse:
    """201 with the contact, 200 if it was in the group already."""
    group, contact = found_group(request, request.ids[0]), found_contact(request, request.ids[1])
    status = _join(request, contact, group)
    return shown(_body(request, contact), status)


def remove_member(request: RestRequest) -> HttpResponse:
    group, contact = found_group(request, request.ids[0]), found_contact(request, request.ids[1])
    request.state.contacts.leave(contact.id, group.id)
    return done()


def add_members(request: RestRequest) -> HttpResponse:
    """Add the contacts that match the filters to the group."""
    group = found_group(request, request.ids[0])
    if not all(request.state.contacts.join(contact.id, group.id) for contact in wanted_contacts(request)):
        return too_many("members of groups")
    return done()


def move_members(request: RestRequest) -> HttpResponse:
    """Add the contacts that match the filters to the group, and remove them from all others."""
    group, contacts = found_group(request, request.ids[0]), request.state.contacts
    found = wanted_contacts(request)
    if not all(contacts.join(contact.id, group.id) for contact in found):
        return too_many("members of groups")
    for contact in found:
        for other in contacts.groups_of(contact.id):
            if other.id != group.id:
                contacts.leave(contact.id, other.id)
    return done()


def remove_members(request: RestRequest) -> HttpResponse:
    """Remove the contacts that match the filters from the group."""
    group = found_group(request, request.ids[0])
    for contact in wanted_contacts(request):
        request.state.contacts.leave(contact.id, group.id)
    return done()


def found_contact(request: RestRequest, contact_id: str) -> Contact:
    """Raises ``RestRefusalError`` (404)."""
    contact = request.state.contacts.contact(contact_id)
    if contact is None:
        raise RestRefusalError(rest_error(404, "Cannot find contact"))
    return contact


def wanted_contacts(request: RestRequest) -> list[Contact]:
    """The contacts that match every filter of the request. One of a filter's values is enough."""
    fields = request.fields
    found = request.state.contacts.contacts()
    if asked := [n.strip() for n in list_of(fields, "phone_number", ",")]:
        numbers = {read_msisdn(number, request.settings) or number for number in asked}
        found = [contact for contact in found if contact.msisdn in numbers]
    for name in ("first_name", "last_name", "email", "gender", "birthday_date"):
        if values := [value for value in list_of(fields, name, ",") if value]:
            found = [contact for contact in found if contact.details.get(name, "") in values]
    if groups := list_of(fields, "group_id", ","):
        is_member = request.state.contacts.is_member
        found = [contact for contact in found if any(is_member(contact.id, group) for group in groups)]
    if part := request.text("q").casefold():
        found = [contact for contact in found if part in contact.searched]
    return found


def _join(request: RestRequest, contact: Contact, group: ContactGroup) -> int:
    """Add a contact to a group. Returns the status: 201, or 200 if it was already a member."""
    contacts = request.state.contacts
    status = 200 if contacts.is_member(contact.id, group.id) else 201
    if not contacts.join(contact.id, group.id):
        raise RestRefusalError(too_many("members of groups"))
    return status


def _order_key(contact: Contact, order: str) -> tuple[float, str]:
    if order == "date_created":
        return contact.created_s, ""
    if order == "date_updated":
        return contact.updated_s, ""
    return 0.0, contact.details.get(order, "").casefold()


def _put(request: RestRequest, present: Contact, status: int) -> HttpResponse:
    details = dict(present.details)
    for name in _DETAILS:
        if name in request.fields:
            details[name] = text_of(request.fields, name)
            _check(name, details[name])
    msisdn = present.msisdn
    if submitted := request.text("phone_number"):
        read = read_msisdn(submitted, request.settings)
        if read is None:
            return invalid_value("The value is not valid phone number.", "phone_number", submitted)
        msisdn = read
    if not msisdn and not details.get("email"):
        return invalid_value("This value should not be blank.", "phone_number")
    searched = "\n".join([msisdn, *(details.get(name, "") for name in _SEARCHED)]).casefold()
    contact = Contact(present.id, msisdn, details, present.created_s, request.at_s, searched)
    if not request.state.contacts.put_contact(contact):
        return too_many("contacts")
    return shown(_body(request, contact), status)


def _check(name: str, value: str) -> None:
    if len(value) > _MOST_CHARACTERS:
        words = f"This value is too long. It should have {_MOST_CHARACTERS} characters or less."
        raise RestRefusalError(invalid_value(words, name))
    if name == "gender" and value and value not in _GENDERS:
        raise RestRefusalError(invalid_value(f"The value must be one of {', '.join(_GENDERS)}.", name, value))
    if name == "birthday_date" and value:
        try:
            date.fromisoformat(value)
        except ValueError:
            raise RestRefusalError(invalid_value("The value is not valid date.", name, value)) from None


def _body(request: RestRequest, contact: Contact, made: dict[str, GroupBody] | None = None) -> ContactBody:
    """``made`` are groups as contacts show them, shared by all contacts of one answer."""
    of = contact.details
    made = {} if made is None else made
    groups = request.state.contacts.groups_of(contact.id)
    for group in groups:
        if group.id not in made:
            made[group.id] = group_body(request, group, in_contact=True)
    return ContactBody(
        id=contact.id,
        idx=of.get("idx") or None,
        first_name=of.get("first_name"),
        last_name=of.get("last_name"),
        phone_number=contact.msisdn or None,
        email=of.get("email"),
        gender=of.get("gender") or _GENDERS[0],
        birthday_date=of.get("birthday_date") or None,
        description=of.get("description"),
        city=of.get("city"),
        country=of.get("country"),
        source=of.get("source"),
        date_created=request.shown_time(contact.created_s),
        date_updated=request.shown_time(contact.updated_s),
        groups=tuple(made[group.id] for group in groups),
    )
