"""Rows of classes, routes and errors, from two states of the dispatcher: now and a window earlier."""

from __future__ import annotations

from reference_sender.alerts.rules import AlertRules, DeliveryRule
from reference_sender.alerts.values import quantile_s
from reference_sender.dashboard.values import ClassRow, ErrorRow, RouteRow
from reference_sender.dispatch import DispatchState

_ERRORS_SHOWN = 20


def queued_by_class(state: DispatchState) -> dict[str, int]:
    """Messages that no provider has and that are not held; those in flight are not included."""
    return {
        "otp": state.queue_otp,
        "transactional": state.queue_transactional,
        "marketing": state.queue_marketing,
    }


def class_rows(rules: AlertRules, before: DispatchState, now: DispatchState) -> list[ClassRow]:
    """Delivery times are those of ``Alerts``: the same quantile over the same window."""
    queued = queued_by_class(now)
    rows = []
    for earlier, later in zip(before.classes, now.classes, strict=True):
        rule: DeliveryRule = getattr(rules.delivery_time_s, later.message_class)
        pairs = zip(later.delivery.counts, earlier.delivery.counts, strict=True)
        counts = [after - at_start for after, at_start in pairs]
        measured = sum(counts)
        longest_s = later.delivery.longest_s
        enough = measured >= rules.least_messages
        p95_s = quantile_s(counts, 0.95, longest_s) if enough else None
        alert_limit_s = rule.above if rule.enabled else None
        rows.append(
            ClassRow(
                message_class=later.message_class,
                queued=queued[later.message_class],
                sent=later.sent,
                **later.ended,
                measured=measured,
                p50_s=quantile_s(counts, 0.5, longest_s) if enough else None,
                p95_s=p95_s,
                alert_limit_s=alert_limit_s,
                over=p95_s is not None and alert_limit_s is not None and p95_s > alert_limit_s,
            )
        )
    return rows


def route_rows(before: DispatchState, now: DispatchState) -> list[RouteRow]:
    """One row per route, in the order of the options."""
    throttles = {route.name: route.throttles for route in before.routes}
    measured = len(now.routes) > 1
    rows = []
    for route in now.routes:
        condition = "ok" if route.breaker == "closed" else f"breaker {route.breaker.replace('_', ' ')}"
        if condition == "ok" and route.paused_s > 0:
            condition = "paused"
        rows.append(
            RouteRow(
                name=route.name,
                condition=condition,
                trouble=route.trouble,
                paused_s=route.paused_s,
                in_flight=route.in_flight,
                max_in_flight=route.max_in_flight,
                paced_requests_per_s=route.paced_requests_per_s,
                requests_per_s=route.requests_per_s,
                throttled=route.throttles - throttles.get(route.name, 0),
                delivery_rate=route.delivery_rate if measured else None,
                delivery_s=route.delivery_s if measured else None,
            )
        )
    return rows


def error_rows(before: DispatchState, now: DispatchState) -> list[ErrorRow]:
    """The most frequent reasons in the window, then since the process began."""
    rows = [
        ErrorRow(reason, messages, messages - before.reasons.get(reason, 0))
        for reason, messages in now.reasons.items()
    ]
    rows.sort(key=lambda row: (-row.in_window, -row.messages, row.reason))
    return rows[:_ERRORS_SHOWN]
