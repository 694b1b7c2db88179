"""The order in which the routes are tried for a message: by score, and by weight among equal ones.

Only a sender with several routes has one. All decisions depend on the inputs and their times alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from reference_sender.dispatch.figures import begun_ns
from reference_sender.dispatch.number_prices import NumberPrices
from reference_sender.dispatch.route import RouteState
from reference_sender.dispatch.scoring import Purpose, ScoredRoute, score
from reference_sender.dispatch.settings import DispatchSettings
from reference_sender.dispatch.statistics import CARRIER_DIGITS, RouteStatistics
from reference_sender.dispatch.ticket import LANES, OTP
from reference_sender.dispatch.values import NS_PER_S, Message
from reference_sender.dispatch.weights import Weights


class RouteChoice:
    """Measurements and weights of all routes.

    Equal routes share by weighted fair queueing: each segment moves a route's tag on by the inverse of its
    weight, and the route with the lowest tag is first. A route without points comes after its equals.
    """

    def __init__(self, settings: DispatchSettings, routes: Sequence[RouteState]) -> None:
        self._routes = routes
        self._purposes = tuple(
            Purpose(getattr(settings, f"{lane.value}_worth"), getattr(settings, f"{lane.value}_deadline_s"))
            for lane in LANES
        )
        self._equal_within = settings.equal_within
        self.prices = NumberPrices([route.limits for route in routes])
        self.statistics = [RouteStatistics(settings.slow_delivery_s) for _ in routes]
        self._by_name = {route.name: each for route, each in zip(routes, self.statistics, strict=True)}
        given = [route.limits.weight for route in routes]
        weighted = any(weight is not None for weight in given)
        self.weights = Weights([1.0 if weight is None else weight for weight in given]) if weighted else None
        self._tags = [0.0] * len(routes)
        self._carriers: dict[str, str] = {}
        self.wall_ahead_ns = 0  # as in ``MessageStates``, which sets it

    def carrier_of(self, message: Message) -> str:
        """The carrier of the recipient, as one shared string."""
        digits = message.to[:CARRIER_DIGITS]
        return self._carriers.setdefault(digits, digits)

    def accepted(self, now_ns: int, route: str | None) -> None:
        """The provider of ``route`` accepted a message."""
        if route in self._by_name:
            self._by_name[route].sent(now_ns)

    def reported(self, now_ns: int, route: str | None, sent_ns: int, carrier: str, delivered: bool) -> None:
        """A message got its final report, or none in time."""
        if route in self._by_name:
            self._by_name[route].reported(now_ns, sent_ns, carrier, delivered)

    def answered(self, now_ns: int, route: RouteState, failed: bool) -> None:
        """A request on ``route`` got a real answer, or ``failed``."""
        self.statistics[route.index].health.add(now_ns, not failed)
        if failed and self.weights is not None:
            self.weights.failed(now_ns, route.index)

    def sent(self, route: RouteState, segments: int) -> None:
        """``segments`` are submitted on ``route``."""
        if self.weights is None:
            return
        tags, points = self._tags, self.weights.points[route.index]
        reached = tags[route.index]
        # Routes that were passed over could not send. Afterwards they share, and do not make up for it.
        for index, tag in enumerate(tags):
            if tag < reached:
                tags[index] = reached
        if points > 0:
            tags[route.index] += segments / points

    def ranked(self, now_ns: int, message: Message, lane: int) -> list[RouteState]:
        """All routes, the best for ``message`` of ``lane`` first."""
        self._review(now_ns)
        carrier = message.to[:CARRIER_DIGITS] if lane == OTP else None
        return self._order(self._scores(now_ns, message, lane, carrier, message.to))

    def differs_by_carrier(self, now_ns: int, message: Message, lane: int) -> bool:
        """Whether the best route for ``message`` is another one than for the average carrier and country."""
        of_all = self._order(self._scores(now_ns, message, lane, None, None))
        return of_all[0] is not self.ranked(now_ns, message, lane)[0]

    def candidate(self, now_ns: int, route: RouteState) -> ScoredRoute:
        """``route`` as a choice for one segment to the average carrier."""
        return self._candidate(now_ns, route, 1, None, None)

    def scores(self, now_ns: int) -> list[float]:
        """The score of each route for an OTP of one segment now, for display."""
        purpose = self._purposes[OTP]
        return [score(self._candidate(now_ns, route, 1, None, None), purpose) for route in self._routes]

    def _scores(
        self, now_ns: int, message: Message, lane: int, carrier: str | None, number: str | None
    ) -> list[float]:
        purpose = self._purposes[lane]
        age_s = (now_ns - begun_ns(now_ns, message, self.wall_ahead_ns)) / NS_PER_S
        return [
            score(self._candidate(now_ns, route, message.segments, carrier, number), purpose, age_s)
            for route in self._routes
        ]

    def _candidate(
        self, now_ns: int, route: RouteState, segments: int, carrier: str | None, number: str | None
    ) -> ScoredRoute:
        statistics = self.statistics[route.index]
        rate, seconds = statistics.means(now_ns, carrier)
        slow_share = statistics.slow_share(now_ns) or 0.0
        return ScoredRoute(
            self.prices.of(route.index, number) * segments,
            seconds,
            rate,
            statistics.health.now(now_ns) * (1.0 - slow_share),
            route.paused_ns(now_ns) / NS_PER_S,
        )

    def _order(self, scores: Sequence[float]) -> list[RouteState]:
        # As good as the best: the rest is decided by weight, or by the order of the options.
        best = max(scores)
        least = best - self._equal_within * abs(best)
        tags, weights = self._tags, self.weights

        def place(route: RouteState) -> tuple[bool, float, int]:
            equal = scores[route.index] >= least
            if equal and weights is not None:
                equal = weights.points[route.index] > 0
            return not equal, tags[route.index] if equal else -scores[route.index], route.index

        return sorted(self._routes, key=place)

    def _review(self, now_ns: int) -> None:
        if self.weights is not None and self.weights.is_due(now_ns):
            self.weights.review(now_ns, [each.slow_share(now_ns) for each in self.statistics])
