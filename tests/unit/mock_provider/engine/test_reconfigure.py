from __future__ import annotations

from typing import Any

import pytest
from nanoseconds import S
from virtual import fixed, virtual_provider

from mock_provider.engine.values import Accepted
from mock_provider.settings.values import Refusal
from mock_provider.testing import plain_profile


def test_limits_change_while_running() -> None:
    p = virtual_provider()
    p.send(0, "a")
    p.engine.reconfigure(p.now_ns, plain_profile(throttle={"requests": {"rate_per_s": 1, "burst": 1}}))
    assert type(p.replies[p.send(0, "b")]) is Accepted
    assert p.refused(p.send(0, "c")).reason is Refusal.THROTTLED_REQUESTS
    p.engine.reconfigure(p.now_ns, plain_profile())
    assert type(p.replies[p.send(0, "d")]) is Accepted


def test_tokens_taken_stay_taken() -> None:
    p = virtual_provider(throttle={"requests": {"rate_per_s": 1, "burst": 2}})
    p.send(0, "a")
    p.send(0, "b")
    p.engine.reconfigure(0, plain_profile(throttle={"requests": {"rate_per_s": 10, "burst": 2}}))
    assert p.refused(p.send(0, "c")).reason is Refusal.THROTTLED_REQUESTS
    assert type(p.replies[p.send(0.1, "d")]) is Accepted


def test_queue_continues_at_the_new_rate_and_loses_nothing() -> None:
    p = virtual_provider(accept_queue={"drain_segments_per_s": 0.1})
    for n in range(5):
        p.send(0, f"k{n}")
    p.run(5)
    p.engine.reconfigure(5 * S, plain_profile(accept_queue={"drain_segments_per_s": 1}))
    p.run()
    # Five of the ten seconds of the first have passed: half a second at the new rate is left.
    left = [p.row(f"k{n}").t_carrier_ns for n in range(5)]
    assert left == [0, 5.5 * S, 6.5 * S, 7.5 * S, 8.5 * S]


def test_slower_rate_holds_back_what_was_about_to_pass() -> None:
    p = virtual_provider(accept_queue={"drain_segments_per_s": 1})
    p.send(0, "a")
    p.send(0, "b")
    p.engine.reconfigure(S // 2, plain_profile(accept_queue={"drain_segments_per_s": 0.1}))
    p.run()
    assert p.row("b").t_carrier_ns == 5.5 * S


def test_limit_removed_lets_the_queue_go() -> None:
    p = virtual_provider(accept_queue={"drain_segments_per_s": 0.1})
    for n in range(5):
        p.send(0, f"k{n}")
    p.engine.reconfigure(1 * S, plain_profile())
    p.run()
    assert {p.row(f"k{n}").t_carrier_ns for n in range(1, 5)} == {1 * S}


def test_messages_of_a_carrier_that_is_taken_out_move_on() -> None:
    slow = [{"name": "gone", "country": "*", "segments_per_s": 0.1}]
    p = virtual_provider(carriers=slow, accept_queue={"drain_segments_per_s": 1})
    for n in range(6):
        p.send(0, f"k{n}")
    p.run(2)  # one passed, two wait for the carrier, three in the accept queue
    p.engine.reconfigure(2 * S, plain_profile(accept_queue={"drain_segments_per_s": 1}))
    p.run()
    assert p.engine.state().open == 0
    carriers = [p.row(f"k{n}").carrier for n in range(6)]
    assert carriers == ["gone", *["any"] * 5]


def test_credit_is_kept_unless_its_amount_changes() -> None:
    p = virtual_provider(account={"balance_points": 1.0})
    p.send(0, "a")
    p.engine.reconfigure(0, plain_profile(account={"balance_points": 1.0, "price_per_segment": 0.2}))
    assert p.engine.state().balance_points == 0.9
    p.engine.reconfigure(0, plain_profile(account={"balance_points": 5.0}))
    assert p.engine.state().balance_points == 5.0


def test_faults_and_latency_from_now_on() -> None:
    p = virtual_provider(delivery={"latency": fixed(10)})
    p.send(0, "before")
    faults = [{"kind": "outage", "start_s": 3, "end_s": 4}]
    p.engine.reconfigure(1 * S, plain_profile(delivery={"latency": fixed(1)}, faults=faults))
    p.send(2, "after")
    assert p.refused(p.send(3, "x")).reason is Refusal.UNAVAILABLE
    p.run()
    assert (p.row("before").t_final_ns, p.row("after").t_final_ns) == (10 * S, 3 * S)


def test_a_profile_that_cannot_be_taken_changes_nothing() -> None:
    p = virtual_provider()
    p.send(0, "before")
    good = plain_profile(faults=[{"kind": "outage"}])
    endless = good.faults[0].model_copy(update={"start_s": float("inf")})
    broken = good.model_copy(update={"faults": (endless,)})
    with pytest.raises(OverflowError):
        p.engine.reconfigure(1 * S, broken)
    p.engine.reset(2 * S)
    assert type(p.replies[p.send(3, "after")]) is Accepted


@pytest.mark.parametrize("usual", [{}, {"requests": {"rate_per_s": 1, "burst": 2}}])
def test_a_throttle_that_a_fault_lowered_gives_no_tokens_back(usual: dict[str, Any]) -> None:
    settings: dict[str, Any] = {
        "throttle": usual,
        "faults": [{"kind": "rate_reduction", "rate_per_s": 0.1, "burst": 10}],
    }
    p = virtual_provider(**settings)
    for n in range(10):
        p.send(0, f"k{n}")
    p.engine.reconfigure(S, plain_profile(title="another", **settings))
    assert p.refused(p.send(1, "late")).reason is Refusal.THROTTLED_REQUESTS


def test_messages_held_for_their_country_are_not_moved_by_other_settings() -> None:
    carrier = {"name": "any", "country": "*", "segments_per_s": 1, "queue_segments": 2}
    faults = [{"kind": "country_down", "countries": ["PL"], "end_s": 100}]
    p = virtual_provider(carriers=[carrier], faults=faults)
    for n in range(10):
        p.send(2 * n, f"k{n}")
    p.run(50)
    p.engine.reconfigure(50 * S, plain_profile(title="another", carriers=[carrier], faults=faults))
    p.send(50, {"key": "de", "msisdn": "4915112345678"})
    p.run()
    # No message waits behind the held ones; there is room for them when they are released.
    assert p.row("de").t_carrier_ns == 50 * S
    assert [p.row(f"k{n}").t_carrier_ns for n in range(10)] == [(100 + n) * S for n in range(10)]
    assert all(p.row(f"k{n}").state == "delivered" for n in range(10))
