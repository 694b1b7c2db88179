"""A sender's own pace and queue, and requests unanswered at once."""

from __future__ import annotations

import pytest
from nanoseconds import S
from virtual import virtual_provider

from mock_provider.engine.senders import SenderQueues, sender_form
from mock_provider.engine.values import Accepted
from mock_provider.settings.network import PerSender, SenderLimit
from mock_provider.settings.values import Refusal
from mock_provider.testing import plain_profile


@pytest.mark.parametrize(
    ("sender_id", "form"),
    [
        ("48500100200", "long_code"),
        ("+12025550123", "long_code"),
        ("18005550100", "toll_free"),
        ("8885550100", "toll_free"),
        ("55501", "short_code"),
        ("123456", "short_code"),
        ("Shop", "alphanumeric"),
        ("3Mobile", "alphanumeric"),
        ("", "alphanumeric"),
        ("١٢٣٤٥", "alphanumeric"),
    ],
)
def test_form_of_a_sender(sender_id: str, form: str) -> None:
    assert sender_form(sender_id) == form


def test_each_sender_keeps_its_own_pace_in_provider_time() -> None:
    p = virtual_provider(throttle={"per_sender": {"long_code": {"segments_per_s": 2}}})
    for n in range(4):
        p.send(0, {"key": f"a{n}", "segments": 2}, sender_id="48500100200")
    p.send(0, "b", sender_id="48500100201")
    p.send(0, "c", sender_id="Shop")
    assert p.engine.state().gauges["queue_senders"] == 3
    p.run()
    assert [p.row(f"a{n}").t_carrier_ns for n in range(4)] == [0, S, 2 * S, 3 * S]
    assert all(p.row(f"a{n}").t_answered_ns == 0 for n in range(4))
    assert (p.row("b").t_carrier_ns, p.row("c").t_carrier_ns) == (0, 0)
    assert p.engine.state().gauges["queue_accept_segments"] == 0


def test_a_full_sender_queue_refuses() -> None:
    p = virtual_provider(
        throttle={"per_sender": {"alphanumeric": {"segments_per_s": 1, "queue_segments": 3}}}
    )
    for n in range(4):  # the first passes at once
        assert type(p.replies[p.send(0, f"k{n}")]) is Accepted
    assert p.refused(p.send(0, "over")).reason is Refusal.SENDER_QUEUE_FULL
    assert type(p.replies[p.send(0, "other", sender_id="Other")]) is Accepted
    assert type(p.replies[p.send(1, "later")]) is Accepted


def test_room_counts_from_the_answers_decision() -> None:
    p = virtual_provider(
        reply={"latency": {"kind": "fixed", "value_s": 5}},
        throttle={"per_sender": {"alphanumeric": {"segments_per_s": 1, "queue_segments": 2}}},
    )
    requests = [p.send(0, f"k{n}") for n in range(3)]
    p.run()
    assert [type(p.replies[r]) is Accepted for r in requests] == [True, True, False]


def test_a_message_that_a_fault_loses_takes_no_room_of_its_sender() -> None:
    p = virtual_provider(
        throttle={"per_sender": {"alphanumeric": {"segments_per_s": 1, "queue_segments": 2}}},
        faults=[{"kind": "accept_then_lose", "end_s": 5}],
    )
    for n in range(4):
        assert type(p.replies[p.send(n, f"lost{n}")]) is Accepted
    assert type(p.replies[p.send(6, "k")]) is Accepted
    p.run()
    assert p.row("k").state == "delivered"


def test_a_message_expires_in_its_senders_queue() -> None:
    p = virtual_provider(throttle={"per_sender": {"alphanumeric": {"segments_per_s": 0.1}}})
    p.send(0, "a")
    p.send(0, "b", expires_ns=3 * S)
    p.send(0, "c")
    p.run()
    row = p.row("b")
    assert (row.state, row.reason, row.t_final_ns) == ("expired", "validity_passed", 3 * S)
    assert p.row("c").t_carrier_ns == 10 * S  # b took no time of the channel
    assert p.engine.state().gauges["queue_accept_segments"] == 0


def test_a_scheduled_message_gives_its_room_back_until_it_is_due() -> None:
    p = virtual_provider(
        throttle={"per_sender": {"alphanumeric": {"segments_per_s": 1, "queue_segments": 1}}}
    )
    p.send(0, "later", scheduled_ns=100 * S)
    assert type(p.replies[p.send(0, "a")]) is Accepted
    assert type(p.replies[p.send(0, "b")]) is Accepted
    p.run()
    assert p.row("later").t_carrier_ns == 100 * S


def test_another_pace_holds_for_what_waits() -> None:
    p = virtual_provider(throttle={"per_sender": {"alphanumeric": {"segments_per_s": 0.1}}})
    for n in range(3):
        p.send(0, f"k{n}")
    p.run(1)
    fast = plain_profile(throttle={"per_sender": {"alphanumeric": {"segments_per_s": 10}}})
    p.carry_out(p.engine.reconfigure(p.now_ns, fast))
    p.run(3)
    assert p.row("k2").state == "delivered"
    unlimited = plain_profile()
    p.carry_out(p.engine.reconfigure(p.now_ns, unlimited))
    p.send(4, "x")
    p.run()
    assert p.row("x").t_carrier_ns == 4 * S


def test_too_many_requests_unanswered_are_refused() -> None:
    p = virtual_provider(
        throttle={"concurrent_requests": 2}, reply={"latency": {"kind": "fixed", "value_s": 1}}
    )
    requests = [p.send(0, f"k{n}") for n in range(3)]
    after = p.send(1.5, "k2")
    p.run()
    assert [type(p.replies[r]) is Accepted for r in requests] == [True, True, False]
    assert p.refused(requests[2]).reason is Refusal.THROTTLED_CONCURRENCY
    assert type(p.replies[after]) is Accepted


def test_senders_that_have_nothing_to_wait_for_are_forgotten() -> None:
    limits = PerSender(alphanumeric=SenderLimit(segments_per_s=10))
    queues = SenderQueues(limits, lambda *event: None)
    for n in range(30_000):
        own = queues.of(f"s{n}", n * S // 1000)
        assert own is not None and own.rated.passes(1, n * S // 1000)  # busy for a tenth of a second
    assert queues.known <= 20_000
    last = queues.of("s29999", 100 * S)
    assert last is not None and not last.rated.passes(1, 29_999 * S // 1000)
