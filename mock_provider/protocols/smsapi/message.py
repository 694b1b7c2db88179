"""The text of a message as SMSAPI would send it: normalised, personalised, counted in parts."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from mock_provider.engine.segments import count_segments
from mock_provider.protocols.smsapi.errors import SmsapiError
from mock_provider.protocols.smsapi.fields import (
    Fields,
    count_of,
    is_set,
    list_of,
    text_of,
)
from mock_provider.protocols.smsapi.limits import LONGEST_TEXT, MOST_PARTS
from mock_provider.protocols.smsapi.normalizing import normalize
from mock_provider.settings.protocols import SmsapiSettings

_BINARY_OCTETS = 140  # of one SMS, user data header included
_PLACEHOLDER_CHARACTERS = len("[%1%]")
_MOST_PARTS_DIGITS = 4  # leading zeros are allowed; int() raises for thousands of digits

# Fields that change the text or its checks; most requests have none of them.
_PARAMETERS = ("param1", "param2", "param3", "param4")
_RARE_FIELDS = frozenset(
    ("datacoding", "flash", "max_parts", "normalize", "nounicode", "single", "udh", *_PARAMETERS)
)


class Counted(Struct, frozen=True, gc=False):
    """A text ready to send, its length in its alphabet's units, and the parts (segments) it takes."""

    text: str
    length: int
    parts: int


def read_texts(fields: Fields, recipients: int, settings: SmsapiSettings) -> list[Counted]:
    """One text for all recipients, or one for each where the message has parameters.

    Raises ``SmsapiError`` 8, 11, 12, 17, 18, 25 or 30.
    """
    message = text_of(fields, "message")
    if not message.strip() or len(message) > _PLACEHOLDER_CHARACTERS * LONGEST_TEXT:
        raise SmsapiError(11)
    if _RARE_FIELDS.isdisjoint(fields):
        count = count_segments(message)
        if count.segments > settings.max_parts:
            raise SmsapiError(11)
        return [Counted(message, count.units, count.segments)]
    if text_of(fields, "datacoding") == "bin":
        return [_binary(message, fields)]
    return [_judged(text, fields, settings) for text in _personalised(message, fields, recipients)]


def _personalised(message: str, fields: Fields, recipients: int) -> Iterator[str]:
    """Made one at a time, so that none follows a refused one: together they may take gigabytes."""
    names = {f"[%{n}%]": name for n, name in enumerate(_PARAMETERS, 1) if name in fields}
    if not names or not recipients:
        yield message
        return
    if any(count_of(fields, name, "|") != recipients for name in names.values()):
        raise SmsapiError(18)
    for values in zip(*(list_of(fields, name, "|") for name in names.values()), strict=True):
        text = message
        for placeholder, value in zip(names, values, strict=True):
            if len(value) > LONGEST_TEXT and placeholder in text:
                raise SmsapiError(11)
            text = text.replace(placeholder, value)
            if len(text) > _PLACEHOLDER_CHARACTERS * LONGEST_TEXT:
                raise SmsapiError(11)
        yield text


def _judged(text: str, fields: Fields, settings: SmsapiSettings) -> Counted:
    if len(text) > LONGEST_TEXT:
        raise SmsapiError(11)
    if is_set(fields, "normalize"):
        if "datacoding" in fields:
            raise SmsapiError(25)
        text = normalize(text)
    count = count_segments(text)
    if count.encoding != "gsm7":
        if is_set(fields, "nounicode"):
            raise SmsapiError(11)
        if is_set(fields, "flash"):
            raise SmsapiError(17)
    if is_set(fields, "single") and count.segments > 1:
        raise SmsapiError(12)
    asked = text_of(fields, "max_parts")
    if asked:
        readable = asked.isascii() and asked.isdigit() and len(asked) <= _MOST_PARTS_DIGITS
        if not readable or not 1 <= int(asked) <= MOST_PARTS:
            raise SmsapiError(8)
        if count.segments > int(asked):
            raise SmsapiError(12)
    elif count.segments > settings.max_parts:
        raise SmsapiError(11)
    return Counted(text, count.units, count.segments)


def _binary(message: str, fields: Fields) -> Counted:
    """A binary message: hexadecimal octets, and a user data header whose first octet is its length."""
    if is_set(fields, "normalize"):
        raise SmsapiError(25)
    try:
        header = bytes.fromhex(text_of(fields, "udh"))
    except ValueError:
        raise SmsapiError(30) from None
    if header and header[0] != len(header) - 1:
        raise SmsapiError(30)
    try:
        octets = len(header) + len(bytes.fromhex(message))
    except ValueError:
        raise SmsapiError(11) from None
    if octets > _BINARY_OCTETS:
        raise SmsapiError(11)
    return Counted(message, octets, 1)
