"""A request's fields, from form, multipart, JSON or query string: names, each with a text or a list of texts.

The official clients differ: Python, PHP and Java send a form, JavaScript and Go send JSON, and Go puts
``format=json`` into the query string.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

import msgspec

from mock_provider.wire.calls import WireRequest

Fields = dict[str, str | list[str]]

_ENCODING_FIELD = b"encoding="
_CHARSET = re.compile(r"utf-8|iso-8859-([1-9]|10|11|13|14|15|16)|windows-125[0-8]")
_BOUNDARY = re.compile('boundary="?([^";, ]+)')
_PART_NAME = re.compile(rb'[; ]name="([^"]*)"', re.IGNORECASE)


class MalformedRequestError(Exception):
    """The request's body or query string cannot be read as fields."""


def read_fields(request: WireRequest) -> Fields:
    """All fields of the request; a field of the body wins over one of the query string.

    Raises ``MalformedRequestError``.
    """
    fields: Fields = parse_form(request.query.encode("utf-8", "surrogateescape")) if request.query else {}
    if request.body:
        kind = request.content_type
        if kind.startswith("application/json") or request.body.lstrip()[:1] == b"{":
            fields.update(parse_json(request.body))
        elif kind.startswith("multipart/form-data"):
            fields.update(parse_multipart(request.body, kind))
        else:
            fields.update(parse_form(request.body))
    return fields


def parse_form(body: bytes) -> Fields:
    """``application/x-www-form-urlencoded`` in the charset its own ``encoding`` field names, else UTF-8.

    Raises ``MalformedRequestError`` for an unknown charset or bytes that are none of its text.
    """
    charset = _charset(body) if _ENCODING_FIELD in body else "utf-8"
    fields: Fields = {}
    try:
        # A form is ASCII unless its client left the escaping out.
        text = body.decode("ascii" if body.isascii() else charset)
        if "+" in text:
            text = text.replace("+", " ")
        for pair in text.split("&"):
            name, _, value = pair.partition("=")
            if "%" in value:
                value = _unescaped(value, charset)
            fields[name] = value
    except UnicodeDecodeError as error:
        raise MalformedRequestError(str(error)) from error
    fields.pop("", None)
    return fields


@lru_cache(maxsize=256)  # the report URL, the same in every request, is most of what is escaped
def _unescaped(value: str, charset: str) -> str:
    return unquote_to_bytes(value.encode(charset)).decode(charset)


def _charset(body: bytes) -> str:
    for pair in body.split(b"&"):
        if pair.startswith(_ENCODING_FIELD):
            value = pair[len(_ENCODING_FIELD) :].decode("ascii", "replace").strip().lower()
            if not value:
                break
            if _CHARSET.fullmatch(value) is None:
                raise MalformedRequestError(f"unknown encoding {value!r}")
            # SMSAPI writes windows-1250 where Python knows cp1250.
            return value.replace("windows-", "cp")
    return "utf-8"


def parse_multipart(body: bytes, content_type: str) -> Fields:
    """``multipart/form-data``, as PHP's curl sends an array of fields; files are left out.

    Raises ``MalformedRequestError``.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise MalformedRequestError("multipart without a boundary")
    fields: Fields = {}
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.group(1).encode("latin-1"))
    for part in parts[1:]:
        if part.startswith(b"--"):
            break
        head, _, value = part.partition(b"\r\n\r\n")
        name = _PART_NAME.search(head)
        if name is None or b"filename=" in head:
            continue
        try:
            fields[name.group(1).decode()] = value.decode()
        except UnicodeDecodeError as error:
            raise MalformedRequestError(str(error)) from error
    return fields


def parse_json(body: bytes) -> Fields:
    """A JSON object whose values are texts, numbers, booleans or lists of these; others are left out.

    Raises ``MalformedRequestError``.
    """
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequestError(str(error)) from error
    if not isinstance(decoded, Mapping):
        raise MalformedRequestError("the body is not a JSON object")
    fields: Fields = {}
    for name, value in decoded.items():
        if isinstance(value, str):
            fields[name] = value
        elif isinstance(value, list):
            all_texts = set(map(type, value)) == {str}
            fields[name] = value if all_texts else [t for item in value if (t := _text(item)) is not None]
        else:
            text = _text(value)
            if text is not None:
                fields[name] = text
    return fields


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if value is True:
        return "1"
    if value is False:
        return "0"
    if isinstance(value, int | float):
        return str(value)
    return None


def text_of(fields: Fields, name: str, default: str = "") -> str:
    """A field as one text; a list is joined as its elements were one value (commas)."""
    value = fields.get(name, default)
    return value if isinstance(value, str) else ",".join(value)


def list_of(fields: Fields, name: str, separator: str) -> list[str]:
    """A field as a list: a JSON list as it is, a text split at ``separator``; absent or empty gives none."""
    value = fields.get(name)
    if not value:
        return []
    return value.split(separator) if isinstance(value, str) else value


def is_set(fields: Fields, name: str) -> bool:
    """A flag field. Clients write ``1``, and JSON clients ``true``."""
    value = fields.get(name)
    return value is not None and value not in ("", "0", "false", "False")
