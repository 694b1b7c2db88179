"""The sender's counters, for ``/v1/state`` and for ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from reference_sender.api.api_counters import ApiCounters
from reference_sender.api.exposition import dispatch_families, money_families, process_families
from reference_sender.clock import now_ns
from reference_sender.dispatch.values import State
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.loop_lag import LoopLag

NO_BALANCES: Mapping[str, float] = MappingProxyType({})


class Metrics(Collector):
    """Reads driver, tally and loop lag on request. It does no work per message."""

    def __init__(
        self,
        driver: Driver,
        tally: ApiCounters,
        lag: LoopLag,
        stored: dict[State, int],
        balances: Mapping[str, float] = NO_BALANCES,
    ) -> None:
        self._driver = driver
        self.tally = tally
        self._lag = lag
        self._stored = stored
        self._balances = balances
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def state(self) -> dict[str, object]:
        """``/v1/state``: gauges, messages not final, and counters; final states are counted since the store
        was created, the rest since the process began.
        """
        dispatch = self._driver.state()
        return {
            "gauges": self._gauges(),
            "open": dispatch.open + self._driver.waiting,
            "counters": self._counters() | self._final_counts(),
            "routes": dispatch.routes,
        }

    def text(self) -> bytes:
        """Prometheus' text form."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        yield from dispatch_families(self._driver.state())
        yield from process_families(self._driver, self.tally, self._lag)
        yield from money_families(self._driver.gate.spending_state(now_ns()), self._balances)

    def _gauges(self) -> dict[str, float]:
        gauges = self._driver.state().gauges()
        gauges["waiting_for_commit"] = self._driver.waiting
        gauges["commit_ms"] = round(self._driver.commits.worst_ms, 3)
        gauges["loop_lag_ms"] = round(self._lag.worst_ms, 3)
        gauges["loop_core_wait_ms"] = round(self._lag.core_wait_ms, 3)
        own = self._driver.node_share
        if own is not None:
            gauges |= {"nodes": own.nodes, "share": own.share, "unclaimed": own.unclaimed}
        return gauges

    def _counters(self) -> dict[str, int]:
        tally = self.tally
        counters = {name: getattr(tally, name) for name in tally.__struct_fields__}
        totals = self._driver.state().totals
        for name in ("offered", "recovered", "sent", "hedged", "late", "repeated_reports", "orphan_reports"):
            counters[name] = totals[name]
        return counters

    def _final_counts(self) -> dict[str, int]:
        totals = self._driver.state().totals
        return {
            "delivered": totals["delivered"] + self._stored.get(State.DELIVERED, 0),
            "failed": totals["failed"] + self._stored.get(State.FAILED, 0),
            "expired": totals["expired"] + self._stored.get(State.EXPIRED, 0),
        }
