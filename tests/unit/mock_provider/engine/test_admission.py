from __future__ import annotations

from typing import Any, Literal

import pytest
from virtual import virtual_provider

from mock_provider.engine.draws import id_of
from mock_provider.engine.values import Accepted, UnparsableNumber
from mock_provider.settings.values import Refusal
from mock_provider.testing import VirtualProvider


def refusal(provider: VirtualProvider, request: int) -> Refusal:
    return provider.refused(request).reason


@pytest.mark.parametrize(
    ("sections", "fields", "reason"),
    [
        ({}, {"token": "unknown"}, Refusal.UNAUTHORIZED),
        ({"account": {"suspended": True}}, {}, Refusal.ACCOUNT_SUSPENDED),
        ({"account": {"sender_names": ["Shop"]}}, {"sender_id": "Bank"}, Refusal.SENDER_NOT_ALLOWED),
        ({"account": {"balance_points": 0.09}}, {}, Refusal.NO_CREDIT),
        ({"carriers": [{"name": "de", "country": "DE"}]}, {}, Refusal.NO_VALID_RECIPIENT),
        ({"numbers": {"invalid_share": 1.0}}, {}, Refusal.NO_VALID_RECIPIENT),
        (
            {"reply": {"errors": [{"refusal": "internal_error", "share": 1.0}]}},
            {},
            Refusal.INTERNAL_ERROR,
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Refusal) else "",
)
def test_refused_for_its_reason_and_nothing_taken(
    sections: dict[str, Any], fields: dict[str, Any], reason: Refusal
) -> None:
    p = virtual_provider(**sections)
    request = p.send(0, "k", **fields)
    p.run()
    assert refusal(p, request) is reason
    assert p.engine.state().accepted == 0

    assert p.calls == []
    row = p.row("k")
    assert (row.state, row.reason, row.submits, row.accepts) == ("rejected", reason.value, 1, 0)


def test_request_rate_is_a_bucket_with_its_wait() -> None:
    p = virtual_provider(throttle={"requests": {"rate_per_s": 10, "burst": 2}})
    requests = [p.send(0, f"k{n}") for n in range(3)]
    assert [type(p.replies[r]) is Accepted for r in requests] == [True, True, False]
    refused = p.refused(requests[2])
    assert refused.reason is Refusal.THROTTLED_REQUESTS
    assert refused.retry_after_s == pytest.approx(0.1)
    assert type(p.replies[p.send(0.1, "k2")]) is Accepted


def test_segments_are_limited_apart_from_requests() -> None:
    p = virtual_provider(throttle={"segments": {"rate_per_s": 10, "burst": 5}})
    assert type(p.replies[p.send(0, {"key": "a", "segments": 4})]) is Accepted
    assert refusal(p, p.send(0, {"key": "b", "segments": 2})) is Refusal.THROTTLED_SEGMENTS
    assert type(p.replies[p.send(0.1, {"key": "b", "segments": 2})]) is Accepted


def test_more_segments_than_the_burst_never_pass() -> None:
    p = virtual_provider(throttle={"segments": {"rate_per_s": 10, "burst": 5}})
    request = p.send(1000, {"key": "a", "segments": 6})
    assert refusal(p, request) is Refusal.THROTTLED_SEGMENTS
    assert p.refused(request).retry_after_s is None


def test_accept_queue_is_bounded_in_segments() -> None:
    p = virtual_provider(accept_queue={"drain_segments_per_s": 1, "capacity_segments": 3})
    for n in range(4):  # the first passes at once
        assert type(p.replies[p.send(0, f"k{n}")]) is Accepted
    assert refusal(p, p.send(0, "over")) is Refusal.QUEUE_FULL
    assert type(p.replies[p.send(1, "later")]) is Accepted


def test_invalid_numbers_are_left_out_of_a_request() -> None:
    carriers = [{"name": "pl", "country": "PL"}]
    p = virtual_provider(carriers=carriers)
    german = {"key": "de", "msisdn": "4915112345678"}
    answer = p.replies[p.send(0, "pl", german, unparsable=(UnparsableNumber("x"),))]
    assert isinstance(answer, Accepted)
    assert [m.msisdn for m in answer.messages] == ["48600100200"]
    assert answer.invalid_numbers == ("x", "4915112345678")
    assert p.row("de").reason == "no_valid_recipient"

    strict = virtual_provider(carriers=carriers, protocol={"smsapi": {"partial_rejection": False}})
    assert refusal(strict, strict.send(0, "pl", german)) is Refusal.NO_VALID_RECIPIENT


def test_too_many_recipients_count_unreadable_ones() -> None:
    p = virtual_provider(protocol={"smsapi": {"max_recipients_per_request": 2}})
    assert type(p.replies[p.send(0, "a", "b")]) is Accepted
    assert refusal(p, p.send(0, "c", "d", unparsable=(UnparsableNumber("x"),))) is Refusal.TOO_MANY_RECIPIENTS


def test_duplicate_reference_is_refused_within_the_window_only_if_asked() -> None:
    p = virtual_provider(duplicates={"window_s": 100})
    p.send(0, "k", refuse_duplicates=True)
    assert refusal(p, p.send(99, "k", refuse_duplicates=True)) is Refusal.DUPLICATE_REF
    assert type(p.replies[p.send(101, "k", refuse_duplicates=True)]) is Accepted
    assert type(p.replies[p.send(102, "k")]) is Accepted
    p.run()
    rows = p.rows().values()
    assert {(row.submits, row.accepts) for row in rows} == {(4, 3)}
    assert len(rows) == 3


def test_a_refused_reference_may_come_again() -> None:
    p = virtual_provider(throttle={"requests": {"rate_per_s": 1, "burst": 1}})
    p.send(0, "other")
    assert refusal(p, p.send(0, "k", refuse_duplicates=True)) is Refusal.THROTTLED_REQUESTS
    assert type(p.replies[p.send(2, "k", refuse_duplicates=True)]) is Accepted
    p.run()
    row = p.row("k")
    assert (row.submits, row.accepts, row.state, row.t_submitted_ns) == (2, 1, "delivered", 0)


def test_duplicates_in_a_batch_refuse_it_whole_or_are_skipped() -> None:
    p = virtual_provider()
    p.send(0, "a", refuse_duplicates=True)
    assert refusal(p, p.send(1, "a", "b", refuse_duplicates=True)) is Refusal.DUPLICATE_REF
    assert refusal(p, p.send(1, "b", "b", refuse_duplicates=True)) is Refusal.DUPLICATE_REF

    skipping = virtual_provider(duplicates={"on_violation": "skip_message"})
    skipping.send(0, "a", refuse_duplicates=True)
    taken = skipping.accepted(skipping.send(1, "a", "b", "b", refuse_duplicates=True))
    assert [m.client_ref for m in taken] == ["b"]
    assert refusal(skipping, skipping.send(2, "a", refuse_duplicates=True)) is Refusal.DUPLICATE_REF


def test_flooding_one_number() -> None:
    p = virtual_provider(flood={"limit": 3, "window_s": 60})
    for n in range(3):
        assert type(p.replies[p.send(n * 20, f"k{n}")]) is Accepted
    assert refusal(p, p.send(59, "over")) is Refusal.RECIPIENT_FLOOD
    assert type(p.replies[p.send(59, {"key": "other", "msisdn": "48600100201"})]) is Accepted
    assert type(p.replies[p.send(61, "again")]) is Accepted
    assert refusal(p, p.send(62, "over")) is Refusal.RECIPIENT_FLOOD


def test_flooding_within_one_batch() -> None:
    p = virtual_provider(flood={"limit": 2, "on_violation": "skip_message"})
    assert len(p.accepted(p.send(0, "a", "b", "c"))) == 2
    strict = virtual_provider(flood={"limit": 2})
    assert refusal(strict, strict.send(0, "a", "b", "c")) is Refusal.RECIPIENT_FLOOD


def test_price_and_balance_to_the_millionth() -> None:
    p = virtual_provider(account={"balance_points": 1.0, "price_per_segment": 0.165})
    answer = p.accepted(p.send(0, {"key": "a", "segments": 3}))
    assert answer[0].price == 0.495
    fast = p.accepted(p.send(0, {"key": "b", "segments": 2}, priority=True))
    assert fast[0].price == 0.495  # half as much again
    assert p.engine.state().balance_points == 0.01
    assert refusal(p, p.send(0, "c")) is Refusal.NO_CREDIT


def test_validate_only_leaves_no_trace() -> None:
    p = virtual_provider(account={"balance_points": 1.0}, flood={"limit": 1})
    for _ in range(3):
        judged = p.accepted(p.send(0, "k", validate_only=True, refuse_duplicates=True))
        assert [(m.provider_id, m.price) for m in judged] == [("", 0.1)]
    p.run()
    state = p.engine.state()
    assert (state.accepted, state.balance_points, p.rows()) == (0, 1.0, {})
    assert type(p.replies[p.send(1, "k", refuse_duplicates=True)]) is Accepted


def test_provider_ids_in_both_styles() -> None:
    p = virtual_provider()
    assert len(p.accepted(p.send(0, "k"))[0].provider_id) == 19
    p = virtual_provider(protocol={"smsapi": {"id_style": "hex"}})
    provider_id = p.accepted(p.send(0, "k"))[0].provider_id
    assert len(bytes.fromhex(provider_id)) == 12


def test_blocked_numbers_are_left_out_unpaid_and_their_references_stay_free() -> None:
    p = virtual_provider(account={"price_per_segment": 0.1, "balance_points": 1.0})
    blocked = frozenset({"48600100201"})
    bad = {"key": "bad", "client_ref": "bad", "msisdn": "48600100201"}
    answer = p.replies[p.send(0, "good", bad, blocked=blocked)]
    assert isinstance(answer, Accepted)
    assert [m.msisdn for m in answer.messages] == ["48600100200"]
    assert answer.left_out == ((1, Refusal.RECIPIENT_BLOCKED),)
    assert p.engine.state().balance_points == pytest.approx(0.9)
    assert refusal(p, p.send(1, bad, blocked=blocked)) is Refusal.RECIPIENT_BLOCKED
    p.run()
    assert (p.row("bad").reason, p.row("bad").accepts) == ("recipient_blocked", 0)
    assert type(p.replies[p.send(2, bad, refuse_duplicates=True)]) is Accepted


def test_one_blocked_number_refuses_a_request_that_may_not_be_taken_in_part() -> None:
    p = virtual_provider(protocol={"smsapi": {"partial_rejection": False}})
    bad = {"key": "bad", "msisdn": "48600100201"}
    request = p.send(0, "good", bad, blocked=frozenset({"48600100201"}))
    assert refusal(p, request) is Refusal.RECIPIENT_BLOCKED
    assert p.engine.state().accepted == 0


@pytest.mark.parametrize("style", ["digits", "hex16"])
def test_numeric_ids_fit_in_a_signed_number_of_64_bits(style: Literal["digits", "hex16"]) -> None:
    largest, smallest = b"\xff" * 48, b"\0" * 48
    for chances in (largest, smallest, *(bytes([n]) * 48 for n in range(1, 255))):
        provider_id = id_of(chances, style)
        assert len(provider_id) == {"digits": 19, "hex16": 16}[style]
        assert int(provider_id, 10 if style == "digits" else 16) < 2**63
    assert len({id_of(bytes([n]) * 48, style) for n in range(0, 256, 2)}) == 128
