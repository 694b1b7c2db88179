"""Replies of the generic API, code by code: the outcome of each message of a request."""

from __future__ import annotations

import json

import pytest
from messages import made_message
from nanoseconds import S

from reference_sender.dispatch.values import Lane, Message, Outcome, Result
from reference_sender.routes.generic.replies import results
from reference_sender.routes.protocol import NoReply, ProviderReply


def messages(count: int) -> list[Message]:
    return [made_message(number, lane=Lane.OTP, sender_id="", expires_ns=300 * S) for number in range(count)]


def problem(code: str | None, status: int = 422, retry_after: str | None = None) -> ProviderReply:
    body = json.dumps({"title": "refused"} if code is None else {"code": code}).encode()
    return ProviderReply(status=status, body=body, retry_after=retry_after)


def accepted(*items: dict[str, str]) -> ProviderReply:
    return ProviderReply(status=202, body=json.dumps({"messages": items}).encode())


# The outcome of a request of one message, and of each message of a larger request.
OF_CODES = {
    "throttled_segments": (Outcome.THROTTLED, Outcome.THROTTLED),
    "no_credit": (Outcome.ROUTE_DOWN, Outcome.ROUTE_DOWN),
    "unavailable": (Outcome.RETRYABLE, Outcome.RETRYABLE),
    "duplicate_ref": (Outcome.ALREADY_ACCEPTED, Outcome.SPLIT),
    "quiet_hours": (Outcome.DEFERRED, Outcome.SPLIT),
    "no_valid_recipient": (Outcome.PERMANENT, Outcome.SPLIT),
}


@pytest.mark.parametrize("code", OF_CODES)
def test_a_problem_is_of_every_message_of_the_request(code: str) -> None:
    alone, together = OF_CODES[code]
    (one,) = results(messages(1), problem(code))
    assert (one.outcome, one.reason) == (alone, code)
    assert [(each.outcome, each.reason) for each in results(messages(3), problem(code))] == [
        (together, code)
    ] * 3


@pytest.mark.parametrize("code", ["throttled_segments", "unavailable", "recipient_flood"])
def test_the_provider_says_when_to_try_again(code: str) -> None:
    (one,) = results(messages(1), problem(code, retry_after="7"))
    assert one.retry_after_s == 7.0


def test_without_a_code_the_status_decides() -> None:
    assert results(messages(1), problem(None, status=503)) == [Result(Outcome.RETRYABLE, reason="http_503")]
    (one, other) = results(messages(2), problem(None, status=400))
    assert one == other == Result(Outcome.SPLIT, reason="http_400")


def test_each_message_of_an_accepted_request_has_its_own_result() -> None:
    reply = accepted(
        {"status": "rejected", "reference": "k-2", "code": "quiet_hours"},
        {"status": "accepted", "reference": "k-0", "id": "p-0"},
        {"status": "rejected", "reference": "k-3"},
    )
    assert results(messages(4), reply) == [
        Result(Outcome.ACCEPTED, provider_id="p-0"),
        Result(Outcome.UNKNOWN, reason="missing_in_reply"),
        Result(Outcome.DEFERRED, reason="quiet_hours"),
        Result(Outcome.PERMANENT, reason="rejected"),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        ProviderReply(status=202, body=b"<html>"),
        ProviderReply(status=202, body=b'{"messages": 1}'),
        ProviderReply(failure=NoReply.NO_ANSWER),
    ],
)
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(reply: ProviderReply) -> None:
    assert {each.outcome for each in results(messages(2), reply)} == {Outcome.UNKNOWN}
