"""The parameters of a request, from its form body or its query string."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import unquote_to_bytes


class MalformedFormError(Exception):
    """The bytes are no form: they are not UTF-8 where they should be."""


def parse_form(body: bytes) -> dict[str, str]:
    """``application/x-www-form-urlencoded``; of a name that comes twice, the last value.

    Raises ``MalformedFormError``.
    """
    fields: dict[str, str] = {}
    try:
        for pair in body.decode().replace("+", " ").split("&"):
            name, _, value = pair.partition("=")
            if "%" in name:
                name = _unescaped(name)
            if "%" in value:
                # Of a number nothing but its plus is escaped, and no two numbers are the same.
                plain = value.startswith("%2B") and "%" not in value[1:]
                value = "+" + value[3:] if plain else _unescaped(value)
            fields[name] = value
    except UnicodeDecodeError as error:
        raise MalformedFormError(str(error)) from error
    fields.pop("", None)
    return fields


def count_of(body: bytes, name: bytes) -> int:
    """How often a name comes in a form: parameters that are lists repeat their name."""
    return sum(pair.partition(b"=")[0] == name for pair in body.split(b"&"))


@lru_cache(maxsize=512)  # the callback URL, the same in every request, is most of what is escaped
def _unescaped(value: str) -> str:
    return unquote_to_bytes(value).decode()
