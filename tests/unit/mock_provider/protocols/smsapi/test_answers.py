"""The shapes SMSAPI answers in, and the calls its delivery reports come in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec
import pytest
from protocol_calls import FakeLookups, answer_to, delivered, smsapi_with

from mock_provider.engine.values import (
    Accepted,
    AcceptedMessage,
    Answer,
    DeliveryReport,
    MessageState,
    Refused,
    SendReports,
)
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.protocols.actions import Instants, SubmitAction
from mock_provider.settings.protocols import SmsapiSettings
from mock_provider.settings.values import Refusal

NOW = Instants(0, 1_800_000_000.9)
ONE = Accepted((AcceptedMessage("1234567890123456789", "48500100200", "500100200", "a-1", 1, 0.165),))


def read(
    fields: dict[str, str], settings: SmsapiSettings, path: str = "/sms.do", method: str = "POST"
) -> object:
    body = urlencode(fields).encode()
    request = HttpRequest(method, path, "", "application/x-www-form-urlencoded", "Bearer t", body)
    return smsapi_with(settings).read(request, 1, NOW)


def answer(given: Answer, settings: SmsapiSettings | None = None, **fields: str) -> HttpResponse:
    """The reply to a send of the default form plus ``fields``."""
    call = read(
        {"to": "500100200", "message": "Hi €", "format": "json"} | fields, settings or SmsapiSettings()
    )
    assert isinstance(call, SubmitAction)
    reply: HttpResponse = call.render(given)
    return reply


def test_a_send_is_answered_in_the_shape_of_the_official_schema() -> None:
    reply = answer(ONE)
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert msgspec.json.decode(reply.body) == {
        "count": 1,
        "list": [
            {
                "id": "1234567890123456789", "points": 0.165,
                "number": "48500100200", "submitted_number": "500100200", "date_sent": 1_800_000_000,
                "status": "QUEUE", "error": None, "idx": "a-1", "parts": 1,
            }
        ],
    }  # fmt: skip


def test_details_add_the_text_its_length_and_its_parts() -> None:
    body = msgspec.json.decode(answer(ONE, details="1").body)
    assert (body["message"], body["length"], body["parts"], body["count"]) == ("Hi €", 5, 1, 1)


def test_settings_decide_what_is_uncertain_about_the_real_service() -> None:
    reply = answer(ONE, SmsapiSettings(points_as="string", send_status=201))
    assert reply.status == 201
    assert msgspec.json.decode(reply.body)["list"][0]["points"] == "0.1650"


def test_each_message_is_answered_with_its_own_price() -> None:
    prices = [0.165, 0.165, 0.33, 0.165, 0.0]
    messages = tuple(AcceptedMessage(str(n), "48500100200", "", None, 1, p) for n, p in enumerate(prices))
    body = msgspec.json.decode(answer(Accepted(messages)).body)
    assert [(item["id"], item["points"]) for item in body["list"]] == [
        (str(n), price) for n, price in enumerate(prices)
    ]


def test_a_scheduled_message_is_dated_when_it_will_be_sent() -> None:
    body = msgspec.json.decode(answer(ONE, date="1800000600").body)
    assert body["list"][0]["date_sent"] == 1_800_000_600


def test_the_text_form() -> None:
    two = Accepted((ONE.messages[0], AcceptedMessage("9", "48500100201", "500100201", None, 2, 0.33)))
    assert answer(two, format="").body == b"OK:1234567890123456789:0.165;OK:9:0.33"
    assert answer(Refused(Refusal.NO_CREDIT), format="").body == b"ERROR:103"


def test_good_numbers_are_answered_beside_the_bad_ones() -> None:
    body = msgspec.json.decode(answer(Accepted(ONE.messages, ("100200300",))).body)
    assert body["count"] == 1
    assert body["invalid_numbers"] == [
        {"number": "48100200300", "submitted_number": "100200300", "message": "Invalid phone number"}
    ]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Refusal.UNAUTHORIZED, 101),
        (Refusal.ACCOUNT_SUSPENDED, 98),
        (Refusal.NO_CREDIT, 103),
        (Refusal.SENDER_NOT_ALLOWED, 14),
        (Refusal.NO_VALID_RECIPIENT, 13),
        (Refusal.TOO_MANY_RECIPIENTS, 19),
        (Refusal.DUPLICATE_REF, 53),
        (Refusal.RECIPIENT_FLOOD, 52),
        (Refusal.THROTTLED_REQUESTS, 202),
        (Refusal.THROTTLED_SEGMENTS, 202),
        (Refusal.QUEUE_FULL, 200),
        (Refusal.REJECTED, 200),
        (Refusal.INTERNAL_ERROR, 201),
    ],
)
def test_refusals_are_errors_at_http_200(reason: Refusal, code: int) -> None:
    reply = answer(Refused(reason))
    assert reply.status == 200
    assert msgspec.json.decode(reply.body)["error"] == code


def test_every_refusal_has_an_answer() -> None:
    for reason in Refusal:
        assert answer(Refused(reason)).status in (200, 503)


def test_the_throttle_answer_may_be_http_429() -> None:
    refused = Refused(Refusal.THROTTLED_SEGMENTS, retry_after_s=0.2)
    reply = answer(refused, SmsapiSettings(throttle_answer="http_429"))
    assert reply.status == 429
    assert reply.headers == ()
    hinting = answer(refused, SmsapiSettings(throttle_answer="http_429", retry_after=True))
    assert hinting.headers == (("Retry-After", "1"),)
    assert msgspec.json.decode(reply.body) == {
        "message": "Too many requests", "error": "too_many_requests", "developer_description": None,
        "errors": [],
    }  # fmt: skip


def test_removal_status_balance_and_profile() -> None:
    settings = SmsapiSettings()
    removal = read({"sch_del": "1", "format": "json"}, settings)
    removed = msgspec.json.decode(answer_to(removal, FakeLookups("t")).body)
    assert removed == {"count": 1, "list": [{"id": "1"}]}
    nothing = msgspec.json.decode(answer_to(removal, FakeLookups("t", cancels=False)).body)
    assert nothing == {"error": 301, "message": "Not exists ID message"}

    status = read({"status": "1,2", "format": "json"}, settings)
    body = msgspec.json.decode(answer_to(status, FakeLookups("t", [delivered("1")])).body)
    assert [(m["id"], m["status"]) for m in body["list"]] == [("1", "DELIVERED"), ("2", "NOT_FOUND")]
    assert [m["date_sent"] for m in body["list"]] == [1_800_000_001, 0]
    as_text = read({"status": "1,2"}, settings)
    assert answer_to(as_text, FakeLookups("t", [delivered("1")])).body == b"OK:1:404;OK:2:401"

    balance = read({"credits": "1", "details": "1", "format": "json"}, settings, path="/user.do")
    shown = msgspec.json.decode(answer_to(balance, FakeLookups("t")).body)
    assert (shown["points"], shown["proCount"]) == (100.0, 606)

    profile = read({}, settings, path="/profile", method="GET")
    assert msgspec.json.decode(answer_to(profile, FakeLookups("t")).body)["points"] == 100.0
    refused = answer_to(profile, FakeLookups("another"))
    assert refused.status == 401
    assert msgspec.json.decode(refused.body)["error"] == "authorization_failed"

    ping = read({}, settings, path="/ping", method="GET")
    authorized = [answer_to(ping, FakeLookups(token)).body for token in ("t", "another")]
    assert [msgspec.json.decode(each)["authorized"] for each in authorized] == [True, False]


def report(number: int, reference: str | None = None) -> DeliveryReport:
    state = MessageState.DELIVERED if number % 2 == 0 else MessageState.EXPIRED
    return DeliveryReport(
        provider_id=f"{10**18 + number}",
        client_ref=reference,
        msisdn=f"48500{number:06}",
        sender_id="Shop",
        state=state,
        reason="",
        t_state_ns=2_000_000_000,
        segments=1,
        price=0.165,
        mcc="260",
        mnc="01",
        t_sent_ns=1_000_000_000,
    )


def test_reports_are_parallel_lists_in_one_url() -> None:
    effect = SendReports(
        1, "http://127.0.0.1:9/dlr?secret=x", (report(0, "a-1"), report(1, "b c,d")), 1, "smsapi"
    )
    (call,) = smsapi_with().report_calls(effect, 1_700_000_000_000_000_000)
    assert (call.method, call.confirming_body) == ("GET", b"OK")
    query = {name: values[0] for name, values in parse_qs(urlsplit(call.url).query).items()}
    assert query == {
        "secret": "x",
        "MsgId": "1000000000000000000,1000000000000000001",
        "status": "404,402",
        "status_name": "DELIVERED,EXPIRED",
        "idx": "a-1,b c,d",
        "donedate": "1700000002,1700000002",
        "sent_at": "1700000001,1700000001",
        "to": "48500000000,48500000001",
        "from": "Shop",
        "points": "0.165",
        "parts": "1",
        "mcc": "260",
        "mnc": "01",
        "username": "smsbench",
    }


def test_a_batch_too_long_for_a_request_line_is_split_and_nothing_is_lost() -> None:
    reports = tuple(report(n, "r" * (n % 200)) for n in range(700))
    effect = SendReports(1, "http://127.0.0.1:9/dlr", reports, 1, "smsapi")
    calls = smsapi_with(SmsapiSettings(report_url_bytes=2_000)).report_calls(effect, 0)
    assert all(len(call.url) <= 2_000 for call in calls)
    ids = [i for call in calls for i in parse_qs(urlsplit(call.url).query)["MsgId"][0].split(",")]
    assert ids == [r.provider_id for r in reports]


def test_a_single_report_longer_than_the_limit_goes_alone() -> None:
    effect = SendReports(
        1, "http://127.0.0.1:9/dlr", tuple(report(n, "ż" * 250) for n in range(3)), 1, "smsapi"
    )
    assert len(smsapi_with(SmsapiSettings(report_url_bytes=500)).report_calls(effect, 0)) == 3
