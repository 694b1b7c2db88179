"""What the SMSAPI protocol reads of a request: fields, recipients, texts, dates, and what it refuses."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from protocol_calls import FakeLookups, answer_to, smsapi_with

from mock_provider.engine.values import Submit
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.protocols.actions import Instants, SubmitAction
from mock_provider.protocols.http_protocol import HttpAction
from mock_provider.protocols.smsapi.auth import header_token
from mock_provider.settings.protocols import SmsapiSettings

WALL_S = 1_800_000_000.0
NOW = Instants(5_000_000_000, WALL_S)
FORM = "application/x-www-form-urlencoded"
DAY_S = 86_400


def ask(
    body: bytes | dict[str, Any], *, settings: SmsapiSettings | None = None, **request: Any
) -> HttpAction:
    """The call that a form (a mapping) or raw bytes make at /sms.do."""
    raw = body if isinstance(body, bytes) else urlencode(body).encode()
    values: dict[str, Any] = {
        "method": "POST", "path": "/sms.do", "query": "", "content_type": FORM,
        "authorization": "Bearer secret", "body": raw,
    }  # fmt: skip
    return smsapi_with(settings).read(HttpRequest(**(values | request)), 7, NOW)


def submit_of(body: bytes | dict[str, Any], **request: Any) -> Submit:
    call = ask(body, **request)
    assert isinstance(call, SubmitAction), call
    return call.submit


def ids_of(body: bytes | dict[str, Any]) -> tuple[list[str], list[str]]:
    """The ids that the query looks up, and those that it cancels."""
    lookups = FakeLookups("secret")
    answer_to(ask(body), lookups)
    return lookups.asked, lookups.cancelled


def error_of(body: bytes | dict[str, Any], **request: Any) -> int:
    """The code a known account gets."""
    call = ask(body, **request)
    reply = answer_to(call, FakeLookups("secret"))
    return int(msgspec.json.decode(reply.body)["error"])


BASE = {"to": "48500100200", "message": "Hello", "format": "json"}


def test_form_json_and_query_string_say_the_same() -> None:
    form = submit_of(BASE | {"from": "Shop", "idx": "a-1"})
    as_json = submit_of(
        json.dumps(BASE | {"from": "Shop", "idx": "a-1"}).encode(),
        content_type="application/json; charset=utf-8",
    )
    get = submit_of(b"", method="GET", query=urlencode(BASE | {"from": "Shop", "idx": "a-1"}))
    assert form == as_json == get
    message = form.messages[0]
    assert (form.request_id, form.protocol, form.token, form.sender_id) == (7, "smsapi", "secret", "Shop")
    assert (message.msisdn, message.text, message.segments) == ("48500100200", "Hello", 1)
    assert (message.key, message.client_ref) == ("a-1", "a-1")


def test_recipients_are_normalised_deduplicated_and_the_bad_ones_named() -> None:
    submit = submit_of(BASE | {"to": "500 100 200,48500100200,0049171 1234567,123,+48600100200,abc"})
    assert [m.msisdn for m in submit.messages] == ["48500100200", "491711234567", "48600100200"]
    assert [m.submitted_number for m in submit.messages] == ["500 100 200", "0049171 1234567", "+48600100200"]
    assert [each.number for each in submit.unparsable] == ["123", "abc"]
    strict = submit_of(
        BASE | {"to": "48500100200,+48600100200"}, settings=SmsapiSettings(plus_accepted=False)
    )
    assert [each.number for each in strict.unparsable] == ["+48600100200"]
    repeated = submit_of(BASE | {"to": "500100200,48500100200", "allow_duplicates": "1"})
    assert len(repeated.messages) == 2
    foreign = submit_of(BASE | {"to": "500100200,491711234567", "skip_foreign": "1"})
    assert [m.msisdn for m in foreign.messages] == ["48500100200"]


def test_json_lists_of_numbers_and_references() -> None:
    body = {
        "to": [48500100200, "500100201"],
        "idx": ["a|b", "c"],
        "message": "x",
        "fast": True,
        "check_idx": False,
    }
    submit = submit_of(json.dumps(body).encode(), content_type="application/json")
    assert [m.client_ref for m in submit.messages] == ["a|b", "c"]
    assert submit.options.priority is True
    assert submit.options.refuse_duplicates is False


def test_each_value_of_a_list_may_hold_several_joined_by_commas() -> None:
    body = b"to[]=48500100200,48500100201&to[]=48500100202&message=x"
    assert [m.msisdn[-1] for m in submit_of(body).messages] == ["0", "1", "2"]
    assert ids_of(b"sch_del[]=1,2&sch_del[]=3") == ([], ["1", "2", "3"])
    assert ids_of(b'{"status": [1, "2,3"]}') == (["1", "2", "3"], [])


def test_parameters_make_one_text_for_each_recipient() -> None:
    body = {
        "to": "500100200,500100201", "message": "Hi [%1%], code [%2%]", "param1": "Ann|Bo", "param2": "11|22",
    }  # fmt: skip
    assert [m.text for m in submit_of(body).messages] == ["Hi Ann, code 11", "Hi Bo, code 22"]
    # The second number is dropped, and with it the second value: the others keep theirs.
    three = {"to": "500100200,12,500100202", "message": "[%1%]", "param1": "a|b|c"}
    assert [m.text for m in submit_of(three).messages] == ["a", "c"]


def test_the_journey_key_is_in_the_text_or_else_it_is_idx() -> None:
    text = BASE | {"message": "Code 1 #K4f2a-0000123#"}
    assert submit_of(text).messages[0].key == "4f2a-0000123"
    assert submit_of(BASE | {"idx": "mine"}).messages[0].key == "mine"
    # A sender that cannot carry our key may well give references of its own.
    own = submit_of(text | {"idx": "mine"}).messages[0]
    assert (own.key, own.client_ref) == ("4f2a-0000123", "mine")


def test_the_text_is_read_in_the_charset_the_request_names() -> None:
    latin = b"to=500100200&message=za%BF%F3%B3%E6&encoding=windows-1250"
    assert submit_of(latin).messages[0].text == "zażółć"
    plain = submit_of(BASE | {"message": "zażółć", "normalize": "1"}).messages[0]
    assert plain.text == "zazolc"
    assert plain.segments == 1


def test_a_schedule_is_on_the_engines_clock() -> None:
    submit = submit_of(BASE | {"date": str(int(WALL_S) + 60), "expiration_date": str(int(WALL_S) + 3660)})
    assert submit.scheduled_ns == NOW.now_ns + 60_000_000_000
    assert submit.expires_ns == NOW.now_ns + 3_660_000_000_000
    iso = submit_of(BASE | {"date": "2027-01-15T09:01:00+01:00"})
    assert iso.scheduled_ns == NOW.now_ns + 60_000_000_000
    warsaw = submit_of(BASE | {"date": "2027-01-15T09:01:00"})
    assert warsaw.scheduled_ns == iso.scheduled_ns
    assert submit_of(BASE | {"date": "soon"}).scheduled_ns is None
    assert submit_of(BASE | {"date": str(int(WALL_S) - 60)}).scheduled_ns is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"message": " "}, 11),
        ({"message": "x" * 919}, 11),
        ({"message": "ł" * 403}, 11),
        ({"message": "zażółć", "nounicode": "1"}, 11),
        ({"message": "x" * 161, "max_parts": "1"}, 12),
        ({"max_parts": "many"}, 8),
        ({"from": "TwelveLetter"}, 14),
        ({"message": "zażółć", "flash": "1"}, 17),
        ({"message": "[%1%]", "param1": "a|b"}, 18),
        ({"to": ",".join(["500100200"] * 10_001)}, 19),
        ({"idx": "a|b"}, 20),
        ({"message": "00", "normalize": "1", "datacoding": "bin"}, 25),
        ({"idx": "a" * 256}, 27),
        ({"time_restriction": "later"}, 28),
        ({"message": "0011", "datacoding": "bin", "udh": "050003"}, 30),
        ({"group": "friends"}, 40),
        ({"date": str(int(WALL_S) + 93 * DAY_S)}, 50),
        ({"date": "soon", "date_validate": "1"}, 54),
        ({"date": str(int(WALL_S) - 2), "date_validate": "1"}, 54),
        ({"date": "2020-01-01T00:00:00.000Z", "date_validate": "1"}, 54),
        ({"date": str(int(WALL_S) + 93 * DAY_S), "date_validate": "1"}, 50),
        ({"message": "x" * 161, "single": "1"}, 12),
        ({"message": "ż" * 71, "single": "1"}, 12),
        ({"from": "Sklep#1"}, 14),
        ({"from": "1" * 17}, 14),
        ({"expiration_date": str(int(WALL_S) + 60)}, 56),
        ({"expiration_date": str(int(WALL_S) + 73 * 3600)}, 56),
        ({"notify_url": "ftp://127.0.0.1/x"}, 70),
        ({"notify_url": "http://example.com/x"}, 70),
        ({"notify_url": "http://127.0.0.1.example.com/x"}, 70),
        ({"notify_url": "http://127.0.0.1:99999/x"}, 70),
        ({"template": "t", "message": "x"}, 93),
        ({"template": "t", "message": ""}, 104),
    ],
)
def test_what_is_wrong_gets_smsapis_own_code(fields: dict[str, str], code: int) -> None:
    assert error_of(BASE | fields) == code


@pytest.mark.parametrize("sender", ["1234567890123456", "a.b-c&d@e %", "Sklep!+_1", "12345", "Test"])
def test_sender_names_of_the_documents_pattern(sender: str) -> None:
    assert submit_of(BASE | {"from": sender}).sender_id == sender


def test_a_validated_date_that_is_right_is_scheduled() -> None:
    for date_s in (int(WALL_S) + 1, int(WALL_S) + 92 * DAY_S):
        submit = submit_of(BASE | {"date": str(date_s), "date_validate": "1"})
        assert submit.scheduled_ns == NOW.now_ns + int((date_s - WALL_S) * 1e9)
    # Whole seconds of this moment are not in the past.
    assert submit_of(BASE | {"date": str(int(WALL_S)), "date_validate": "1"}).scheduled_ns is None


def test_single_lets_one_part_pass() -> None:
    assert submit_of(BASE | {"message": "x" * 160, "single": "1"}).messages[0].segments == 1
    assert submit_of(BASE | {"message": "x" * 161, "single": "0"}).messages[0].segments == 2


def test_parameters_and_nobody_to_send_them_to() -> None:
    call = ask({"message": "[%1%]", "param1": "", "format": "json"})
    assert isinstance(call, SubmitAction)
    assert call.submit.messages == ()  # the engine says 13


def test_an_unknown_token_is_refused_before_anything_else() -> None:
    call = ask(BASE | {"message": ""})
    assert msgspec.json.decode(answer_to(call, FakeLookups("another")).body)["error"] == 101


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"to": "' + b"\xed\xa0\x80" + b'"}', "application/json"),
        (b"to=%ff&message=x", FORM),
        (b"to=1&message=x&encoding=rot13", FORM),
        (b"to=1&message=x&encoding=%FF", FORM),
        (b"\x00\xff=1", FORM),
    ],
)
def test_a_malformed_body_is_error_8(body: bytes, content_type: str) -> None:
    call = ask(body, content_type=content_type, query="format=json")
    assert isinstance(call, HttpResponse)
    assert call.status == 200
    error = msgspec.json.decode(call.body)
    assert error["error"] == 8
    assert error["message"].startswith("Error in request: ")


def test_a_flag_that_is_off_asks_for_nothing() -> None:
    for changes in (
        {},
        {"idx": "a-1", "check_idx": "1", "from": "Shop", "notify_url": "http://127.0.0.1:9/dlr"},
        {"fast": "1", "allow_duplicates": "1", "expiration_date": str(int(WALL_S) + 3_600)},
    ):
        assert submit_of(BASE | changes) == submit_of(BASE | changes | {"details": "0", "flash": "0"})


def test_report_hosts_allow_only_the_hosts_that_they_name() -> None:
    url = {"notify_url": "https://dlr.example.com/x"}
    settings = SmsapiSettings(report_hosts=("dlr.example.com",))
    assert submit_of(BASE | url, settings=settings).reports.address == url["notify_url"]
    assert error_of(BASE | {"notify_url": "https://other.example.com/"}, settings=settings) == 70


def test_other_requests_of_the_same_endpoint() -> None:
    assert ids_of({"sch_del": "1,2", "format": "json"}) == ([], ["1", "2"])
    assert ids_of({"status": "17,18", "format": "json"}) == (["17", "18"], [])
    assert error_of({"status": "no-id!", "format": "json"}) == 400


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic dXNlcjphYmM=", "abc"),
        ("Basic %%%", ""),
        ("", ""),
    ],
)
def test_tokens(header: str, token: str) -> None:
    assert submit_of(BASE, authorization=header).token == token
    assert submit_of(BASE | {"username": "u", "password": "old"}, authorization="").token == "old"


def test_max_parts_is_read_whole() -> None:
    assert submit_of(BASE | {"max_parts": "0001"}).messages[0].segments == 1
    for value in ("0001999", "0001" + "9" * 5_000, "11", "0"):
        assert error_of(BASE | {"max_parts": value}) == 8


@pytest.mark.parametrize("credentials", ["Qś==", "%%%", "\xff", "/w=="])
def test_basic_credentials_that_are_none_are_no_token(credentials: str) -> None:
    assert header_token(f"Basic {credentials}") == ""
