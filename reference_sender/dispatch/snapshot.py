"""The state as plain values: for the state endpoint and the tests."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.figures import ClassSnapshot
from reference_sender.dispatch.lookups import PendingLookups
from reference_sender.dispatch.message_states import MessageStates
from reference_sender.dispatch.retry import SECOND_NS
from reference_sender.dispatch.sending import Sending


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
    held: int = 0  # messages that wait for a time, or for their campaign (``policy/gate.py``)
    waited_s: dict[str, float] = {}  # for how long ready messages were held back, by what (``Sending``)

    @property
    def open(self) -> int:
        """Messages that have not ended."""
        queued = self.queue_otp + self.queue_transactional + self.queue_marketing
        return queued + self.held + self.in_flight_messages + self.awaiting_report

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
            "held": self.held,
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


def snapshot(now_ns: int, backlog: Backlog, sending: Sending, states: MessageStates) -> DispatchState:
    """The state at ``now_ns``."""
    routes = tuple(
        RouteSnapshot(
            name=route.name,
            breaker=route.breaker.state.value,
            breaker_opened=route.breaker.opened,
            in_flight=route.in_flight,
            paused_s=route.paused_ns(now_ns) / SECOND_NS,
            throttles=route.throttles,
            requests_per_s=route.limits.requests_per_s,
            segments_per_s=route.limits.segments_per_s,
            max_in_flight=route.limits.max_in_flight,
        )
        for route in sending.routes
    )
    return DispatchState(
        queue_otp=backlog.waiting[0],
        queue_transactional=backlog.waiting[1],
        queue_marketing=backlog.waiting[2],
        between_attempts=sum(backlog.waiting) - sum(backlog.ready),
        in_flight=len(sending.in_flight),
        in_flight_messages=len(backlog.tickets) - sum(backlog.waiting),
        awaiting_report=len(states.awaiting.index.by_key),
        early_reports=len(states.early),
        totals=msgspec.structs.asdict(states.totals),
        routes=routes,
        classes=states.figures.snapshot(),
        reasons=dict(states.figures.reasons),
        waited_s={what: ns / SECOND_NS for what, ns in sending.waited_ns.items()},
    )


def kept_entries(backlog: Backlog, states: MessageStates, lookups: PendingLookups) -> dict[str, int]:
    """Entries of the tables that are empty when nothing is open."""
    return {
        "tickets": len(backlog.tickets),
        "ready": sum(backlog.ready),
        "awaiting": len(states.awaiting.index),
        "early reports": len(states.early),
        "lookups": lookups.kept,
    }
