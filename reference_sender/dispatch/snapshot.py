"""The state as plain values: for the state endpoint and the tests."""

from __future__ import annotations

from msgspec import Struct

from reference_sender.dispatch.figures import ClassSnapshot


class RouteSnapshot(Struct, frozen=True):
    """One route. ``paused_s`` is the rest of its pause; waits for tokens are not included."""

    name: str
    breaker: str
    breaker_opened: int
    in_flight: int
    paused_s: float
    throttles: int
    requests_per_s: float = 0.0  # its own limits
    segments_per_s: float = 0.0
    max_in_flight: int = 0


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
    routes: tuple[RouteSnapshot, ...]
    classes: tuple[ClassSnapshot, ...] = ()
    reasons: dict[str, int] = {}  # of messages that ended without a delivery
    waited_s: dict[str, float] = {}  # for how long ready messages were held back, by what (``Sending``)

    @property
    def open(self) -> int:
        """Messages that have not ended."""
        queued = self.queue_otp + self.queue_transactional + self.queue_marketing
        return queued + self.in_flight_messages + self.awaiting_report

    def gauges(self) -> dict[str, float]:
        """The gauges by name, one flat mapping; a route's are ``route_<name>_<what>``."""
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
            gauges[f"route_{route.name}_throttles"] = route.throttles
            gauges[f"route_{route.name}_requests_per_s"] = route.requests_per_s
            gauges[f"route_{route.name}_segments_per_s"] = route.segments_per_s
            gauges[f"route_{route.name}_max_in_flight"] = route.max_in_flight
        for what, seconds in self.waited_s.items():
            gauges[f"waited_{what}_s"] = seconds
        return gauges
