"""Query strings of the API."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qsl

from reference_sender.api.intake import Invalid

LARGEST_ID = 2**63 - 1  # SQLite's


def fields_of(query: str, known: Collection[str] | None = None) -> dict[str, str]:
    """Raises ``Invalid`` for a repeated field, since its intended value is not known, for one that is
    not ``known``, and for bytes that are not UTF-8.
    """
    fields: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        wrong = f"%{error.object[error.start]:02X}"
        raise Invalid("malformed", "", f"the query is not UTF-8: {wrong} is not a character") from None
    for name, value in pairs:
        if name in fields:
            raise Invalid("invalid", name[:64], f"{name[:64]} is in the query twice: give it once")
        if known is not None and name not in known:
            allowed = f"known: {', '.join(sorted(known))}" if known else "this call has no query"
            raise Invalid("unknown_field", name[:64], f"{name[:64]} is not a field; {allowed}")
        fields[name] = value
    return fields


def filter_of(name: str, text: str | None) -> str | None:
    """A field that is compared with stored texts. Raises ``Invalid`` for a NUL character, which PostgreSQL
    cannot have in a text.
    """
    if text is not None and "\0" in text:
        raise Invalid("invalid", name, f"{name} must be a text without NUL characters")
    return text


def limit_of(fields: dict[str, str], most: int) -> int:
    """The field ``limit``: the size of a page, 100 by default. Raises ``Invalid``."""
    return number_of(fields, "limit", 100, 1, most)


def number_of(fields: dict[str, str], name: str, default: int, least: int, most: int) -> int:
    """A field that is a whole number. Raises ``Invalid``."""
    number = whole_number(fields.get(name, str(default)))
    if number is None or not least <= number <= most:
        raise Invalid("invalid", name, f"{name} must be a whole number from {least} to {most}")
    return number


def whole_number(text: str) -> int | None:
    """The number that ``text`` is, in the digits 0 to 9 and without a leading zero; None if it is not a
    number, or is too large for a store.
    """
    # Its length first: Python refuses to read very long numbers.
    if len(text) > 19 or not (text.isascii() and text.isdecimal()) or (text[0] == "0" and text != "0"):
        return None
    return number if (number := int(text)) <= LARGEST_ID else None
