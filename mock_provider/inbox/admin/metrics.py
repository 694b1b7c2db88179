"""The provider's metrics for Prometheus: names, units and labels (docs/monitoring.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mock_provider.engine import EngineState
from mock_provider.engine.faults.history import FaultPeriod
from mock_provider.inbox.provider_control import ProviderStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "smsbench_provider_"
_REFUSED, _MESSAGES_REFUSED, _CARRIER = "refused_", "messages_refused_", "queue_carrier_"

# By the names of ``GET /admin/state``.
COUNTERS = {
    "requests": ("requests", "Submit requests"),
    "requests_accepted": ("accepted_requests", "Submit requests that were accepted"),
    "requests_hung": ("hung_requests", "Requests that a fault left without an answer"),
    "disconnects": ("disconnects", "Connections that closed before the answer"),
    "replies": ("replies", "Answers to submit requests"),
    "validated": ("validated_messages", "Messages that were only checked"),
    "accepted": ("accepted_messages", "Messages that were accepted"),
    "accepted_segments": ("accepted_segments", "Segments of accepted messages"),
    "skipped": ("skipped_messages", "Messages left out of a request of which others were accepted"),
    "cancelled": ("cancelled_messages", "Scheduled messages that were cancelled"),
    "delayed": ("delayed_messages", "Messages that waited for their country's hours"),
    "vanished": ("vanished_messages", "Messages accepted and lost by a fault"),
    "closed": ("closed_messages", "Messages that are final and need no further report"),
    "reports_sent": ("sent_reports", "Delivery reports sent the first time"),
    "reports_retried": ("retried_reports", "Delivery reports sent again"),
    "reports_confirmed": ("confirmed_reports", "Delivery reports that the receiver confirmed"),
    "reports_lost": ("lost_reports", "Delivery reports lost by a fault"),
    "reports_given_up": ("given_up_reports", "Delivery reports that were never confirmed"),
    "reports_duplicated": ("duplicated_reports", "Delivery reports sent twice by a fault"),
    "reports_held": ("held_reports", "Delivery reports held by a report storm"),
    "report_calls": ("report_calls", "Calls with delivery reports"),
}
GAUGES = {
    "pending_replies": ("pending_replies", "Requests whose answer is due later"),
    "remembered_keys": ("remembered_keys", "Messages in memory, by key"),
    "balance_low": ("balance_low", "1: the balance is below low_balance_points"),
    "tokens_requests": ("tokens_requests", "Requests that the rate limit allows now"),
    "tokens_segments": ("tokens_segments", "Segments that the rate limit allows now"),
    "queue_accept": ("accept_queue_messages", "Accepted messages in the accept queue"),
    "queue_accept_segments": ("accept_queue_segments", "Segments of the messages in the accept queue"),
    "queue_senders": ("sender_queue_messages", "Messages in the queues of sender numbers"),
    "scheduled": ("scheduled_messages", "Messages for a later time"),
    "on_air": ("on_air_messages", "Messages between carrier and handset"),
    "waiting_for_handset": ("handset_waiting_messages", "Messages for handsets that are not reachable"),
    "held_by_faults": ("fault_held_messages", "Messages held by faults"),
    "reports_waiting": ("waiting_reports", "Delivery reports that are not sent yet"),
    "reports_unconfirmed": ("unconfirmed_reports", "Delivery reports without a confirmation"),
    "replies_waiting": ("waiting_replies", "Replies not yet due"),
    "report_batches_pending": ("pending_report_batches", "Report calls that are not answered yet"),
}
_MS_GAUGES = {
    "loop_lag_ms": ("event_loop_lag_seconds", "The longest delay of the event loop in the last 1.25 s"),
    "loop_core_wait_ms": ("event_loop_core_wait_seconds", "Of that delay, the time without a processor core"),
    "timer_late_ms": ("timer_late_seconds", "The longest delay of the engine after a deadline"),
}


def metrics_text(status: ProviderStatus, faults: tuple[FaultPeriod, ...]) -> bytes:
    """Prometheus' text form."""
    registry = CollectorRegistry()
    registry.register(_Families(status, faults))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, status: ProviderStatus, faults: tuple[FaultPeriod, ...]) -> None:
        self._status = status
        self._faults = faults

    def collect(self) -> Iterator[Metric]:
        status, engine = self._status, self._status.engine
        yield GaugeMetricFamily(
            f"{_PREFIX}open_messages",
            "Accepted messages that are not yet final or not yet reported",
            engine.open,
        )
        if engine.balance_points is not None:
            yield GaugeMetricFamily(f"{_PREFIX}balance_points", "Credit left", engine.balance_points)
        failures = len(status.failures)
        yield GaugeMetricFamily(f"{_PREFIX}failures", "Permanent failures of the provider itself", failures)
        active = sum(period.phase == "active" for period in self._faults)
        yield GaugeMetricFamily(f"{_PREFIX}active_faults", "Fault windows that are active", active)
        yield from _counters(engine, status.gauges)
        yield from _gauges(engine.gauges | status.gauges)


def _counters(engine: EngineState, process: Mapping[str, float]) -> Iterator[Metric]:
    counters = engine.counters
    for key, (name, description) in COUNTERS.items():
        yield CounterMetricFamily(_PREFIX + name, description, counters[key])
    refused = CounterMetricFamily(f"{_PREFIX}refused_requests", "Refused submits", labels=["reason"])
    for key, count in counters.items():
        if key.startswith(_REFUSED):
            refused.add_metric([key.removeprefix(_REFUSED)], count)
    yield refused
    messages = CounterMetricFamily(f"{_PREFIX}refused_messages", "Refused messages", labels=["reason"])
    for key, count in counters.items():
        if key.startswith(_MESSAGES_REFUSED):
            messages.add_metric([key.removeprefix(_MESSAGES_REFUSED)], count)
    yield messages
    ended = CounterMetricFamily(f"{_PREFIX}ended_messages", "Messages that are final", labels=["state"])
    for key in counters:
        if key not in COUNTERS and not key.startswith((_REFUSED, _MESSAGES_REFUSED)):
            ended.add_metric([key], counters[key])
    yield ended
    resent = "Report calls repeated on another connection"
    yield CounterMetricFamily(f"{_PREFIX}resent_report_calls", resent, process["report_calls_resent"])


def _gauges(values: Mapping[str, float]) -> Iterator[Metric]:
    for key, (name, description) in GAUGES.items():
        if key in values:  # a profile without a rate limit has no tokens
            yield GaugeMetricFamily(_PREFIX + name, description, values[key])
    for key, (name, description) in _MS_GAUGES.items():
        yield GaugeMetricFamily(_PREFIX + name, description, values[key] / 1000)
    carriers = GaugeMetricFamily(
        f"{_PREFIX}carrier_queue_messages", "Messages that wait for a carrier", labels=["carrier"]
    )
    for key, value in values.items():
        if key.startswith(_CARRIER):
            carriers.add_metric([key.removeprefix(_CARRIER)], value)
    yield carriers
