"""A request's fields, from form, multipart, JSON or query string: names, each with a text or a list of texts.

The official clients differ: Python, PHP and Java send a form, JavaScript and Go send JSON, and Go puts
``format=json`` into the query string.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain

import msgspec
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from mock_provider.http.messages import BYTE_ORDER_MARK, HttpRequest
from mock_provider.protocols.forms import (
    MOST_FIELDS,
    FormTooLargeError,
    require_few_fields,
    unescaped,
    unescaped_text,
)
from mock_provider.protocols.smsapi.field_names import KNOWN, SEPARATORS
from mock_provider.protocols.smsapi.spellings import (
    Fields,
    UnreadableFieldError,
    listed,
    spelled_out,
)

__all__ = [
    "Fields",
    "MalformedRequestError",
    "count_of",
    "flat_list_of",
    "is_set",
    "list_of",
    "read_fields",
    "text_of",
]

_Pairs = list[tuple[bytes, bytes]]

_ENCODING, _ENCODING_FIELD = b"encoding", b"encoding="
_ASKS_JSON, _FORMAT_JSON = (b"format", b"json"), b"format=json"
_UTF_8 = "utf-8"
_CHARSET = re.compile(r"utf-8|iso-8859-([1-9]|10|11|13|14|15|16)|windows-125[0-8]")
_MOST_PARTS = 21_000  # of a multipart body: 10,000 recipients with a reference each, and the rest of a send
_MOST_LISTED = 1_000_000  # values of one list: as many recipients as a profile may allow
_UNUSUAL_OCTETS = 10_000


class MalformedRequestError(Exception):
    """The request's body or query string cannot be read as fields. The error text does not repeat values.

    ``as_json``: the client wants the answer as JSON.
    """

    def __init__(self, words: str, as_json: bool) -> None:
        super().__init__(words)
        self.as_json = as_json


def read_fields(request: HttpRequest) -> Fields:
    """All fields of the request; a field of the body replaces one of the query string.

    Raises ``MalformedRequestError``.
    """
    query, body = request.query, request.body
    if not query:
        if body[:1] == b"{":
            return _json(body)
        if (fields := ordinary_form(body)) is not None:
            return fields
    elif not body and (fields := ordinary_form(query.encode("latin-1", "replace"))) is not None:
        return fields
    return read_in_full(request)


def ordinary_form(body: bytes) -> Fields | None:
    """``application/x-www-form-urlencoded`` with known fields only, each once and by its plain name.

    Nearly every form is one. None for any other, which ``read_in_full`` reads or refuses.

    This is a second way besides ``read_in_full``. It takes 1.9 us in place of 9.9 us for six fields.
    Without it a send of ``benchmarks/provider_sends.py`` takes 92.6 us of CPU time in place of 76.6 us.
    ``test_a_form_in_body_or_query_is_read_as_in_full`` compares the two
    (``tests/unit/mock_provider/protocols/smsapi/test_fields.py``).
    """
    charset = _UTF_8
    if len(body) > _UNUSUAL_OCTETS and body.count(b"&") > len(KNOWN):
        return None
    if _ENCODING_FIELD in body and (charset := _plain_charset(body)) == "":
        return None
    fields: Fields = {}
    try:
        # A form is ASCII unless its client did not escape it.
        text = body.decode("ascii" if body.isascii() else charset)
        if "+" in text:
            text = text.replace("+", " ")
        escaped = "%" in text
        pairs = text.split("&")
        for pair in pairs:
            name, _, value = pair.partition("=")
            if escaped and "%" in value:
                value = unescaped_text(value, charset)
            fields[name] = value
    except (UnicodeDecodeError, FormTooLargeError):
        return None
    return fields if len(fields) == len(pairs) and KNOWN.issuperset(fields) else None


def _plain_charset(body: bytes) -> str:
    """Python's name of the charset that a form names without escapes, or ""."""
    for pair in body.split(b"&"):
        if pair.startswith(_ENCODING_FIELD):
            return _charset_named(pair[len(_ENCODING_FIELD) :])
    return _UTF_8


def _charset_named(name: bytes) -> str:
    """Python's name of a charset by SMSAPI's; "" for one that SMSAPI does not know."""
    text = name.decode("ascii", "replace").strip().lower()
    if not text:
        return _UTF_8
    # SMSAPI writes windows-1250 where Python knows cp1250.
    return text.replace("windows-", "cp") if _CHARSET.fullmatch(text) else ""


def read_in_full(request: HttpRequest) -> Fields:
    """Any request: query and body together, in the charset that one of them names."""
    body = request.body.removeprefix(BYTE_ORDER_MARK)
    kind = request.content_type.lower()
    in_query = _form_pairs(request.query.encode("latin-1", "replace"))
    if body and (kind.startswith("application/json") or body.lstrip()[:1] == b"{"):
        return _decoded([in_query], as_json=True) | _json(body)
    if body and kind.startswith("multipart/form-data"):
        in_body = _multipart_pairs(body, request.content_type, _ASKS_JSON in in_query)
    else:
        in_body = _form_pairs(body)
    return _decoded([in_query, in_body], as_json=_ASKS_JSON in in_query or _ASKS_JSON in in_body)


