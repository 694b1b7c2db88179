"""The state as plain values: for the state endpoint and the tests."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict, replace

from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.choice import RouteChoice
from reference_sender.dispatch.figures import ClassSnapshot
from reference_sender.dispatch.lookups import PendingLookups
from reference_sender.dispatch.message_states import MessageStates
from reference_sender.dispatch.route import RouteState
from reference_sender.dispatch.sending import Sending
from reference_sender.dispatch.ticket import MARKETING, OTP, TRANSACTIONAL
from reference_sender.dispatch.values import NS_PER_S


class RouteSnapshot(Struct, frozen=True):
    """One route. ``paused_s`` is the rest of its pause; waits for tokens are not included. ``trouble``: why
    it has not been usable for ``unusable_s``; "": it is.
    """

    name: str
    breaker: str
    breaker_opened: int
    in_flight: int
    paused_s: float
    throttles: int
    requests_per_s: float = 0.0  # its limits, in the share of this sender
    segments_per_s: float = 0.0
    max_in_flight: int = 0
    paced_requests_per_s: float = 0.0  # of the limits, the rate that the provider allowed recently
    paced_segments_per_s: float = 0.0
    trouble: str = ""
    unusable_s: float = 0.0
    # With several routes: its measurements, and its share of the weights (0 without weights).
    weight: float = 0.0
    score: float = 0.0  # for an OTP of one segment now
    delivery_rate: float = 0.0
    delivery_s: float = 0.0
    health: float = 0.0


def route_snapshot(route: RouteState, now_ns: int, choice: RouteChoice | None) -> RouteSnapshot:
    """``route`` as of ``now_ns``."""
    limits = route.limits
    snapshot = RouteSnapshot(
        name=route.name,
        breaker=route.breaker.state_at(now_ns).value,
        breaker_opened=route.breaker.opened,
        in_flight=route.in_flight,
        paused_s=route.paused_ns(now_ns) / NS_PER_S,
        throttles=route.throttles,
        requests_per_s=limits.requests_per_s * route.share,
        segments_per_s=limits.segments_per_s * route.share,
        max_in_flight=route.max_in_flight,
        paced_requests_per_s=limits.requests_per_s * route.share * route.requests_pacing.share,
        paced_segments_per_s=limits.segments_per_s * route.share * route.segments_pacing.share,
        trouble=route.trouble,
        unusable_s=(now_ns - route.trouble_since_ns) / NS_PER_S if route.trouble else 0.0,
    )
    if choice is None:
        return snapshot
    candidate = choice.candidate(now_ns, route)
    return replace(
        snapshot,
        weight=0.0 if choice.weights is None else choice.weights.points[route.index],
        score=choice.scores(now_ns)[route.index],
        delivery_rate=candidate.delivery_rate,
        delivery_s=candidate.delivery_s,
        health=candidate.health,
    )


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
    unread: int = 0  # messages of an earlier process that are not read from the store yet
    untried: int = 0  # of these, the ones that no provider has
    waited_s: dict[str, float] = {}  # for how long ready messages were held back, by what (``Sending``)

    @property
    def open(self) -> int:
        """Messages that have not ended."""
        queued = self.queue_otp + self.queue_transactional + self.queue_marketing
        return queued + self.held + self.unread + self.in_flight_messages + self.awaiting_report

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
            "unread": self.unread,
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
            gauges[f"route_{route.name}_paced_requests_per_s"] = route.paced_requests_per_s
            gauges[f"route_{route.name}_paced_segments_per_s"] = route.paced_segments_per_s
        for what, seconds in self.waited_s.items():
            gauges[f"waited_{what}_s"] = seconds
        return gauges


def snapshot(
    now_ns: int, backlog: Backlog, sending: Sending, states: MessageStates, choice: RouteChoice | None
) -> DispatchState:
    """The state at ``now_ns``."""
    return DispatchState(
        queue_otp=backlog.waiting[OTP],
        queue_transactional=backlog.waiting[TRANSACTIONAL],
        queue_marketing=backlog.waiting[MARKETING],
        between_attempts=sum(backlog.waiting) - sum(backlog.ready),
        in_flight=len(sending.in_flight),
        in_flight_messages=len(backlog.tickets) - sum(backlog.waiting),
        awaiting_report=len(states.awaiting.index.by_key),
        early_reports=len(states.early),
        totals=asdict(states.totals),
        routes=tuple(route_snapshot(route, now_ns, choice) for route in sending.routes),
        classes=states.figures.snapshot(),
        reasons=dict(states.figures.reasons),
        waited_s={what: ns / NS_PER_S for what, ns in sending.waited_until(now_ns).items()},
    )


def kept_entries(backlog: Backlog, states: MessageStates, lookups: PendingLookups) -> dict[str, int]:
    """Entries of the tables that are empty when nothing is open."""
    return {
        "tickets": len(backlog.tickets),
        "ready": sum(backlog.ready),
        "awaiting": len(states.awaiting.index),
        "early reports": len(states.early),
        "lookups": lookups.kept,
        "attempts of messages set aside": len(states.tried),
    }
