"""Twilio's formats, row by row: requests, replies, callbacks, lookups."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from urllib.parse import parse_qs, urlencode

import pytest
from messages import made_message
from nanoseconds import S
from twilio.request_validator import RequestValidator

from reference_sender.dispatch.values import Lane, Message, Outcome, State
from reference_sender.routes.protocol import (
    MalformedReport,
    NoReply,
    ProviderReply,
    ReportRequest,
    RouteAccount,
)
from reference_sender.routes.twilio import TwilioFormat
from reference_sender.routes.twilio.replies import result_of

NOW_NS = 1_800_000_000 * S
SERVICE = "MG" + "a" * 32
REPORTS = "https://sms.example.com:8443/v1/reports/twilio/secret"


def twilio(sender_id: str = "+15017122661") -> TwilioFormat:
    return TwilioFormat(RouteAccount("https://h/2010-04-01", "AC1", "token", sender_id, REPORTS))


def message(text: str = "hello", sender_id: str = "", life_s: int = 300) -> Message:
    at_ns = NOW_NS
    return made_message(
        1, text=text, lane=Lane.OTP, sender_id=sender_id, created_ns=at_ns, expires_ns=at_ns + life_s * S
    )


def form(one: Message, sender_id: str = "+15017122661") -> dict[str, str]:
    request = twilio(sender_id).encode([one], NOW_NS)
    assert request.url == "https://h/2010-04-01/Accounts/AC1/Messages.json"
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def test_one_message() -> None:
    assert form(message("zażółć & co")) == {
        "To": "+48500100200",
        "From": "+15017122661",
        "Body": "zażółć & co",
        "StatusCallback": f"{REPORTS}?key=k-1",
        "ValidityPeriod": "300",
    }


def test_a_sender_of_the_message_goes_before_the_route_s_and_a_service_has_a_field_of_its_own() -> None:
    assert form(message(sender_id="Shop"))["From"] == "Shop"
    by_service = form(message(), SERVICE)
    assert by_service["MessagingServiceSid"] == SERVICE
    assert "From" not in by_service


def test_a_validity_beyond_twilio_s_longest_is_not_sent() -> None:
    assert "ValidityPeriod" not in form(message(life_s=36_000))
    assert form(message(life_s=35_999))["ValidityPeriod"] == "35999"


def error(code: int | None, status: int) -> ProviderReply:
    return ProviderReply(status, b"<html>" if code is None else json.dumps({"code": code}).encode(), "7")


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (ProviderReply(201, b'{"sid": "SM1"}'), Outcome.ACCEPTED),
        (ProviderReply(201, b"{}"), Outcome.UNKNOWN),
        (ProviderReply(201, b"<html>"), Outcome.UNKNOWN),
        (error(20429, 429), Outcome.THROTTLED),
        (error(None, 429), Outcome.THROTTLED),
        (error(21611, 429), Outcome.THROTTLED),
        (error(14107, 429), Outcome.DEFERRED),
        (error(30610, 400), Outcome.DEFERRED),
        (error(63038, 429), Outcome.ROUTE_DOWN),
        (error(20003, 401), Outcome.ROUTE_DOWN),
        (error(20404, 404), Outcome.ROUTE_DOWN),
        (error(21211, 400), Outcome.PERMANENT),
        (error(21610, 400), Outcome.PERMANENT),
        (error(20500, 500), Outcome.UNKNOWN),
        (error(20503, 503), Outcome.UNKNOWN),
        (error(None, 502), Outcome.UNKNOWN),
        (error(None, 408), Outcome.UNKNOWN),
        (error(None, 302), Outcome.UNKNOWN),
        (ProviderReply(failure=NoReply.NOT_SENT), Outcome.RETRYABLE),
        (ProviderReply(failure=NoReply.NO_ANSWER), Outcome.UNKNOWN),
        (ProviderReply(failure=NoReply.TOO_LARGE), Outcome.UNKNOWN),
    ],
    ids=str,
)
def test_replies(reply: ProviderReply, outcome: Outcome) -> None:
    assert result_of(reply).outcome is outcome


@pytest.mark.parametrize(
    ("status", "code", "state"),
    [
        ("queued", "", State.SENT),
        ("sent", "", State.SENT),
        ("delivered", "", State.DELIVERED),
        ("undelivered", "30003", State.FAILED),
        ("failed", "30036", State.EXPIRED),
        ("failed", "30001", State.FAILED),
        ("canceled", "", State.FAILED),
        ("something new", "", State.SENT),
    ],
)
def test_callbacks_signed_by_the_official_library(status: str, code: str, state: State) -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": status, "Body": "ż", "ErrorCode": code}
    url = f"{REPORTS}?key=k-1"
    for signed_url in (url, url.replace(":8443", "")):  # Twilio omits the port
        signed = RequestValidator("token").compute_signature(signed_url, fields)
        request = ReportRequest("POST", url, {"X-Twilio-Signature": signed}, urlencode(fields).encode())
        (report,) = twilio().read_reports(request)
        assert (report.provider_id, report.key, report.state) == ("SM1", "k-1", state)


def test_a_callback_without_a_status_is_refused() -> None:
    signed = RequestValidator("token").compute_signature(REPORTS, {"MessageSid": "SM1"})
    with pytest.raises(MalformedReport):
        twilio().read_reports(
            ReportRequest("POST", REPORTS, {"X-Twilio-Signature": signed}, b"MessageSid=SM1")
        )


@pytest.mark.parametrize("body", [b"MessageSid=\xff", b"&".join([b"a=1"] * 201)], ids=["not UTF-8", "long"])
def test_a_callback_that_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedReport, match="the form cannot be read"):
        twilio().read_reports(ReportRequest("POST", REPORTS, {}, body))


def listed(sid: str, at_s: int, **changes: object) -> dict[str, object]:
    values = {"sid": sid, "to": "+48500100200", "from": "+15017122661", "body": "hello", "status": "queued"}
    return values | {"date_created": formatdate(at_s)} | changes


def page(*messages: dict[str, object], date_s: int | None = None, received_s: float = 0.0) -> ProviderReply:
    date = None if date_s is None else formatdate(date_s, usegmt=True)
    return ProviderReply(200, json.dumps({"messages": messages}).encode(), None, date, received_s)


def test_a_lookup_finds_the_message_by_number_sender_text_and_time() -> None:
    lookup = twilio().lookup
    assert lookup is not None
    assert "To=%2B48500100200" in lookup.request(message()).url
    reply = page(
        listed("later", 1_005),
        listed("own", 1_000, status="delivered"),
        listed("earlier", 990),
        listed("other text", 1_000, body="bye"),
        listed("other sender", 1_000, **{"from": "+1999"}),
        listed("other number", 1_000, to="+48500100201"),
        listed("without a date", 1_000, date_created="?"),
    )
    found = lookup.found(message(), 1_000.0, reply)
    assert found is not None
    assert [(report.provider_id, report.key) for report in found] == [("own", "k-1"), ("later", "k-1")]
    assert [report.state for report in found] == [State.DELIVERED, State.SENT]


def test_a_lookup_goes_by_the_provider_s_clock() -> None:
    lookup = twilio().lookup
    assert lookup is not None
    behind = page(listed("own", 400), date_s=410, received_s=1_010.0)
    found = lookup.found(message(), 1_000.0, behind)
    assert found is not None
    assert [report.provider_id for report in found] == ["own"]


@pytest.mark.parametrize("machine", ["America/New_York", "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize("zone", ["+0000", "-0000", "GMT"])
def test_a_lookup_does_not_go_by_the_zone_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, machine: str, zone: str
) -> None:
    lookup = twilio().lookup
    assert lookup is not None
    dates = {sid: f"Thu, 01 Jan 1970 00:16:{second} {zone}" for sid, second in (("own", 40), ("earlier", 30))}
    reply = page(*(listed(sid, 0, date_created=date) for sid, date in dates.items()))
    try:
        with monkeypatch.context() as changed:
            changed.setenv("TZ", machine)
            time.tzset()
            found = lookup.found(message(), 1_000.0, reply)
    finally:
        time.tzset()
    assert found is not None
    assert [report.provider_id for report in found] == ["own"]


@pytest.mark.parametrize(
    "reply", [ProviderReply(failure=NoReply.NO_ANSWER), ProviderReply(500), ProviderReply(200, b"<html>")]
)
def test_a_lookup_without_a_list_says_nothing(reply: ProviderReply) -> None:
    lookup = twilio().lookup
    assert lookup is not None
    assert lookup.found(message(), 0.0, reply) is None
