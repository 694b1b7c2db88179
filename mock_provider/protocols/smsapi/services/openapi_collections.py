"""Contacts, groups, blacklist and templates in the OpenAPI document."""

from __future__ import annotations

from mock_provider.protocols.openapi_json import Json
from mock_provider.protocols.smsapi.openapi_parts import (
    FLAG,
    TEXT,
    form,
    in_path,
    json_of,
    query,
    rest,
)

_LONG: Json = {"type": "string", "maxLength": 255}
_NUMBER: Json = {"type": "string", "pattern": "^[0-9]{8,16}$"}
_DATE: Json = {"type": "string", "format": "date"}
_GENDER: Json = {"enum": ["undefined", "male", "female"]}
_WHOLE: Json = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
_ORDER: Json = {"enum": ["first_name", "last_name", "date_updated", "date_created"]}
_PAGE = [query("offset", _WHOLE), query("limit", _WHOLE)]
_CONTACT: Json = {
    "phone_number": _NUMBER,
    "gender": _GENDER,
    "birthday_date": _DATE,
    **dict.fromkeys(("first_name", "last_name", "email", "description", "city", "country", "source"), _LONG),
}
_FILTERS = ("phone_number", "email", "first_name", "last_name", "gender", "birthday_date", "group_id", "q")
_GROUP: Json = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    **dict.fromkeys(("description", "idx"), _LONG),
    "contact_expire_after": {"type": "string", "pattern": "^[0-9]{1,5}$"},
}
_TEMPLATE: Json = {
    "name": {"type": "string", "minLength": 1, "maxLength": 255},
    "template": {"type": "string", "minLength": 1, "maxLength": 1530},
    "normalize": FLAG,
}
_GONE: Json = {"204": {"description": "Done"}}
_ACCEPTED: Json = {"202": {"description": "Done"}}


def collections_paths() -> Json:
    return {**_blacklist(), **_templates(), **_contacts(), **_groups(), **_members()}


def _blacklist() -> Json:
    base = "/blacklist/phone_numbers"
    entry = {"phone_number": _NUMBER, "expire_at": TEXT}
    added = {"201": json_of("Added", "BlacklistPhoneNumber")}
    listed = {"200": json_of("Blocked numbers", "BlacklistPhoneNumbers")}
    return {
        base: {
            "get": rest("listBlacklist", "Numbers that sends leave out", listed, "400")
            | {"parameters": [query("q"), *_PAGE]},
            "post": rest("addToBlacklist", "Block a number", added, "400", "403")
            | form(entry, "phone_number"),
            "delete": rest("clearBlacklist", "Unblock all numbers, or one", _GONE, "400")
            | {"parameters": [query("phone_number", _NUMBER)]},
        },
        base + "/{id}": {
            "parameters": [in_path("id")],
            "delete": rest("removeFromBlacklist", "Unblock a number", _GONE, "400", "404"),
        },
    }


def _templates() -> Json:
    base = "/sms/templates"
    one, made = {"200": json_of("It", "TemplateBody")}, {"201": json_of("Made", "TemplateBody")}
    refused = ("400", "403", "409")
    return {
        base: {
            "get": rest("listTemplates", "Templates", {"200": json_of("All", "TemplateBodies")}, "400"),
            "post": rest("addTemplate", "Make a template", made, *refused)
            | form(_TEMPLATE, "name", "template"),
        },
        base + "/available": {
            "get": rest("listAvailable", "Templates", {"200": json_of("All", "AvailableTemplates")}, "400")
        },
        base + "/{id}": {
            "parameters": [in_path("id")],
            "get": rest("getTemplate", "One template", one, "400", "404"),
            "put": rest("changeTemplate", "Change a template", one, "404", *refused) | form(_TEMPLATE),
            "delete": rest("removeTemplate", "Remove a template", _GONE, "400", "404"),
        },
    }


