"""The wall clock is set while an engine runs: an input like any other."""

from __future__ import annotations

from typing import Any

import pytest
from nanoseconds import S
from virtual import virtual_provider

from mock_provider.engine.values import Accepted
from mock_provider.settings.values import Refusal
from mock_provider.testing import VirtualProvider

HOUR = 3_600 * S


def set_clock(p: VirtualProvider, at_s: float, offset_ns: int) -> None:
    p.run(at_s)
    p.carry_out(p.engine.set_wall_offset(p.now_ns, offset_ns))


def test_a_clock_set_forward_lets_a_scheduled_message_go_when_it_shows_its_time() -> None:
    p = virtual_provider()
    p.send(1, "k", scheduled_ns=3_601 * S)
    set_clock(p, 2, HOUR - 10 * S)
    p.run(10)
    assert p.engine.state().gauges["scheduled"] == 1
    p.run(11)
    assert p.row("k").t_carrier_ns == 11 * S


def test_a_time_that_the_clock_has_jumped_over_is_now() -> None:
    p = virtual_provider()
    p.send(1, "k", scheduled_ns=3_601 * S)
    set_clock(p, 2, 10 * HOUR)
    assert p.row("k").t_carrier_ns == 2 * S
    assert p.row("k").state == "delivered"
    p.run()
    assert p.engine.state().open == 0


def test_a_clock_set_back_makes_a_scheduled_message_wait() -> None:
    p = virtual_provider(delivery={"validity_s": 60})
    p.send(1, "k", scheduled_ns=5 * S)
    set_clock(p, 2, -HOUR)
    p.run(3_604)
    assert p.engine.state().gauges["scheduled"] == 1
    p.run()
    assert (p.row("k").t_carrier_ns, p.row("k").state) == (3_605 * S, "delivered")  # its validity went along


def test_after_the_clock_is_set_and_reset_the_message_is_sent_once_at_its_first_time() -> None:
    p = virtual_provider()
    p.send(1, "k", scheduled_ns=100 * S)
    set_clock(p, 2, HOUR // 100)
    set_clock(p, 3, 0)
    p.run()
    assert (p.row("k").t_carrier_ns, len(p.calls)) == (100 * S, 1)


def test_a_message_whose_reply_has_not_left_goes_by_the_clock_too() -> None:
    p = virtual_provider(reply={"latency": {"kind": "fixed", "value_s": 5}})
    p.send(1, "k", scheduled_ns=1_000 * S)
    set_clock(p, 2, 900 * S)
    p.run()
    assert p.row("k").t_carrier_ns == 100 * S


def test_a_scheduled_message_can_still_be_cancelled() -> None:
    p = virtual_provider()
    number = p.send(1, "k", scheduled_ns=100 * S)
    set_clock(p, 2, -HOUR)
    (message,) = p.accepted(number)
    assert p.engine.cancel(p.now_ns, "t", [message.provider_id]) == (message.provider_id,)
    p.run()
    assert p.row("k").state == "rejected"


def test_a_clock_change_does_not_move_intervals() -> None:
    p = virtual_provider(
        delivery={"latency": {"kind": "fixed", "value_s": 30}},
        duplicates={"window_s": 100},
        throttle={"requests": {"rate_per_s": 0.01, "burst": 2}},
    )
    p.send(0, "k", refuse_duplicates=True)
    set_clock(p, 10, 24 * HOUR)
    again = p.send(20, "k", refuse_duplicates=True)
    assert p.refused(again).reason is Refusal.DUPLICATE_REF
    assert p.refused(p.send(21, "other")).reason is Refusal.THROTTLED_REQUESTS
    p.run()
    assert p.row("k").t_final_ns == 30 * S


@pytest.mark.parametrize(("outside", "held"), [("refuse", False), ("delay", True)])
def test_quiet_hours_go_by_the_clock_as_it_is(outside: str, held: bool) -> None:
    hours = {"timezone": "UTC", "start": "08:00", "end": "20:00", "outside": outside}
    p = virtual_provider(
        carriers=[{"name": "pl", "country": "PL"}],
        rules=[{"country": "PL", "marketing_hours": hours}],
        traffic={"default_message_class": "marketing"},
    )
    p.engine.set_wall_offset(0, 10 * HOUR)  # before the first input
    assert type(p.replies[p.send(1, "day")]) is Accepted
    set_clock(p, 2, 22 * HOUR)
    night = p.send(3, "night")
    if not held:
        assert p.refused(night).reason is Refusal.QUIET_HOURS
        return
    set_clock(p, 4, 32 * HOUR - 10 * S)  # six seconds before 08:00
    p.run()
    assert p.row("night").t_carrier_ns == 10 * S


def test_days_of_the_daily_cap_go_by_the_clock() -> None:
    p = virtual_provider(account={"daily_messages": 1})
    assert type(p.replies[p.send(1, "a")]) is Accepted
    assert p.refused(p.send(2, "b")).reason is Refusal.DAILY_CAP
    set_clock(p, 3, 24 * HOUR)
    assert type(p.replies[p.send(4, "c")]) is Accepted


def test_the_same_inputs_give_the_same_effects() -> None:
    def life() -> Any:
        p = virtual_provider(reply={"latency": {"kind": "uniform", "low_s": 0, "high_s": 9}})
        for n in range(40):
            p.send(n, f"k{n}", scheduled_ns=(n + 3 * (n % 7)) * S)
            if n % 5 == 0:
                set_clock(p, n, (-1) ** n * n * S)
        p.run()
        return p.rows(), p.calls, p.replied_ns

    assert life() == life()


def test_the_wall_offset_is_kept_across_a_reset() -> None:
    hours = {"timezone": "UTC", "start": "08:00", "end": "20:00"}
    p = virtual_provider(
        carriers=[{"name": "pl", "country": "PL"}],
        rules=[{"country": "PL", "marketing_hours": hours}],
        traffic={"default_message_class": "marketing"},
        reply={"latency": {"kind": "fixed", "value_s": 5}},
    )
    set_clock(p, 2, 12 * HOUR)
    p.engine.reset(p.now_ns)
    noon = p.send(3, "noon", scheduled_ns=100 * S)
    set_clock(p, 4, 12 * HOUR + 10 * S)  # before the reply
    p.run()
    assert p.accepted(noon)
    assert p.row("noon").t_carrier_ns == 90 * S
