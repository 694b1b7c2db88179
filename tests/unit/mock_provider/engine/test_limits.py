"""Every limit of admission at its boundary: what reaches it is taken, one more is not."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from nanoseconds import S
from virtual import virtual_provider

from mock_provider.engine.values import Accepted, UnparsableNumber
from mock_provider.settings.values import Refusal
from mock_provider.testing import VirtualProvider

PL = [{"name": "pl", "country": "PL"}]
SLOW = {"latency": {"kind": "fixed", "value_s": 1}}


def taken(
    p: VirtualProvider, at_s: float, *messages: str | dict[str, Any], **fields: Any
) -> Literal[True] | Refusal:
    answer = p.replies[p.send(at_s, *messages, **fields)]
    return True if isinstance(answer, Accepted) else answer.reason


@pytest.mark.parametrize(("balance", "answer"), [(0.2, True), (0.199999, Refusal.NO_CREDIT)])
def test_a_price_equal_to_the_balance_is_paid(balance: float, answer: Refusal | bool) -> None:
    p = virtual_provider(account={"balance_points": balance, "price_per_segment": 0.1})
    assert taken(p, 0, "a", "b") is answer
    if answer is True:
        assert p.engine.state().balance_points == 0
        assert taken(p, 1, "c") is Refusal.NO_CREDIT


def test_a_message_without_a_price_is_accepted_without_credit() -> None:
    p = virtual_provider(account={"balance_points": 0, "price_per_segment": 0})
    assert taken(p, 0, "a") is True


def test_the_low_balance_itself_is_not_low() -> None:
    p = virtual_provider(account={"balance_points": 1.0, "low_balance_points": 0.9, "price_per_segment": 0.1})
    p.send(0, "a")
    assert p.engine.state().gauges["balance_low"] == 0
    p.send(0, "b")
    assert p.engine.state().gauges["balance_low"] == 1


def test_daily_cap() -> None:
    p = virtual_provider(account={"daily_messages": 3})
    assert taken(p, 0, "a") is True
    assert taken(p, 0, "b", "c", "d") is Refusal.DAILY_CAP
    assert taken(p, 0, "b", "c") is True
    assert taken(p, 0, "e") is Refusal.DAILY_CAP
    assert taken(p, 86_399.999_999, "e") is Refusal.DAILY_CAP
    assert taken(p, 86_400, "e", "f", "g") is True


def test_recipients_of_a_request() -> None:
    p = virtual_provider(protocol={"smsapi": {"max_recipients_per_request": 3}})
    assert taken(p, 0, "a", "b", "c") is True
    assert taken(p, 0, "a", "b", unparsable=(UnparsableNumber("12"),)) is True
    assert taken(p, 0, "a", "b", "c", unparsable=(UnparsableNumber("12"),)) is Refusal.TOO_MANY_RECIPIENTS


def test_requests_unanswered() -> None:
    p = virtual_provider(throttle={"concurrent_requests": 2}, reply=SLOW)
    numbers = [p.send(at_s, f"k{at_s}") for at_s in (0, 0.5, 0.999, 1.999)]
    p.run()
    answers = [type(p.replies[n]) is Accepted or p.refused(n).reason for n in numbers]
    assert answers == [True, True, Refusal.THROTTLED_CONCURRENCY, True]


def test_burst_of_requests_and_the_instant_of_the_next_token() -> None:
    p = virtual_provider(throttle={"requests": {"rate_per_s": 10, "burst": 2}})
    answers = [taken(p, at_s, "k") for at_s in (0, 0, 0, 0.099_999_999, 0.1)]
    throttled = Refusal.THROTTLED_REQUESTS
    assert answers == [True, True, throttled, throttled, True]


def test_burst_of_segments() -> None:
    p = virtual_provider(throttle={"segments": {"rate_per_s": 10, "burst": 4}})
    long = {"segments": 4, "key": "long"}
    assert taken(p, 0, long, "one more") is Refusal.THROTTLED_SEGMENTS
    assert taken(p, 0, long) is True
    assert taken(p, 0.399_999_999, long) is Refusal.THROTTLED_SEGMENTS
    assert taken(p, 0.4, long) is True


def test_room_in_the_accept_queue() -> None:
    p = virtual_provider(accept_queue={"capacity_segments": 3, "drain_segments_per_s": 1}, reply=SLOW)
    numbers = [p.send(0, {"segments": n, "key": f"k{n}"}) for n in (2, 1, 1)]
    p.run()
    answers = [type(p.replies[n]) is Accepted or p.refused(n).reason for n in numbers]
    assert answers == [True, True, Refusal.QUEUE_FULL]


def test_room_in_a_sender_s_queue() -> None:
    p = virtual_provider(
        throttle={"per_sender": {"alphanumeric": {"segments_per_s": 0.1, "queue_segments": 3}}}
    )
    assert taken(p, 0, "passes at once") is True
    assert taken(p, 0, {"segments": 2, "key": "a"}) is True
    assert taken(p, 0, {"segments": 2, "key": "b"}) is Refusal.SENDER_QUEUE_FULL
    assert taken(p, 0, "b") is True
    assert taken(p, 0, "c") is Refusal.SENDER_QUEUE_FULL


def test_room_in_a_carrier_s_queue() -> None:
    p = virtual_provider(carriers=[{"name": "x", "country": "*", "segments_per_s": 1, "queue_segments": 2}])
    for key in ("passes", "waits", "waits too", "refused"):
        p.send(0, key)
    p.run()
    assert [p.row(key).reason for key in ("passes", "waits", "waits too", "refused")] == [
        "", "", "", "carrier_queue_full",
    ]  # fmt: skip


def test_window_of_duplicates() -> None:
    p = virtual_provider(duplicates={"window_s": 10})
    assert taken(p, 0, "k", refuse_duplicates=True) is True
    assert taken(p, 9.999_999_999, "k", refuse_duplicates=True) is Refusal.DUPLICATE_REF
    assert taken(p, 10, "k", refuse_duplicates=True) is True


def test_flood() -> None:
    p = virtual_provider(flood={"limit": 2, "window_s": 10})
    assert taken(p, 0, "a", "b", "c") is Refusal.RECIPIENT_FLOOD
    assert taken(p, 0, "a", "b") is True
    assert taken(p, 9.999_999_999, "c") is Refusal.RECIPIENT_FLOOD
    assert taken(p, 10, "c", "d") is True


def test_segments_a_country_allows() -> None:
    p = virtual_provider(carriers=PL, rules=[{"country": "PL", "max_segments": 2}])
    assert taken(p, 0, {"segments": 2, "key": "a"}) is True
    assert taken(p, 0, {"segments": 3, "key": "b"}) is Refusal.TOO_MANY_SEGMENTS


def test_hours_for_marketing_begin_at_their_start_and_end_before_their_end() -> None:
    hours = {"timezone": "UTC", "start": "08:00", "end": "20:00"}
    rules = [{"country": "PL", "marketing_hours": hours}]
    p = virtual_provider(carriers=PL, rules=rules, traffic={"default_message_class": "marketing"})
    hour = 3_600
    at_s = (8 * hour - 1, 8 * hour, 20 * hour - 1, 20 * hour)
    quiet = Refusal.QUIET_HOURS
    assert [taken(p, at, "k") for at in at_s] == [quiet, True, True, quiet]


def test_a_time_that_is_now_is_not_later() -> None:
    p = virtual_provider(accept_queue={"capacity_segments": 1, "drain_segments_per_s": 0.1})
    assert taken(p, 1, "a") is True
    assert taken(p, 1, "b", scheduled_ns=1 * S) is True
    assert taken(p, 1, "c", scheduled_ns=1 * S) is Refusal.QUEUE_FULL
    assert taken(p, 1, "d", scheduled_ns=1 * S + 1) is True  # what waits for its time takes no room


def test_a_message_whose_validity_ends_as_it_departs_is_not_sent() -> None:
    p = virtual_provider(carriers=[{"name": "x", "country": "*", "segments_per_s": 1}])
    p.send(0, "first")
    p.send(0, "at its end", expires_ns=1 * S)
    p.send(0, "just before", expires_ns=1 * S + 1)
    p.run()
    states = [p.row(key).state for key in ("first", "at its end", "just before")]
    assert states == ["delivered", "expired", "delivered"]


def test_an_expired_message_is_not_sent_without_a_queue_either() -> None:
    p = virtual_provider()
    p.send(1, "at its end", expires_ns=1 * S)
    p.send(1, "just before", expires_ns=1 * S + 1)
    p.run()
    assert [p.row(key).state for key in ("at its end", "just before")] == ["expired", "delivered"]


def test_a_delivery_at_the_last_instant_counts() -> None:
    p = virtual_provider(delivery={"latency": {"kind": "fixed", "value_s": 5}})
    p.send(0, "in time", expires_ns=5 * S)
    p.send(0, "late", expires_ns=5 * S - 1)
    p.run()
    assert (p.row("in time").state, p.row("late").state) == ("delivered", "expired")


@pytest.mark.parametrize(("give_up_after_s", "calls"), [(60, 2), (59.999, 1)])
def test_a_report_is_repeated_up_to_its_end(give_up_after_s: float, calls: int) -> None:
    p = virtual_provider(reports={"retry_after_s": [60], "give_up_after_s": give_up_after_s})
    p.confirms = lambda call: False
    p.send(0, "k")
    p.run()
    assert len(p.calls) == calls


@pytest.mark.parametrize(("digits", "form"), [("123456", True), ("1234567", Refusal.SENDER_QUEUE_FULL)])
def test_a_short_code_has_at_most_six_digits(digits: str, form: Refusal | bool) -> None:
    limits = {"long_code": {"segments_per_s": 0.1, "queue_segments": 1}}
    p = virtual_provider(throttle={"per_sender": limits})
    p.send(0, "a", sender_id=digits)
    p.send(0, "b", sender_id=digits)
    assert taken(p, 0, "c", sender_id=digits) is form
