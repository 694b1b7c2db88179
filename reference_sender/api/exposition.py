"""The sender's metrics for Prometheus: names, units and labels (docs/monitoring.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from reference_sender.api.api_counters import ApiCounters
from reference_sender.dispatch import DispatchState
from reference_sender.dispatch.campaign_figures import UNIT
from reference_sender.dispatch.figures import BOUNDS_S, DurationCounts
from reference_sender.dispatch.snapshot import RouteSnapshot
from reference_sender.dispatch.weights import TOTAL
from reference_sender.policy.spending_state import SpendingState
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.loop_lag import LoopLag

_PREFIX = "smsbench_sender_"
_BOUNDS = [*map(floatToGoString, BOUNDS_S), "+Inf"]
_CLASS, _ROUTE = "message_class", "route"


def dispatch_families(state: DispatchState) -> Iterator[Metric]:
    """What the dispatcher has now, and what it did since the process began."""
    queued = {"otp": state.queue_otp, "transactional": state.queue_transactional}
    queued["marketing"] = state.queue_marketing
    yield _gauges("queued_messages", "Messages that no provider has yet", _CLASS, queued)
    retry = state.between_attempts
    yield _gauge("retry_waiting_messages", "Of these, messages that wait for their next attempt", retry)
    held = "Messages that wait for a time, or for their campaign"
    yield _gauge("held_messages", held, state.held)
    unread = "Messages of an earlier process that are not read from the store yet"
    yield _gauge("unread_messages", unread, state.unread)
    yield _gauge("in_flight_requests", "Requests to providers without an answer", state.in_flight)
    yield _gauge("in_flight_messages", "Messages in these requests", state.in_flight_messages)
    yield _gauge("awaiting_report_messages", "Messages whose report is awaited", state.awaiting_report)
    early = state.early_reports
    yield _gauge("early_reports", "Reports kept for a submit that is not answered yet", early)
    classes = state.classes
    sent = {each.message_class: each.sent for each in classes}
    yield _counters("sent_messages", "Messages that a provider accepted", _CLASS, sent)
    ended = CounterMetricFamily(
        f"{_PREFIX}ended_messages",
        "Messages that ended; one that a late report shows to be delivered counts twice",
        labels=[_CLASS, "state"],
    )
    for each in classes:
        for name, count in each.ended.items():
            ended.add_metric([each.message_class, name], count)
    yield ended
    reasons = "Messages that ended without a delivery, by reason"
    yield _counters("undelivered_messages", reasons, "reason", state.reasons)
    handover = {each.message_class: each.handover for each in classes}
    delivery = {each.message_class: each.delivery for each in classes}
    start = "From the acceptance by the sender to"
    yield _histogram("handover_duration_seconds", f"{start} that by a provider", _CLASS, handover)
    yield _histogram("delivery_duration_seconds", f"{start} the delivery", _CLASS, delivery)
    for key, (name, help_text) in _TOTALS.items():
        yield _counter(name, help_text, state.totals[key])
    held_back = "Time for which ready messages were not submitted"
    yield _counters("held_back_seconds", held_back, "cause", state.waited_s)
    yield from _route_families(state.routes)


# By the names of ``GET /v1/state``.
_TOTALS = {
    "offered": ("offered_messages", "New messages given to the dispatcher"),
    "recovered": ("recovered_messages", "Unfinished messages of an earlier process"),
    "late": ("late_deliveries", "Ended messages that a report then showed to be delivered"),
    "repeated_reports": ("repeated_reports", "Reports without new information"),
    "ended_by_query": (
        "ended_by_query_messages",
        "Messages whose report was missing, and whose end a status query showed",
    ),
    "orphan_reports": (
        "orphan_reports",
        "Reports about unknown messages, or intermediate ones after the end",
    ),
}


def _route_families(routes: Sequence[RouteSnapshot]) -> Iterator[Metric]:
    def gauges(name: str, description: str, what: str) -> Metric:
        values = {route.name: float(getattr(route, what)) for route in routes}
        return _gauges(f"route_{name}", description, _ROUTE, values)

    yield gauges("in_flight_requests", "Requests of the route without an answer", "in_flight")
    yield gauges("in_flight_limit_requests", "Most requests without an answer", "max_in_flight")
    yield gauges("paused_seconds", "The rest of the route's pause", "paused_s")
    yield gauges("limit_requests_per_second", "Limit of the route's requests", "requests_per_s")
    yield gauges("limit_segments_per_second", "Limit of the route's segments", "segments_per_s")
    paced = "Rate that the provider allowed recently"
    yield gauges("paced_requests_per_second", f"{paced}, in requests", "paced_requests_per_s")
    yield gauges("paced_segments_per_second", f"{paced}, in segments", "paced_segments_per_s")
    if len(routes) > 1:  # measured only for a choice
        weights = {route.name: route.weight / TOTAL for route in routes}
        yield _gauges(
            "route_weight_ratio", "The route's share of all weights; 0 without weights", _ROUTE, weights
        )
        yield gauges("delivery_ratio", "Measured share of messages that are delivered", "delivery_rate")
        yield gauges("delivery_seconds", "Measured delivery time", "delivery_s")
        yield gauges("health_ratio", "1: healthy", "health")
    closed = {route.name: float(route.breaker != "closed") for route in routes}
    yield _gauges("route_breaker_open", "1: the route's circuit breaker is not closed", _ROUTE, closed)
    unusable = "Time since the breaker opened, or the provider refused the account or the address; 0: usable"
    yield gauges("unusable_seconds", unusable, "unusable_s")
    opened = {route.name: route.breaker_opened for route in routes}
    yield _counters("route_breaker_openings", "Times that the breaker opened", _ROUTE, opened)
    throttles = {route.name: route.throttles for route in routes}
    description = "Requests that the provider refused because of a rate limit"
    yield _counters("route_throttled_requests", description, _ROUTE, throttles)


def process_families(driver: Driver, tally: ApiCounters, lag: LoopLag) -> Iterator[Metric]:
    """What the HTTP API, the store and the event loop did since the process began."""
    yield _gauge("commit_waiting_messages", "Messages on their way to the store", driver.waiting)
    yield _counter("accepted_messages", "Messages acknowledged to a client", tally.accepted)
    yield _counter("repeated_messages", "Messages whose key the sender had already", tally.repeated)
    refused = {
        "invalid": tally.invalid,
        "policy": tally.refused_by_policy,
        "key_conflict": tally.conflicts,
        "queue_full": tally.queue_full,
        "store_failed": tally.store_failed,
    }
    yield _counters("refused_messages", "Messages that the sender refused", "reason", refused)
    yield _counter("unauthorized_requests", "Requests without the token", tally.unauthorized)
    yield _counter("campaigns", "Campaigns accepted", tally.campaigns)
    yield _counter("report_calls", "Calls of providers with delivery reports", tally.report_calls)
    yield _counter("reports", "Delivery reports in these calls", tally.reports)
    put_off = "Report calls that the provider must repeat"
    yield _counter("put_off_report_calls", put_off, tally.reports_put_off)
    commits = driver.commits
    yield _histogram("commit_duration_seconds", "Duration of a commit", "", {"": commits.spent.durations()})
    yield _counter("failed_commits", "Commits that failed", commits.failures)
    worst = "The longest commit of the last second"
    yield _gauge("commit_longest_seconds", worst, commits.worst_ms / 1000)
    lag_text = "The longest delay of the event loop in the last second"
    yield _gauge("event_loop_lag_seconds", lag_text, lag.worst_ms / 1000)
    waited = "Of that delay, the time without a processor core"
    yield _gauge("event_loop_core_wait_seconds", waited, lag.core_wait_ms / 1000)


def money_families(spending: SpendingState, balances: Mapping[str, float]) -> Iterator[Metric]:
    """Balances and spending limits, as far as there are any."""
    if balances:
        description = "Balance of the route's account, in the unit of its provider"
        yield _gauges("route_balance_units", description, _ROUTE, dict(balances))
    if spending.daily_limit is not None:
        description = "Costs reserved for today, in the currency of the prices"
        yield _gauge("daily_spending_units", description, spending.spent_today / UNIT)
        yield _gauge("daily_spending_limit_units", "The daily spending limit", spending.daily_limit / UNIT)
    over = sum(each.over_limit for each in spending.campaigns)
    description = (
        "Messages of campaigns with a spending limit that wait for a higher one, or for a higher daily limit"
    )
    yield _gauge("over_limit_messages", description, over)


def _gauge(name: str, description: str, value: float) -> Metric:
    return GaugeMetricFamily(_PREFIX + name, description, value=value)


def _gauges(name: str, description: str, label: str, values: Mapping[str, float]) -> Metric:
    return _labelled(GaugeMetricFamily(_PREFIX + name, description, labels=[label]), values)


def _counter(name: str, description: str, value: float) -> Metric:
    return CounterMetricFamily(_PREFIX + name, description, value=value)


def _counters(name: str, description: str, label: str, values: Mapping[str, float]) -> Metric:
    return _labelled(CounterMetricFamily(_PREFIX + name, description, labels=[label]), values)


def _labelled(family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[str, float]) -> Metric:
    for label, value in values.items():
        family.add_metric([label], value)
    return family


def _histogram(name: str, description: str, label: str, values: dict[str, DurationCounts]) -> Metric:
    family = HistogramMetricFamily(_PREFIX + name, description, labels=[label] if label else [])
    for of, durations in values.items():
        total, buckets = 0, []
        for bound, count in zip(_BOUNDS, durations.counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        family.add_metric([of] if label else [], buckets, durations.sum_s)
    return family
