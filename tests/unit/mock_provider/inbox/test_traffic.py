"""Running totals as rates, second by second."""

from __future__ import annotations

from typing import Any

from mock_provider.engine import EngineState
from mock_provider.inbox.traffic import TrafficHistory


def state(accepted: int, refused: int = 0, delivered: int = 0, **gauges: float) -> EngineState:
    counters = {"refused_queue_full": refused, "delivered": delivered, "expired": 1, "requests": 9}
    return EngineState(accepted - delivered, accepted, counters, gauges, None)


def test_rates_count_the_time_that_really_passed() -> None:
    traffic = TrafficHistory()
    traffic.sample(state(0), {}, 10.0, 1_000.0)
    tick = traffic.sample(state(300, 3, 150), {}, 11.5, 1_001.5)
    assert (tick.accepted_per_s, tick.refused_per_s, tick.delivered_per_s) == (200, 2, 100)
    assert (tick.totals.accepted, tick.totals.failed, tick.open) == (300, 1, 150)


def test_queues_by_carrier_and_what_waits() -> None:
    gauges: dict[str, Any] = {
        "queue_carrier_T-Mobile": 7.0,
        "queue_accept": 2.0,
        "reports_waiting": 1.0,
        "reports_unconfirmed": 4.0,
    }
    tick = TrafficHistory().sample(state(1, **gauges), {"replies_waiting": 5.0, "loop_lag_ms": 0.5}, 1.0, 1.0)
    assert tick.carrier_queues == {"T-Mobile": 7}
    assert (tick.accept_queue, tick.reports_waiting, tick.replies_waiting) == (2, 5, 5)
    assert tick.loop_lag_ms == 0.5


def test_a_reset_is_no_negative_rate_and_the_ring_is_bounded() -> None:
    traffic = TrafficHistory()
    for second in range(400):
        traffic.sample(state(1_000 * second), {}, float(second), float(second))
    assert len(traffic.ticks) == 300
    tick = traffic.sample(state(5), {}, 400.0, 400.0)
    assert tick.accepted_per_s == 5
    assert traffic.ticks[-1] is tick
