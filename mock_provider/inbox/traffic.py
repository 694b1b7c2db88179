"""Counts of each of the last seconds, for charts: a small ring buffer."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from mock_provider.engine import EngineState

_SECONDS_KEPT = 300
_REFUSED = "refused_"
_CARRIER_QUEUE = "queue_carrier_"


class TrafficTotals(Struct, frozen=True, gc=False):
    """Running totals. ``refused`` counts requests, the others messages."""

    accepted: int = 0
    refused: int = 0
    delivered: int = 0
    failed: int = 0  # final and not delivered


class Tick(Struct, frozen=True):
    """About one second of traffic, up to ``unix_s``. Rates are per second, queues hold messages."""

    unix_s: float
    accepted_per_s: float
    refused_per_s: float
    delivered_per_s: float
    failed_per_s: float
    totals: TrafficTotals
    open: int  # accepted, not yet final and reported
    replies_waiting: int
    reports_waiting: int
    accept_queue: int
    carrier_queues: dict[str, int]
    loop_lag_ms: float


class TrafficHistory:
    """Turns running totals into rates, once a second."""

    def __init__(self) -> None:
        self.ticks: deque[Tick] = deque(maxlen=_SECONDS_KEPT)
        self._totals = TrafficTotals()
        self._at_s: float | None = None

    def sample(self, state: EngineState, gauges: dict[str, float], at_s: float, unix_s: float) -> Tick:
        """The time since the last sample. ``at_s`` is monotonic; ``gauges`` are those of the process."""
        totals = totals_of(state)
        before = self._totals
        if totals.accepted < before.accepted or totals.refused < before.refused:  # the provider was reset
            before = TrafficTotals()
        elapsed_s = 1.0 if self._at_s is None else max(1e-3, at_s - self._at_s)
        self._totals, self._at_s = totals, at_s
        waiting = state.gauges
        tick = Tick(
            unix_s=unix_s,
            accepted_per_s=(totals.accepted - before.accepted) / elapsed_s,
            refused_per_s=(totals.refused - before.refused) / elapsed_s,
            delivered_per_s=max(0, totals.delivered - before.delivered) / elapsed_s,
            failed_per_s=max(0, totals.failed - before.failed) / elapsed_s,
            totals=totals,
            open=state.open,
            replies_waiting=int(gauges.get("replies_waiting", 0)),
            reports_waiting=int(waiting.get("reports_waiting", 0) + waiting.get("reports_unconfirmed", 0)),
            accept_queue=int(waiting.get("queue_accept", 0)),
            carrier_queues={
                name.removeprefix(_CARRIER_QUEUE): int(depth)
                for name, depth in waiting.items()
                if name.startswith(_CARRIER_QUEUE)
            },
            loop_lag_ms=gauges.get("loop_lag_ms", 0.0),
        )
        self.ticks.append(tick)
        return tick


def totals_of(state: EngineState) -> TrafficTotals:
    """The totals for the page, from the engine's counters."""
    counters = state.counters
    return TrafficTotals(
        state.accepted,
        sum(value for name, value in counters.items() if name.startswith(_REFUSED)),
        counters.get("delivered", 0),
        sum(counters.get(name, 0) for name in ("undelivered", "expired", "rejected", "unknown")),
    )