def _contacts() -> Json:
    one, made = {"200": json_of("It", "ContactBody")}, {"201": json_of("Made", "ContactBody")}
    listed = {"200": json_of("Contacts that match the filters", "ContactBodies")}
    filters = [query(name) for name in _FILTERS]
    return {
        "/contacts": {
            "get": rest("listContacts", "Contacts", listed, "400")
            | {"parameters": [*filters, *_PAGE, query("order_by", _ORDER)]},
            "post": rest("addContact", "Make a contact", made, "400", "403") | form(_CONTACT, "phone_number"),
            "delete": rest("removeContacts", "Remove all contacts", _ACCEPTED, "400"),
        },
        "/contacts/{id}": {
            "parameters": [in_path("id")],
            # An id that equals a collection's name means that collection.
            "get": rest("getContact", "One contact", one, "400", "403", "404", "405"),
            "put": rest("changeContact", "Change a contact", one, "400", "403", "404", "405")
            | form(_CONTACT),
            "delete": rest("removeContact", "Remove a contact", _GONE, "400", "403", "404", "405"),
        },
    }


def _groups() -> Json:
    one, made = {"200": json_of("It", "GroupBody")}, {"201": json_of("Made", "GroupBody")}
    listed = {"200": json_of("Groups", "GroupBodies")}
    refused = ("400", "403", "409")
    return {
        "/contacts/groups": {
            "get": rest("listGroups", "Groups", listed, "400")
            | {"parameters": [query("name"), query("with")]},
            "post": rest("addGroup", "Make a group", made, *refused) | form(_GROUP, "name"),
            "delete": rest("removeGroups", "Remove all groups", _GONE, "400"),
        },
        "/contacts/groups/{id}": {
            "parameters": [in_path("id")],
            "get": rest("getGroup", "One group", one, "400", "404"),
            "put": rest("changeGroup", "Change a group", one, "404", *refused) | form(_GROUP),
            "delete": rest("removeGroup", "Remove a group", _GONE, "400", "404")
            | {"parameters": [query("delete_contacts", FLAG)]},
        },
    }


def _members() -> Json:
    contact, group = in_path("contact"), in_path("group")
    groups, more_groups = {"200": json_of("Groups", "GroupBodies")}, {"201": json_of("Groups", "GroupBodies")}
    member, new_member = {"200": json_of("It", "ContactBody")}, {"201": json_of("It", "ContactBody")}
    found = form(dict.fromkeys(_FILTERS, TEXT))
    refused = ("400", "403", "404", "405")
    return {
        "/contacts/{contact}/groups": {
            "parameters": [contact],
            "get": rest("groupsOf", "Groups of a contact", groups, *refused),
            "post": rest("assignGroups", "Put it into groups", groups | more_groups, *refused)
            | form({"0": TEXT, "1": TEXT}),
        },
        "/contacts/{contact}/groups/{group}": {
            "parameters": [contact, group],
            "get": rest("groupOf", "A group of a contact", {"200": json_of("It", "GroupBody")}, *refused),
            "put": rest("assignGroup", "Put it into a group", groups | more_groups, *refused),
            "delete": rest("unassignGroup", "Remove it from a group", _GONE, *refused),
        },
        "/contacts/groups/{group}/members": {
            "parameters": [group],
            "post": rest("addMembers", "Put contacts into a group", _GONE, *refused) | found,
            "put": rest("moveMembers", "Put contacts into this group only", _GONE, *refused) | found,
            "delete": rest("removeMembers", "Remove contacts from a group", _GONE, *refused)
            | {"parameters": [query(name) for name in _FILTERS]},
        },
        "/contacts/groups/{group}/members/{contact}": {
            "parameters": [group, contact],
            "get": rest("getMember", "A contact of a group", member, *refused),
            "put": rest("addMember", "Put a contact into a group", member | new_member, *refused),
            "delete": rest("removeMember", "Remove a contact from a group", _GONE, *refused),
        },
    }