def _form_pairs(body: bytes) -> _Pairs:
    """Unescaped names and values, not yet decoded. Raises ``MalformedRequestError``."""
    pairs = []
    try:
        require_few_fields(body)
        for pair in body.replace(b"+", b" ").split(b"&"):
            name, _, value = pair.partition(b"=")
            if name:
                pairs.append((unescaped(name), unescaped(value)))
    except FormTooLargeError as error:
        raise MalformedRequestError(str(error), as_json=_FORMAT_JSON in body) from None
    return pairs


def _decoded(sources: list[_Pairs], as_json: bool) -> Fields:
    """The fields of all sources; a later source replaces an earlier one. Their texts are in one charset."""
    charset = _UTF_8
    fields: Fields = {}
    try:
        for name, value in (pair for source in sources for pair in source):
            if name == _ENCODING and not (charset := _charset_named(value)):
                raise UnreadableFieldError(
                    "encoding: allowed are utf-8, iso-8859-1 to -16 and windows-1250 to -1258"
                )
        for source in sources:
            fields |= spelled_out([(name.decode(charset), value.decode(charset)) for name, value in source])
    except UnreadableFieldError as error:
        raise MalformedRequestError(str(error), as_json) from None
    except UnicodeDecodeError:
        raise MalformedRequestError(f"encoding: the text is not {charset}", as_json) from None
    return fields


def _multipart_pairs(body: bytes, content_type: str, as_json: bool) -> _Pairs:
    """``multipart/form-data`` (RFC 7578), as PHP's curl and .NET send fields."""
    _, options = parse_options_header(content_type)
    pairs: _Pairs = []
    name, value = "", b""
    try:
        parser = PushMultipartParser(options.get("boundary", ""), max_segment_count=_MOST_PARTS)
        with parser:
            for event in chain(parser.parse(body), parser.parse(b"")):
                if isinstance(event, MultipartSegment):
                    name, value = event.name, b""
                    if event.filename is not None and name in KNOWN:
                        raise MalformedRequestError(f"{name}: it comes as a file", as_json)
                elif event:
                    value += event
                else:
                    pairs.append((name.encode(), value))
    except (MultipartError, UnicodeEncodeError) as error:
        as_json = as_json or _ASKS_JSON in pairs
        raise MalformedRequestError(f"the multipart body cannot be read: {error}", as_json) from None
    return pairs


def _json(body: bytes) -> Fields:
    """A JSON object whose values are texts, numbers, booleans or lists of these; null is no value."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequestError("the body is not JSON", as_json=True) from None
    if not isinstance(decoded, Mapping):
        raise MalformedRequestError("the body is not a JSON object", as_json=True)
    if len(decoded) > MOST_FIELDS:
        raise MalformedRequestError(f"an object may have at most {MOST_FIELDS} fields", as_json=True)
    fields: Fields = {}
    try:
        for name, value in decoded.items():
            if isinstance(value, str):
                fields[name] = value
            elif isinstance(value, list):
                fields[name] = _json_list(name, value)
            elif value is not None:
                fields[name] = _json_text(name, value)
    except UnreadableFieldError as error:
        raise MalformedRequestError(str(error), as_json=True) from None
    return fields


def _json_list(name: str, values: list[object]) -> str | list[str]:
    if name not in KNOWN:
        return ""
    if len(values) > _MOST_LISTED:
        raise UnreadableFieldError(f"{name}: it takes at most {_MOST_LISTED} values")
    # Keep an empty value: other lists have the same order.
    texts = [each if type(each) is str else "" if each is None else _json_text(name, each) for each in values]
    return texts if name in SEPARATORS else listed(name, texts)


def _json_text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if value is True:
        return "1"
    if value is False:
        return "0"
    if isinstance(value, int | float):
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if name in KNOWN:
        raise UnreadableFieldError(f"{name}: it must be a text, a number or a list of these")
    return ""


def text_of(fields: Fields, name: str, default: str = "") -> str:
    """A field as one text; a list is joined by commas."""
    value = fields.get(name, default)
    return value if isinstance(value, str) else ",".join(value)


def count_of(fields: Fields, name: str, separator: str) -> int:
    """The number of values of the field, counted without making a list."""
    value = fields.get(name)
    if not value:
        return 0
    return value.count(separator) + 1 if isinstance(value, str) else len(value)


def list_of(fields: Fields, name: str, separator: str) -> list[str]:
    """A field as a list: a list as it is, a text split at ``separator``; absent or empty gives none."""
    value = fields.get(name)
    if not value:
        return []
    return value.split(separator) if isinstance(value, str) else value


def flat_list_of(fields: Fields, name: str) -> list[str]:
    """A field as a list of values without commas: each given value is split at its commas."""
    value = fields.get(name)
    if not value:
        return []
    return (value if isinstance(value, str) else ",".join(value)).split(",")


def is_set(fields: Fields, name: str) -> bool:
    """A flag field. Clients write ``1``, and JSON clients ``true``."""
    value = fields.get(name)
    return value is not None and value not in ("", "0", "false", "False")
