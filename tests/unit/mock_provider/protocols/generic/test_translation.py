"""The generic JSON API: how requests are read, how answers are written, and how mistakes are described."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest
from protocol_calls import FakeLookups, answer_to

from mock_provider.engine.values import (
    Accepted,
    AcceptedMessage,
    DeliveryReport,
    MessageClass,
    MessageState,
    Refused,
    ReportsWanted,
    SendProgress,
    SendReports,
    Submit,
    SubmitOptions,
    UnparsableNumber,
)
from mock_provider.http.messages import HttpRequest, HttpResponse
from mock_provider.profiles import Profile, load_profile, with_token
from mock_provider.protocols.actions import Instants, SubmitAction
from mock_provider.protocols.generic import GenericApi
from mock_provider.protocols.generic.problems import OTHERS, REFUSALS
from mock_provider.settings.values import Refusal

NOW_NS, NOW_S = 5_000_000_000, 1_800_000_000.0  # the wall says 2027-01-15T08:00:00Z
NOW = Instants(NOW_NS, NOW_S)
TOKEN = "secret"
DOCUMENTATION = Path(__file__).parents[5] / "docs" / "generic-api.md"


def profile(**generic: Any) -> Profile:
    document = load_profile("fast").model_dump(mode="json", exclude_none=True)
    document["throttle"] = {"requests": {"rate_per_s": 10.0, "burst": 25}}
    document["protocol"]["generic"] |= generic
    return with_token(Profile.model_validate(document), TOKEN)


def read(body: object, **generic: Any) -> SubmitAction[HttpResponse]:
    call = read_raw(json.dumps(body).encode(), **generic)
    assert isinstance(call, SubmitAction), refusal_of(call)
    return call


def read_raw(body: bytes, content_type: str = "application/json", **generic: Any) -> object:
    request = HttpRequest("POST", "/v1/messages", "", content_type, f"Bearer {TOKEN}", body)
    return GenericApi(profile(**generic)).read(request, 7, NOW)


def refusal_of(call: object) -> tuple[int, Any]:
    reply = answer_to(call, FakeLookups(TOKEN))
    assert reply.content_type == "application/problem+json"
    return reply.status, json.loads(reply.body)


def one(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"to": "48500100200", "text": "Hi"} | fields]}


def accepted(number: str, submitted: str, reference: str | None = None) -> AcceptedMessage:
    return AcceptedMessage(f"id-{number}", number, submitted, reference, 1, 0.5)


def test_a_request_becomes_one_submit() -> None:
    body = one(to="+48 500 100 200", reference="r-1") | {
        "from": "Shop", "message_class": "otp", "priority": True, "unique_references": True,
        "report_progress": True,
        "report_url": "http://127.0.0.1:1/r", "send_at": "2027-01-15T09:00:10+01:00", "validity_s": 60,
    }  # fmt: skip
    submit = read(body).submit
    (message,) = submit.messages
    assert (message.msisdn, message.submitted_number, message.client_ref) == (
        "48500100200",
        "+48 500 100 200",
        "r-1",
    )
    assert (message.key, message.segments) == ("r-1", 1)
    assert submit == Submit(
        7, "generic", TOKEN, "Shop", (message,),
        options=SubmitOptions(priority=True, refuse_duplicates=True, message_class=MessageClass.OTP),
        reports=ReportsWanted("http://127.0.0.1:1/r", progress=True),
        scheduled_ns=NOW_NS + 10_000_000_000, expires_ns=NOW_NS + 70_000_000_000,
    )  # fmt: skip


def test_fields_that_are_left_out_have_the_profiles_values() -> None:
    submit = read(one(text="#Kk-1# Hi", reference="r-1"), default_sender="Bench").submit
    assert (submit.sender_id, submit.messages[0].key, submit.options.message_class) == (
        "Bench",
        "k-1",
        MessageClass.UNSPECIFIED,
    )
    assert (submit.scheduled_ns, submit.expires_ns, submit.reports.address) == (None, None, "")
    past = read(one() | {"send_at": "0001-01-01T00:00:00+14:00", "expires_at": "2027-01-15T08:00:05Z"}).submit
    assert (past.scheduled_ns, past.expires_ns) == (None, NOW_NS + 5_000_000_000)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "messages", "is required"),
        ({"messages": []}, "messages", "length >= 1"),
        ({"messages": [{"to": "48500100200"}]}, "messages[0].text", "is required"),
        ({"messages": [{"to": 48500100200, "text": "x"}]}, "messages[0].to", "Expected `str`"),
        (one(sender="x"), "messages[0].sender", "known here: to, text, reference"),
        (one(reference=""), "messages[0].reference", "length >= 1"),
        (one() | {"form": "x"}, "form", "known here: messages, from, message_class"),
        (one() | {"from": "Much too long a name"}, "from", "1 to 11 letters"),
        (one() | {"message_class": "spam"}, "message_class", "allowed: otp, transactional, marketing"),
        (one() | {"send_at": "2027-01-15T09:00:00"}, "send_at", "timezone"),
        (one() | {"send_at": "2028-01-15T09:00:00Z"}, "send_at", "92 days"),
        (one() | {"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at", "at most 30 days"),
        (one() | {"expires_at": "2027-01-15T07:00:00Z"}, "expires_at", "later than the time of sending"),
        (one() | {"expires_at": "2027-01-15T09:00:00Z", "validity_s": 9}, "validity_s", "together with"),
        (one() | {"validity_s": 0}, "validity_s", ">= 1"),
        (one() | {"priority": 1}, "priority", "Expected `bool`"),
        (one() | {"report_url": "http://example.com/"}, "report_url", "loopback host"),
    ],
)
def test_a_mistake_is_named_by_its_field_with_what_is_allowed(body: object, field: str, words: str) -> None:
    status, problem = refusal_of(read_raw(json.dumps(body).encode()))
    assert (status, problem["code"]) == (400, "invalid_request")
    (error,) = problem["errors"]
    assert error["field"] == field
    assert words in error["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"messages":[{"to":"1","text":"\\ud800"}]}', b"[" * 100_000]
)
def test_a_body_that_is_no_json(body: bytes) -> None:
    status, problem = refusal_of(read_raw(body))
    assert (status, problem["code"]) in ((400, "malformed_json"), (400, "invalid_request"))


def test_another_media_type_and_too_long_a_text() -> None:
    assert refusal_of(read_raw(b"{}", content_type="text/plain"))[0] == 415
    status, problem = refusal_of(read_raw(json.dumps(one(text="x" * 307)).encode(), max_segments=2))
    assert (status, problem["code"]) == (422, "too_many_segments")
    assert problem["errors"] == [{"field": "messages[0].text", "message": "takes 3 segments; allowed: 2"}]


def test_results_come_in_the_requests_order_with_the_reason_of_each_that_was_left_out() -> None:
    numbers = ["48500100200", "no number", "48500100201", "48500100202"]
    call = read({"messages": [{"to": to, "text": "x", "reference": to[-1]} for to in numbers]})
    assert call.submit.unparsable == (UnparsableNumber("no number", "r"),)
    assert [m.msisdn for m in call.submit.messages] == ["48500100200", "48500100201", "48500100202"]
    answer = Accepted(
        (accepted(numbers[0], numbers[0], "0"), accepted(numbers[3], numbers[3], "2")),
        ("no number",),
        ((1, Refusal.DUPLICATE_REF),),
    )
    reply = call.render(answer)
    body = json.loads(reply.body)
    assert (reply.status, body["accepted"], body["rejected"], body["price"]) == (202, 2, 2, 1.0)
    assert [(m["to"], m["status"], m["code"]) for m in body["messages"]] == [
        (numbers[0], "accepted", None),
        (numbers[1], "rejected", "no_valid_recipient"),
        (numbers[2], "rejected", "duplicate_ref"),
        (numbers[3], "accepted", None),
    ]
    assert [m["id"] for m in body["messages"]] == ["id-48500100200", None, None, "id-48500100202"]


def test_a_request_that_is_only_judged() -> None:
    answer = Accepted((AcceptedMessage("", "48500100200", "48500100200", None, 1, 0.5),))
    reply = read(one() | {"validate_only": True}).render(answer)
    assert (reply.status, json.loads(reply.body)["messages"][0]["id"]) == (200, None)


def test_invalid_numbers_are_named_by_their_fields() -> None:
    call = read({"messages": [{"to": to, "text": "x"} for to in ("48500100200", "123", "456")]})
    reply = call.render(Refused(Refusal.NO_VALID_RECIPIENT, ("123", "456")))
    assert reply.status == 422
    assert [e["field"] for e in json.loads(reply.body)["errors"]] == ["messages[1].to", "messages[2].to"]


def rendered(refused: Refused) -> HttpResponse:
    return read(one()).render(refused)


@pytest.mark.parametrize("refusal", Refusal, ids=lambda refusal: refusal.value)
def test_every_refusal_is_a_problem_with_its_own_code(refusal: Refusal) -> None:
    reply = rendered(Refused(refusal))
    body = json.loads(reply.body)
    assert (reply.status, body["status"], body["code"]) == (REFUSALS[refusal][0],) * 2 + (refusal.value,)
    assert body["title"]
    assert body["type"].endswith(refusal.value)


def test_a_throttle_says_when_to_come_back() -> None:
    reply = rendered(Refused(Refusal.THROTTLED_REQUESTS, (), 1.2))
    assert reply.status == 429
    assert dict(reply.headers) == {
        "Retry-After": "2",
        "RateLimit-Policy": '"requests";q=25;w=3',
        "RateLimit": '"requests";r=0;t=2',
    }
    assert dict(rendered(Refused(Refusal.UNAUTHORIZED)).headers) == {"WWW-Authenticate": "Bearer"}


REPORT = DeliveryReport(
    provider_id="id-1",
    client_ref="r-1",
    msisdn="48500100200",
    sender_id="Shop",
    state=MessageState.UNDELIVERED,
    reason="absent",
    t_state_ns=2_000_000_000,
    segments=1,
    price=0.5,
    mcc="260",
    mnc="06",
    t_sent_ns=1_000_000_000,
)


def test_reports_are_posted_in_one_signed_call() -> None:
    effect = SendReports(1, "http://127.0.0.1:1/r", (REPORT, REPORT), 1, "generic")
    (call,) = GenericApi(profile()).report_calls(effect, 1_800_000_000_000_000_000)
    assert (call.method, call.url, call.confirming_body) == ("POST", effect.address, None)
    assert dict(call.headers) == {
        "X-Signature": "sha256=" + hmac.new(TOKEN.encode(), call.body, hashlib.sha256).hexdigest()
    }
    reports = json.loads(call.body)["reports"]
    assert len(reports) == 2
    assert reports[0] == {
        "id": "id-1", "reference": "r-1", "to": "48500100200", "state": "undelivered", "reason": "absent",
        "segments": 1, "price": 0.5, "sent_at": "2027-01-15T08:00:01Z", "done_at": "2027-01-15T08:00:02Z",
        "mcc": "260", "mnc": "06",
    }  # fmt: skip


def test_progress_is_the_state_sent_and_a_signature_can_be_left_out() -> None:
    open_report = DeliveryReport(
        provider_id="id-1",
        client_ref=None,
        msisdn="48500100200",
        sender_id="Shop",
        state=MessageState.OPEN,
        reason="",
        t_state_ns=1,
        segments=1,
        price=0.5,
        mcc="",
        mnc="",
        t_sent_ns=1,
    )
    effect = SendProgress("http://127.0.0.1:1/r", open_report, "generic")
    (call,) = GenericApi(profile(sign_reports=False)).report_calls(effect, 0)
    assert json.loads(call.body)["reports"][0]["state"] == "sent"
    assert call.headers == ()


def test_the_documentation_lists_every_code_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", DOCUMENTATION.read_text(), re.MULTILINE)
    known = {refusal.value: status for refusal, (status, _) in REFUSALS.items()}
    known |= {code: status for code, (status, _) in OTHERS.items()}
    assert {code: int(status) for status, code in rows} == known
    assert set(REFUSALS) == set(Refusal)
