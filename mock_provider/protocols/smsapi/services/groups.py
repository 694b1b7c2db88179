"""Names in a send: groups of contacts as recipients, a template as text."""

from __future__ import annotations

from mock_provider.protocols.smsapi.errors import SmsapiError
from mock_provider.protocols.smsapi.fields import Fields, is_set, text_of
from mock_provider.protocols.smsapi.services.contact_book import ContactBook
from mock_provider.protocols.smsapi.services.message_templates import MessageTemplates
from mock_provider.settings.protocols import SmsapiSettings


def with_group_members(fields: Fields, settings: SmsapiSettings, contacts: ContactBook) -> Fields:
    """The same request with the members of its groups as recipients, each number once unless repeats are
    allowed.

    A group is one of the profile or of the account's contacts, by its name.
    Raises ``SmsapiError`` 8, 40 for an unknown group, or 41 if all of them are empty.
    """
    given = fields["group"]
    values = [value for value in ([given] if isinstance(given, str) else given) if value.strip()]
    if not values:
        return fields
    numbers = [number for value in dict.fromkeys(values) for number in _named_by(value, settings, contacts)]
    if not numbers:
        raise SmsapiError(41)
    if fields.get("to"):
        raise SmsapiError(8, "to and group cannot be used together")
    expanded = {field: value for field, value in fields.items() if field != "group"}
    expanded["to"] = numbers
    return expanded


def _named_by(value: str, settings: SmsapiSettings, contacts: ContactBook) -> list[str]:
    """Members of the group of this name, which may contain a comma, or of several groups joined by commas."""
    whole = _members(value.strip(), settings, contacts)
    if whole is not None:
        return whole
    numbers: list[str] = []
    for name in dict.fromkeys(value.split(",")):
        members = _members(name.strip(), settings, contacts)
        if members is None:
            raise SmsapiError(40)
        numbers += members
    return numbers


def _members(name: str, settings: SmsapiSettings, contacts: ContactBook) -> list[str] | None:
    """Numbers of a group; None if there is no group of this name."""
    of_profile = settings.groups.get(name)
    if of_profile is not None:
        return list(of_profile)
    group = contacts.group_named(name)
    return None if group is None else [each.msisdn for each in contacts.members(group.id) if each.msisdn]


def with_template_text(fields: Fields, templates: MessageTemplates) -> Fields:
    """The same request with the text of its template. Raises ``SmsapiError`` 93 or 104."""
    name = text_of(fields, "template")
    if not name:
        return fields
    if text_of(fields, "message"):
        raise SmsapiError(93)
    template = templates.named(name)
    if template is None:
        raise SmsapiError(104)
    filled = {field: value for field, value in fields.items() if field != "template"}
    filled["message"] = template.text
    if template.normalize and not is_set(fields, "normalize"):
        filled["normalize"] = "1"
    return filled
