"""How things stand, as plain values: for the state endpoint, the dashboard and the tests."""

from __future__ import annotations

from msgspec import Struct


class RouteState(Struct, frozen=True):
    """One route. ``paused_s`` is how long it will not be used yet, token buckets apart."""

    name: str
    breaker: str
    breaker_opened: int
    in_flight: int
    paused_s: float
    throttles: int


class DispatchState(Struct, frozen=True):
    """The dispatcher. Queues count messages, ``in_flight`` counts requests."""

    queue_otp: int
    queue_transactional: int
    queue_marketing: int
    between_attempts: int  # of the queues: not to be tried before some later time
    in_flight: int
    in_flight_messages: int
    awaiting_report: int
    early_reports: int
    totals: dict[str, int]  # since the dispatcher began, by name
    routes: tuple[RouteState, ...]

    @property
    def open(self) -> int:
        """Messages that have not ended."""
        queued = self.queue_otp + self.queue_transactional + self.queue_marketing
        return queued + self.in_flight_messages + self.awaiting_report

    def gauges(self) -> dict[str, float]:
        """The standing figures by name, one flat mapping; a route's are ``route_<name>_<what>``."""
        gauges: dict[str, float] = {
            "queue_otp": self.queue_otp,
            "queue_transactional": self.queue_transactional,
            "queue_marketing": self.queue_marketing,
            "between_attempts": self.between_attempts,
            "in_flight": self.in_flight,
            "in_flight_messages": self.in_flight_messages,
            "awaiting_report": self.awaiting_report,
            "early_reports": self.early_reports,
        }
        for route in self.routes:
            gauges[f"route_{route.name}_in_flight"] = route.in_flight
            gauges[f"route_{route.name}_paused_s"] = route.paused_s
            gauges[f"route_{route.name}_breaker_open"] = float(route.breaker != "closed")
        return gauges
