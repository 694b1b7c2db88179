"""Contacts groups a message can be sent to: those the profile names."""

from __future__ import annotations

from mock_provider.profiles.wires import SmsapiWire
from mock_provider.wire.smsapi.errors import SmsapiError
from mock_provider.wire.smsapi.fields import Fields, text_of


def with_group_members(fields: Fields, settings: SmsapiWire) -> Fields:
    """The same request, to the group's members. Raises ``SmsapiError`` 8, 40 or 41."""
    name = text_of(fields, "group")
    if not name:
        return fields
    members = settings.groups.get(name)
    if members is None:
        raise SmsapiError(40)
    if not members:
        raise SmsapiError(41)
    if fields.get("to"):
        raise SmsapiError(8)
    expanded = {field: value for field, value in fields.items() if field != "group"}
    expanded["to"] = list(members)
    return expanded
