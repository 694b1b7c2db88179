"""SMSAPI's formats, row by row: request bodies, replies, report calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from messages import made_message
from nanoseconds import S

from reference_sender.dispatch.values import Lane, Message, Outcome, Report, State
from reference_sender.routes.protocol import MAX_REPORTS, MalformedReport, NoReply, ProviderReply
from reference_sender.routes.smsapi.replies import results
from reference_sender.routes.smsapi.reports import reports
from reference_sender.routes.smsapi.requests import body_of, in_one_request

NOW_NS = 1_800_000_000 * S
URL = "http://127.0.0.1:1/v1/reports/smsapi/s"


def message(number: int, text: str = "hello", lane: Lane = Lane.MARKETING, life_s: int = 300) -> Message:
    expires_ns = NOW_NS + life_s * S
    return made_message(
        number, to=f"4850010020{number}", text=text, lane=lane, created_ns=NOW_NS, expires_ns=expires_ns
    )


def fields(*messages: Message) -> dict[str, Any]:
    decoded = json.loads(body_of(messages, URL, "Own", NOW_NS))
    assert isinstance(decoded, dict)
    return decoded


def test_the_expiration_date_goes_by_the_wall_clock() -> None:
    hour_ns = 3_600 * S
    ahead = json.loads(body_of([message(1, life_s=3_600)], URL, "Test", NOW_NS, hour_ns))
    behind = json.loads(body_of([message(1, life_s=3_600)], URL, "Test", NOW_NS, -hour_ns))
    assert ahead["expiration_date"] == NOW_NS // S + 7_200
    assert behind["expiration_date"] == NOW_NS // S


def test_one_message() -> None:
    assert fields(message(1, "zażółć | [%1%]")) == {
        "to": "48500100201",
        "from": "Test",
        "message": "zażółć | [%1%]",
        "format": "json",
        "idx": "k-1",
        "check_idx": 1,
        "allow_duplicates": 1,
        "notify_url": URL,
    }


def test_one_text_for_many_recipients_is_sent_once() -> None:
    sent = fields(message(1), message(2))
    assert (sent["to"], sent["idx"], sent["message"]) == ("48500100201,48500100202", "k-1|k-2", "hello")
    assert "param1" not in sent


def test_differing_texts_travel_as_a_parameter() -> None:
    sent = fields(message(1, "one"), message(2, "two, too"))
    assert (sent["message"], sent["param1"]) == ("[%1%]", "one|two, too")


def test_only_otps_take_the_fast_route() -> None:
    assert fields(message(1, lane=Lane.OTP))["fast"] == 1
    assert "fast" not in fields(message(1, lane=Lane.TRANSACTIONAL))


@pytest.mark.parametrize(
    ("lives_s", "expected"),
    [
        ([300], None),  # below SMSAPI's 15 minutes
        ([86_400], 1_800_086_400),
        ([72 * 3600], None),  # above what its tolerance leaves of 72 hours
        ([86_400, 86_400 + 240], 1_800_086_640),  # within the tolerance: the longest life counts
        ([86_400, 90_000], None),  # no one value is right for both
    ],
)
def test_expiry_is_passed_on_where_smsapi_can_keep_it(lives_s: list[int], expected: int | None) -> None:
    batch = [message(n, life_s=life_s) for n, life_s in enumerate(lives_s)]
    assert fields(*batch).get("expiration_date") == expected


def test_texts_that_a_parameter_cannot_hold_are_sent_alone() -> None:
    plain, bar, placeholder, other = message(1), message(2, "a|b"), message(3, "[%2%]"), message(4, "b")
    assert in_one_request([bar, plain, placeholder, other]) == [plain, other]
    assert in_one_request([bar, placeholder]) == [bar]
    same = [message(1, "a|b"), message(2, "a|b")]
    assert in_one_request(same) == same


def ok(*items: dict[str, Any], **more: Any) -> ProviderReply:
    return ProviderReply(200, json.dumps({"count": len(items), "list": items, **more}).encode())


def item(number: int, **more: Any) -> dict[str, Any]:
    to = f"4850010020{number}"
    return {
        "id": f"p{number}",
        "idx": f"k-{number}",
        "number": to,
        "submitted_number": to,
        "error": None,
    } | more


def error(code: int | str, status: int = 200, retry_after: str | None = None) -> ProviderReply:
    return ProviderReply(status, json.dumps({"error": code, "message": "no"}).encode(), retry_after)


ONE = [message(1)]
TWO = [message(1), message(2)]

SUCCESS = {
    "in the request's order": (ok(item(1), item(2)), ["accepted p1", "accepted p2"]),
    "in any other order": (ok(item(2), item(1)), ["accepted p1", "accepted p2"]),
    "at HTTP 201": (ProviderReply(201, ok(item(1), item(2)).body), ["accepted p1", "accepted p2"]),
    "a number for an id": (ok(item(1, id=17), item(2)), ["accepted 17", "accepted p2"]),
    "without idx, by number": (ok(item(2, idx=None), item(1, idx=None)), ["accepted p1", "accepted p2"]),
    "a number refused by name": (
        ok(item(1), invalid_numbers=[{"number": "48500100202", "submitted_number": "48500100202"}]),
        ["accepted p1", "permanent"],
    ),
    "a message left out": (ok(item(1)), ["accepted p1", "unknown"]),
    "an error in the item": (ok(item(1, error=14), item(2)), ["permanent", "accepted p2"]),
    "an empty list": (ok(), ["unknown", "unknown"]),
}


@pytest.mark.parametrize("case", SUCCESS)
def test_a_list_is_matched_message_by_message(case: str) -> None:
    reply, expected = SUCCESS[case]
    found = results(TWO, reply)
    assert [f"{r.outcome.value} {r.provider_id or ''}".strip() for r in found] == expected


def test_a_number_that_occurs_twice_without_idx_has_an_unknown_outcome() -> None:
    twins = [message(1), made_message(2, to="48500100201", expires_ns=1)]
    reply = ok(item(1, idx=None), item(1, idx=None, id="p2"))
    assert [r.outcome for r in results(twins, reply)] == [Outcome.UNKNOWN, Outcome.UNKNOWN]


ANSWERS = [
    # reply, for one message, for a batch
    (error(53), "already_accepted", "split"),
    (error(13), "permanent", "permanent"),
    (error(202), "throttled", "throttled"),
    (error(203), "throttled", "throttled"),
    (error(52), "deferred", "split"),
    (error(19), "permanent", "split"),
    (error(11), "permanent", "split"),
    (error(14), "permanent", "split"),
    (error(112), "permanent", "split"),
    (error(200), "retryable", "retryable"),
    (error(201), "retryable", "retryable"),
    (error(666), "retryable", "retryable"),
    (error(997), "retryable", "retryable"),
    (error(999), "retryable", "retryable"),
    (error(96), "route_down", "route_down"),
    (error(98), "route_down", "route_down"),
    (error(101), "route_down", "route_down"),
    (error(102), "route_down", "route_down"),
    (error(103), "route_down", "route_down"),
    (error(105), "route_down", "route_down"),
    (error(110), "route_down", "route_down"),
    (error("101"), "route_down", "route_down"),
    (error("authorization_failed", 401), "route_down", "route_down"),
    (error("too_many_requests", 429), "throttled", "throttled"),
    (error("x", 403), "route_down", "route_down"),
    (error("x", 404), "route_down", "route_down"),
    (error("x", 400), "permanent", "split"),
    (error("x", 413), "permanent", "split"),
    (error("x", 408), "unknown", "unknown"),
    (error("x", 500), "retryable", "retryable"),
    (error("x", 502), "unknown", "unknown"),
    (error("x", 503), "retryable", "retryable"),
    (error("x", 504), "unknown", "unknown"),
    (ProviderReply(302), "unknown", "unknown"),
    (ProviderReply(200, b"<html>hello</html>"), "unknown", "unknown"),
    (ProviderReply(200, b"OK:1:0.1"), "unknown", "unknown"),
    (ProviderReply(200, b"\xff\xfe"), "unknown", "unknown"),
    (ProviderReply(200, b""), "unknown", "unknown"),
    (ProviderReply(200, b"{}"), "unknown", "unknown"),
    (error("who knows"), "unknown", "unknown"),
    (ProviderReply(failure=NoReply.NOT_SENT), "retryable", "retryable"),
    (ProviderReply(failure=NoReply.NO_ANSWER), "unknown", "unknown"),
]


@pytest.mark.parametrize(("reply", "alone", "batch"), ANSWERS, ids=lambda value: str(value)[:60])
def test_a_reply_without_a_list_gives_all_messages_the_same_outcome(
    reply: ProviderReply, alone: str, batch: str
) -> None:
    assert [r.outcome.value for r in results(ONE, reply)] == [alone]
    assert [r.outcome.value for r in results(TWO, reply)] == [batch, batch]


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), (None, None), ("Thu, 01 Jan 1970 00:00:07 GMT", 7.0), ("-1", None)]
)
def test_retry_after_is_passed_on(header: str | None, seconds: float | None) -> None:
    for reply in (error("x", 429, header), error("x", 503, header), error(202, 200, header)):
        assert results(ONE, reply)[0].retry_after_s == seconds


def test_a_reply_that_was_not_read_to_its_end_leaves_the_outcome_open() -> None:
    for failure in (NoReply.NO_ANSWER, NoReply.TOO_LARGE):
        found = results(TWO, ProviderReply(failure=failure))
        assert [(r.outcome, r.reason) for r in found] == [(Outcome.UNKNOWN, failure.value)] * 2


@pytest.mark.parametrize("keys", ["k-1", "k-1,k-2,k-3", "k-1,k-2,k-3,k-4,", ",,,,,,"])
def test_keys_of_another_count_are_ignored(keys: str) -> None:
    assert reports(f"MsgId=a,b&status=404&idx={keys}") == [
        Report("a", None, State.DELIVERED, ""),
        Report("b", None, State.DELIVERED, ""),
    ]


def test_a_call_has_a_limit_of_reports_and_of_escapes() -> None:
    most = ",".join(["a"] * MAX_REPORTS)
    assert len(reports(f"MsgId={most}&status=404")) == MAX_REPORTS
    assert len(reports(f"MsgId={most.replace(',', '%2C')}&status=404")) == MAX_REPORTS
    with pytest.raises(MalformedReport, match="at most 10000 reports"):
        reports(f"MsgId={most},a&status=404")
    with pytest.raises(MalformedReport, match="escapes"):
        reports(f"MsgId=a&status=404&idx={'%41' * 300_000}")


@pytest.mark.parametrize(
    ("life_s", "passed_on"),
    [(20 * 60 - 1, False), (20 * 60, True), (72 * 3600 - 300, True), (72 * 3600 - 299, False)],
)
def test_the_first_and_the_last_expiry_that_smsapi_can_keep(life_s: int, passed_on: bool) -> None:
    assert ("expiration_date" in fields(message(1, life_s=life_s))) is passed_on


def test_a_report_call_of_parallel_lists() -> None:
    query = "MsgId=a,b,c&status=404,402,403&idx=k-1,k-2,k-3&donedate=1,2,3&username=me"
    assert reports(query) == [
        Report("a", "k-1", State.DELIVERED, ""),
        Report("b", "k-2", State.EXPIRED, "expired"),
        Report("c", "k-3", State.SENT, "sent"),
    ]


def test_one_status_applies_to_all_messages_and_one_key_to_none() -> None:
    found = reports("MsgId=a,b&status=404&idx=k-1")
    assert [(report.provider_id, report.key) for report in found] == [("a", None), ("b", None)]
    assert [report.state for report in found] == [State.DELIVERED] * 2
    assert reports("MsgId=a,b,c&status=404&idx=k-1,k-2")[0].key is None
    assert reports("MsgId=a&status=404&idx=k-1")[0].key == "k-1"
    assert [report.key for report in reports("MsgId=a,b&status=404&idx=")] == [None, None]


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (401, State.FAILED),
        (402, State.EXPIRED),
        (403, State.SENT),
        (404, State.DELIVERED),
        (405, State.FAILED),
        (406, State.FAILED),
        (407, State.FAILED),
        (408, State.EXPIRED),  # the provider has no report: see test_a_report_that_says_unknown
        (409, State.SENT),
        (410, State.SENT),
        (411, State.SENT),
        (412, State.FAILED),
        (499, State.SENT),  # a code nobody has told us of ends nothing
    ],
)
def test_report_codes(code: int, state: State) -> None:
    assert reports(f"MsgId=a&status={code}")[0].state is state


def test_report_values_are_unquoted() -> None:
    assert reports("MsgId=a%2Cb&status=404%2C404&idx=x%20y%2Cz")[0].key == "x y"
    assert [each.key for each in reports("MsgId=a,b,c&status=404&idx=x%252Cy%2cz+z%2C%E2%82%AC")] == [
        "x%2Cy",
        "z z",
        "\N{EURO SIGN}",
    ]


@pytest.mark.parametrize("query", ["", "MsgId=a", "status=404", "MsgId=&status=404"])
def test_a_call_without_message_or_status_is_refused(query: str) -> None:
    with pytest.raises(MalformedReport):
        reports(query)
