"""What each route of a simulated sender did: messages, their delivery time, and the route's weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct

from loadtests.arrivals import NS_PER_S
from reference_sender.dispatch.snapshot import RouteSnapshot
from reference_sender.dispatch.values import Change, State

_SHARES = (0.5, 0.95)


class RouteResult(Struct, frozen=True):
    """``weights`` are points of 100, at these instants of virtual time in seconds: at the start and at each
    change. Delivery times begin when the provider accepted the message.
    """

    name: str
    profile: str
    sent: int
    delivered: int
    delivery_p50_s: float | None
    delivery_p95_s: float | None
    weights: tuple[tuple[float, float], ...]


class RouteResults:
    """Follows the changes of all messages. ``profiles`` are those of the providers, by route."""

    def __init__(self, profiles: dict[str, str], next_listener: Callable[[Change], None]) -> None:
        self._profiles = profiles
        self._next_listener = next_listener
        self._sent: Counter[str] = Counter()
        self._open: dict[int, tuple[str, int]] = {}  # route and instant, by message
        self._times_ns: dict[str, list[int]] = {name: [] for name in profiles}
        self._weights: dict[str, list[tuple[float, float]]] = {name: [] for name in profiles}

    def changed(self, change: Change) -> None:
        """A message has a new state."""
        if change.state is State.SENT and change.route is not None:
            self._sent[change.route] += 1
            self._open[change.message_id] = change.route, change.at_ns
        elif change.state is not State.QUEUED and change.message_id in self._open:
            route, sent_ns = self._open.pop(change.message_id)
            if change.state is State.DELIVERED:
                self._times_ns[route].append(change.at_ns - sent_ns)
        self._next_listener(change)

    def sample(self, at_s: float, routes: Sequence[RouteSnapshot]) -> None:
        """The weights of the routes at this instant."""
        for route in routes:
            weights = self._weights[route.name]
            if not weights or weights[-1][1] != route.weight:
                weights.append((at_s, route.weight))

    def results(self) -> tuple[RouteResult, ...]:
        """In the order of the routes."""
        return tuple(self._result(name) for name in self._profiles)

    def _result(self, name: str) -> RouteResult:
        times_ns = sorted(self._times_ns[name])
        p50_s, p95_s = (
            times_ns[int(share * (len(times_ns) - 1))] / NS_PER_S if times_ns else None for share in _SHARES
        )
        weights = tuple(self._weights[name])
        return RouteResult(name, self._profiles[name], self._sent[name], len(times_ns), p50_s, p95_s, weights)
