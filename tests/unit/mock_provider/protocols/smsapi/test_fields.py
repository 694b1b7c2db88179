"""How SMSAPI's fields are read from every body and spelling that clients write them in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_provider.http.messages import HttpRequest
from mock_provider.protocols.smsapi import fields
from mock_provider.protocols.smsapi.field_names import KNOWN
from mock_provider.protocols.smsapi.fields import Fields, MalformedRequestError, read_fields

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MULTIPART = "multipart/form-data; boundary=B"


def read(body: bytes, content_type: str = FORM, query: str = "") -> dict[str, Any]:
    return read_fields(HttpRequest("POST", "/sms.do", query, content_type, "", body))


def refused(body: bytes, content_type: str = FORM, query: str = "") -> MalformedRequestError:
    with pytest.raises(MalformedRequestError) as error:
        read(body, content_type, query)
    return error.value


def multipart(values: dict[str, bytes], name: str = '"{}"') -> bytes:
    parts = (
        b"--B\r\nContent-Disposition: form-data; name=" + name.format(field).encode() + b"\r\n\r\n" + value
        for field, value in values.items()
    )
    return b"\r\n".join(parts) + b"\r\n--B--\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"to=1&to=2&idx=a&idx=b",
        b"to[]=1&to[]=2&idx[]=a&idx[]=b",
        b"to[0]=1&to[1]=2&idx[0]=a&idx[1]=b",
        b"to%5B0%5D=1&to%5B1%5D=2&idx%5B0%5D=a&idx%5B1%5D=b",
        b"to[1]=2&idx[1]=b&to[0]=1&idx[0]=a",
        b"to[3]=1&to[7]=2&idx[3]=a&idx[7]=b",  # array_filter leaves gaps
        b'{"to": ["1", 2], "idx": ["a", "b"]}',
    ],
)
def test_every_spelling_of_a_list_is_the_list(body: bytes) -> None:
    assert read(body) == {"to": ["1", "2"], "idx": ["a", "b"]}
    if not body.startswith(b"{"):
        assert read(b"", query=body.decode()) == {"to": ["1", "2"], "idx": ["a", "b"]}


def test_a_list_of_one_is_the_value_where_a_field_takes_one() -> None:
    assert read(b"message[]=x&param1[0]=Ann&idx[0]=A1") == {"message": "x", "param1": ["Ann"], "idx": ["A1"]}
    assert read(b'{"message": ["x"], "from": []}') == {"message": "x", "from": ""}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"message=a&message=b", "message"),
        (b"to[a]=1", "to[a]"),
        (b"to[0][x]=1", "to[0][x]"),
        (b"to[=1", "to["),
        (b"idx[-1]=a", "idx[-1]"),
        (b"idx[0]=a&idx[0]=b", "idx"),
        (b"idx[]=a&idx[1]=b", "idx"),
        (b"idx=a&idx[1]=b", "idx"),
        (b'{"to": {"0": "1"}}', "to"),
        (b'{"to": [["1"]]}', "to"),
        (b'{"message": ["a", "b"]}', "message"),
        (b"encoding=rot13", "encoding"),
    ],
)
def test_a_field_that_cannot_be_read_is_refused_by_its_name(body: bytes, named: str) -> None:
    error = refused(body + b"&format=json" if not body.startswith(b"{") else body)
    assert str(error).startswith(f"{named}:")
    assert error.as_json


def test_a_field_of_the_body_wins_over_one_of_the_query_string() -> None:
    assert read(b"to=1", query="to=2&fast=1") == {"to": "1", "fast": "1"}
    assert read(b'{"to": "1"}', JSON, "to=2&fast=1") == {"to": "1", "fast": "1"}
    assert read(multipart({"to": b"1"}), MULTIPART, "to=2&fast=1") == {"to": "1", "fast": "1"}


def test_an_unknown_field_is_kept_for_who_counts_them() -> None:
    assert read(b"to=1&nortify_url=x&fallback[0][type]=vms").keys() == {"to", "nortify_url", "fallback"}
    assert read(b'{"to": "1", "fallback": [{"type": "vms"}], "x": {"y": 1}}').keys() == {
        "to",
        "fallback",
        "x",
    }


def test_nulls_of_json_hold_their_place() -> None:
    assert read(b'{"idx": ["a", null, "c"], "from": null}') == {"idx": ["a", "", "c"]}


def test_numbers_of_json() -> None:
    body = b'{"to": 48500100200, "date": 1800000000.0, "max_parts": 2, "fast": true, "test": false}'
    assert read(body) == {
        "to": "48500100200",
        "date": "1800000000",
        "max_parts": "2",
        "fast": "1",
        "test": "0",
    }


def test_escapes_are_undone_in_names_and_in_the_charset() -> None:
    assert read(b"mess%61ge=x%20y+z&t%6F=1") == {"message": "x y z", "to": "1"}
    assert read(b"message=%BF&encoding=windows%2D1250")["message"] == "ż"
    assert read(b"message=%BF&%65ncoding=windows-1250")["message"] == "ż"


def test_the_charset_holds_for_query_and_body_alike() -> None:
    assert read(b"message=%BF", query="encoding=windows-1250")["message"] == "ż"
    assert read(b"encoding=windows-1250", query="message=%BF")["message"] == "ż"
    assert read(b"message=%BF&encoding=windows-1250", query="encoding=utf-8")["message"] == "ż"
    in_parts = multipart({"message": b"\xbf", "encoding": b"windows-1250"})
    assert read(in_parts, MULTIPART)["message"] == "ż"
    assert read(multipart({"message": b"\xbf"}), MULTIPART, "encoding=iso-8859-2")["message"] == "ż"


def test_raw_bytes_of_a_query_are_utf_8() -> None:
    assert read(b"", query="message=ż".encode().decode("latin-1")) == {"message": "ż"}


@pytest.mark.parametrize(
    "content_type", [MULTIPART, "Multipart/Form-Data; Boundary=B", 'MULTIPART/form-data; boundary="B"']
)
@pytest.mark.parametrize("name", ['"{}"', "{}"])
def test_multipart_as_browsers_and_dotnet_write_it(name: str, content_type: str) -> None:
    body = multipart({"to": b"1", "format": b"json", "message": "ż".encode()}, name)
    assert read(body, content_type) == {"to": "1", "format": "json", "message": "ż"}


def test_multipart_lists_and_files() -> None:
    assert read(multipart({"to[0]": b"1", "to[1]": b"2"}), MULTIPART) == {"to": ["1", "2"]}
    assert "to" in str(refused(multipart({"to": b"1"}, '"{}"; filename="x"'), MULTIPART))
    for broken in (b"", b"--B\r\n", b"to=1"):
        if broken:
            assert "multipart" in str(refused(broken, MULTIPART, "format=json"))
    assert read(b"", MULTIPART, "to=1") == {"to": "1"}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b'\xef\xbb\xbf{"to": "1"}', JSON) == {"to": "1"}
    assert read(b"\xef\xbb\xbfto=1") == {"to": "1"}


@pytest.mark.parametrize(
    ("body", "content_type", "query", "as_json"),
    [
        (b"message=%BF&format=json", FORM, "", True),
        (b"message=%BF", FORM, "format=json", True),
        (b"message=%BF", FORM, "", False),
        (multipart({"format": b"json", "message": b"\xbf"}), MULTIPART, "", True),
        (multipart({"format": b"json", "message": b"x"})[:-4], MULTIPART, "", True),
        (b"{", JSON, "", True),
        (b"[]", JSON, "", True),
    ],
)
def test_what_cannot_be_read_is_answered_in_the_format_asked_for(
    body: bytes, content_type: str, query: str, as_json: bool
) -> None:
    assert refused(body, content_type, query).as_json is as_json


values = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.dictionaries(st.sampled_from(sorted(KNOWN - {"encoding"})), values, min_size=1))
def test_the_fast_path_of_a_form_reads_what_the_full_path_reads(given_fields: dict[str, str]) -> None:
    body = "&".join(f"{name}={quote_plus(value)}" for name, value in given_fields.items()).encode()
    assert fields.ordinary_form(body) == given_fields
    assert fields.read_in_full(HttpRequest("POST", "/sms.do", "", FORM, "", body)) == given_fields


names = st.sampled_from(
    ["to", "message", "idx", "format", "unknown", "to[]", "to[1]", "t%6F", "me+ssage", ""]
)
plain_values = st.text("ab1,|=.-_ +%&żł", max_size=6)
# As clients write it, as they must not, and cut off in the middle.
escapes = st.sampled_from(["%C5%BC", "%BF", "%bf", "%", "%4", "%zz", "%25", "%2B", "+", "%3D", "%26", "%2C"])
charsets = st.sampled_from(["utf-8", "UTF-8", "iso-8859-2", "windows-1250", "iso-8859-12", "rot13", ""])
named_charsets = st.one_of(charsets, charsets.map(lambda name: name.replace("-", "%2D")))
pairs = st.one_of(
    st.tuples(names, st.lists(plain_values.map(quote_plus) | escapes, max_size=3).map("".join)).map("=".join),
    named_charsets.map("encoding={}".format),
    named_charsets.map("%65ncoding={}".format),
    st.sampled_from(["", "to", "=", "message", "format=json", "message=\u017c"]),
)
forms = st.one_of(
    st.lists(pairs, max_size=6).map("&".join),
    st.builds(  # a name once each, so that more of them are ordinary
        lambda given, charset: "&".join([f"{name}={value}" for name, value in given.items()] + charset),
        st.dictionaries(
            st.sampled_from(["to", "message", "idx", "from"]),
            escapes | st.sampled_from(["a+b", "encoding=iso-8859-2"]),
            min_size=1,
        ),
        st.lists(named_charsets.map("encoding={}".format), max_size=1),
    ),
)


def read_or_error(
    read_request: Callable[[HttpRequest], Fields], request: HttpRequest
) -> tuple[Fields | str, bool]:
    try:
        return read_request(request), False
    except MalformedRequestError as error:
        return str(error), error.as_json


@settings(max_examples=1_000, deadline=None)
@given(forms, forms | st.just(""), st.sampled_from(["utf-8", "iso-8859-2", "cp1250"]))
def test_a_form_in_body_or_query_is_read_as_in_full(form: str, other: str, charset: str) -> None:
    """Also where it names its charset, is not escaped, or has a part in the query string."""
    octets = form.encode(charset, "replace")
    in_query = octets.decode("latin-1")
    for request in (
        HttpRequest("POST", "/sms.do", "", FORM, "", octets),
        HttpRequest("GET", "/sms.do", in_query, "", "", b""),
        HttpRequest("POST", "/sms.do", other.encode().decode("latin-1"), FORM, "", octets),
        HttpRequest("POST", "/sms.do", in_query, FORM, "", other.encode()),
    ):
        assert read_or_error(read_fields, request) == read_or_error(fields.read_in_full, request)


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-2", "windows-1250"])
@pytest.mark.parametrize("escaped", [True, False])
def test_a_form_that_names_its_charset_is_ordinary(charset: str, escaped: bool) -> None:
    octets = "ż".encode(charset.replace("windows-", "cp"))
    value = quote_plus(octets).encode() if escaped else octets
    body = b"to=1&message=" + value + b"&encoding=" + charset.encode()
    assert fields.ordinary_form(body) == {"to": "1", "message": "ż", "encoding": charset}


@given(st.dictionaries(st.sampled_from(sorted(KNOWN - {"encoding"})), values))
def test_json_says_what_a_form_says(given_fields: dict[str, str]) -> None:
    assert read(json.dumps(given_fields).encode(), JSON) == given_fields
