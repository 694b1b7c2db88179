"""What the page gets. Durations are in seconds, rates per second, costs in the currency of the prices.

``page/payloads.js`` has the same types; a test compares them. None: not known.
"""

from __future__ import annotations

from msgspec import Struct


class Point(Struct, frozen=True):
    """One second, for the charts."""

    unix_s: float
    accepted_per_s: float  # messages, as the next four
    sent_per_s: float  # that providers accepted
    delivered_per_s: float
    failed_per_s: float
    expired_per_s: float
    queued: dict[str, int]  # messages by class
    in_flight: int
    held: int
    awaiting_report: int


class ClassRow(Struct, frozen=True):
    """One message class since the process began, and its delivery time in the window."""

    message_class: str
    queued: int
    sent: int
    delivered: int
    failed: int
    expired: int
    measured: int  # deliveries in the window
    p50_s: float | None  # None: too few deliveries
    p95_s: float | None
    alert_limit_s: float | None  # for the 95th percentile; None: that rule is off
    over: bool  # the 95th percentile is over it


class ShownCampaign(Struct, frozen=True):
    """One campaign. Each of its ``messages`` is in one of the six counts."""

    name: str
    state: str  # running, paused, cancelled, or ended
    messages: int
    held: int
    held_by: str | None  # why: a value of ``HoldReason``
    held_until_unix_s: float | None
    queued: int  # or in flight
    sent: int  # a report is awaited
    delivered: int
    failed: int
    expired: int
    per_s: float | None  # messages that leave the queue
    eta_s: float | None  # until no message is queued
    cost: float | None  # of the messages that providers accepted
    cost_at_end: float | None
    spending_limit: float | None


class RouteRow(Struct, frozen=True):
    """One route. Deliveries are measured only if there are several."""

    name: str
    condition: str  # ok, paused, or the state of a circuit breaker that is not closed
    trouble: str  # why it cannot be used; "": it can
    paused_s: float
    in_flight: int
    max_in_flight: int
    paced_requests_per_s: float
    requests_per_s: float
    throttled: int  # requests in the window
    delivery_rate: float | None
    delivery_s: float | None


class ErrorRow(Struct, frozen=True):
    """Messages that ended without a delivery, for one reason."""

    reason: str
    messages: int  # since the process began
    in_window: int


class AlertRow(Struct, frozen=True):
    """An alert that is active (``ended_ago_s`` is None), or has ended."""

    name: str
    description: str
    lasted_s: float
    ended_ago_s: float | None


class Overview(Struct, frozen=True):
    """Everything at one instant. Counts are since the process began unless they describe the present."""

    point: Point
    up_s: float
    window_s: float  # over which delivery times, reasons and throttled requests count
    nodes: int | None  # that share the store; None: this is the only one
    store: str  # why nothing can be stored; "": it can
    accepted: int
    refused: int  # messages
    eta_s: float | None  # until no message is queued
    cost: float | None
    cost_at_end: float | None
    classes: list[ClassRow]
    campaigns: list[ShownCampaign]
    more_campaigns: int  # that are not in the list
    routes: list[RouteRow]
    errors: list[ErrorRow]
    alerts: list[AlertRow]
    ended_alerts: list[AlertRow]


class History(Struct, frozen=True):
    """The last points, oldest first."""

    points: list[Point]
