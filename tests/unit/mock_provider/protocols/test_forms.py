"""Form escapes and the bounds that keep one request from holding up all others."""

from __future__ import annotations

import tracemalloc
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_calls import FakeLookups, answer_to, smsapi_with

from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.http.receivers import LONGEST_URL, report_url_allowed
from mock_provider.protocols.actions import Instants
from mock_provider.protocols.forms import (
    MOST_FIELDS,
    FormTooLargeError,
    unescaped,
    unescaped_text,
)
from mock_provider.protocols.smsapi.errors import SmsapiError
from mock_provider.protocols.smsapi.fields import MalformedRequestError, read_fields
from mock_provider.protocols.smsapi.message import read_texts
from mock_provider.protocols.smsapi.send import read_send
from mock_provider.protocols.smsapi.spellings import Fields
from mock_provider.protocols.twilio.form import MalformedFormError, parse_form
from mock_provider.settings.protocols import SmsapiSettings

RECIPIENTS = 10_000


def form(body: bytes, content_type: str = "application/x-www-form-urlencoded") -> HttpRequest:
    return HttpRequest("POST", "/sms.do", "", content_type, "Bearer t", body)


def error_of(body: bytes, content_type: str = "") -> bytes:
    """The reply to a send that the protocol itself refuses, after the token was looked up."""
    protocol = smsapi_with()
    call: Any = protocol.read(form(body, content_type), 1, Instants(0, 0.0))
    reply = call if isinstance(call, HttpResponse) else answer_to(call, FakeLookups("t"))
    return reply.body


@given(
    st.lists(st.sampled_from([b"%", b"%4", b"%41", b"%fF", b"=", b"=41", b"\n", b"_", b"\xff"])).map(b"".join)
)
def test_escapes_are_undone_as_the_standard_library_does(octets: bytes) -> None:
    assert unescaped(octets) == unquote_to_bytes(octets)


def test_an_escaped_text_is_decoded_whatever_its_length() -> None:
    assert unescaped_text("%C4%85") == "ą"
    assert unescaped_text("%C4%85" * 10_000) == "ą" * 10_000


def test_a_value_of_stray_percent_signs_is_refused() -> None:
    assert unescaped(b"%" * 10_000) == b"%" * 10_000
    with pytest.raises(FormTooLargeError, match="percent signs"):
        unescaped(b"%" * 100_000)
    assert error_of(b"format=json&message=" + b"%" * 100_000).startswith(b'{"error":8,')


def test_a_form_of_more_fields_than_a_send_can_mean_is_refused() -> None:
    assert b"at most 65000 fields" in error_of(b"format=json&" + b"a=1&" * MOST_FIELDS)
    assert error_of(b"a=1&" * MOST_FIELDS) == b"ERROR:8"
    with pytest.raises(MalformedFormError, match="at most 1000 fields"):
        parse_form(b"a=1&" * 1_000)


def test_a_json_object_of_as_many_fields_is_refused() -> None:
    body = b"{" + b",".join(b'"%d":1' % number for number in range(MOST_FIELDS + 1)) + b"}"
    assert b"at most 65000 fields" in error_of(body)


def test_each_of_ten_thousand_recipients_may_have_fields_of_its_own() -> None:
    names = ("to", "idx", "param1", "param2", "param3", "param4")
    pairs = [f"{name}[{n}]={n}" for name in names for n in range(RECIPIENTS)]
    fields = read_fields(form("&".join([*pairs, "message=x", "format=json"]).encode()))
    assert {name: len(fields[name]) for name in names} == dict.fromkeys(names, RECIPIENTS)


def test_ten_thousand_recipients_may_come_as_multipart() -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="%b[]"\r\n\r\n1\r\n'
    body = part % b"to" * RECIPIENTS + part % b"idx" * RECIPIENTS + b"--B--\r\n"
    fields = read_fields(form(body, "multipart/form-data; boundary=B"))
    assert (len(fields["to"]), len(fields["idx"])) == (RECIPIENTS, RECIPIENTS)


@pytest.mark.parametrize("name", ["to", "status", "sch_del", "group"])
def test_more_names_than_a_send_may_have_are_too_many(name: str) -> None:
    values = ",".join(["1"] * (RECIPIENTS + 1))
    assert error_of(f"{name}={values}&message=x".encode()) == b"ERROR:19"


def test_texts_are_personalised_one_by_one() -> None:
    """Together the ten thousand of this request would be 100 MB; the first is too long already."""
    fields: Fields = {"message": "[%1%]" * 100, "param1": "|".join(["a" * 100] * RECIPIENTS)}
    tracemalloc.start()
    try:
        with pytest.raises(SmsapiError) as refused:
            read_texts(fields, RECIPIENTS, SmsapiSettings())
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused.value.code == 11
    assert peak_bytes < 10_000_000


@pytest.mark.parametrize("fields", [{}, {"max_parts": "2"}, {"normalize": "1"}, {"single": "1"}])
def test_a_text_with_too_many_parts_is_refused_before_other_checks(fields: dict[str, str]) -> None:
    with pytest.raises(SmsapiError) as refused:
        read_texts({"message": "{" * 20_000, **fields}, 1, SmsapiSettings())
    assert refused.value.code == 11


def test_a_report_url_is_no_longer_than_servers_take() -> None:
    start = "http://127.0.0.1/"
    assert report_url_allowed(start + "a" * (LONGEST_URL - len(start)), ())
    assert not report_url_allowed(start + "a" * (LONGEST_URL - len(start) + 1), ())
    assert error_of(b"to=48500100200&message=x&notify_url=http://127.0.0.1/" + b"a" * 20_000) == b"ERROR:70"


def test_only_the_body_says_what_is_malformed() -> None:
    with pytest.raises(MalformedRequestError, match="takes at most 1000000 values"):
        read_fields(form(b'{"to": [' + b"1," * 1_000_000 + b"1]}"))


def test_what_is_no_number_is_repeated_in_part() -> None:
    fields = read_fields(form(b"to=" + b"x" * 20_000 + b"," + b"1" * 20_000 + b"&message=x"))
    submit = read_send(fields, "t", 1, Instants(0, 0.0), SmsapiSettings(), RECIPIENTS).submit
    assert submit.unparsable == ("x" * 100, "1" * 100)


def test_a_code_s_text_beyond_all_parts_is_refused() -> None:
    body = b"phone_number=48500100200&content=" + b"[%25code%25]" * 20_000
    protocol = smsapi_with()
    request = HttpRequest("POST", "/mfa/codes", "", "application/x-www-form-urlencoded", "Bearer t", body)
    call: Any = protocol.read(request, 1, Instants(0, 0.0))
    assert not hasattr(call, "submit")
