"""The parameters of a request, from its form body or its query string."""

from __future__ import annotations

from mock_provider.protocols.forms import FormTooLargeError, unescaped_text

_MOST_FIELDS = 1_000  # a message has about thirty, and ten MediaUrl


class MalformedFormError(Exception):
    """Not a form: invalid UTF-8, or more fields than any form of this protocol."""


def parse_form(body: bytes) -> dict[str, str]:
    """``application/x-www-form-urlencoded``; of a repeated name, the last value.

    Raises ``MalformedFormError``.
    """
    fields: dict[str, str] = {}
    if len(body) > _MOST_FIELDS and body.count(b"&") >= _MOST_FIELDS:
        raise MalformedFormError(f"a form may have at most {_MOST_FIELDS} fields")
    try:
        for pair in body.decode().replace("+", " ").split("&"):
            name, _, value = pair.partition("=")
            if "%" in name:
                name = unescaped_text(name)
            if "%" in value:
                # In a number only the plus is escaped, and numbers rarely repeat.
                plain = value.startswith("%2B") and "%" not in value[1:]
                value = "+" + value[3:] if plain else unescaped_text(value)
            fields[name] = value
    except UnicodeDecodeError:
        raise MalformedFormError("encoding: UTF-8 is needed") from None
    except FormTooLargeError as error:
        raise MalformedFormError(str(error)) from None
    fields.pop("", None)
    return fields


def count_of(body: bytes, name: bytes) -> int:
    """How often a name comes in a form: parameters that are lists repeat their name."""
    return sum(pair.partition(b"=")[0] == name for pair in body.split(b"&"))
