"""The weights of routes that are equally good, as a state machine: GOV.UK Notify's rule.

Source: alphagov/notifications-api. There it has two providers, here any number.
- A route of whose messages at least 15 % were slow loses 10 points, at most every 5 minutes, and not if every
  route is slow.
- A route with 50 failed requests within 60 s loses 10 points, at most once a minute.
- Every 5 minutes the points move back by up to 10, if none was changed for 15 minutes.
The points that a route loses go to the routes that are not slow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from reference_sender.dispatch.values import NS_PER_S

TOTAL = 100.0
STEP = 10.0
SLOW_SHARE = 0.15
FAILURES = 50
_MINUTE_NS = 60 * NS_PER_S
_FAILURES_WITHIN_NS = _MINUTE_NS
_SLOW_PAUSE_NS = 5 * _MINUTE_NS
_RETURN_EVERY_NS = 5 * _MINUTE_NS
_RETURN_AFTER_NS = 15 * _MINUTE_NS


class Weights:
    """``points`` of each route; their sum is ``TOTAL``."""

    def __init__(self, configured: Sequence[float]) -> None:
        """Raises ``ValueError`` unless all are positive."""
        if not configured or not all(each > 0 for each in configured):
            raise ValueError("weights must be positive")
        whole = sum(configured)
        self._resting = [TOTAL * each / whole for each in configured]
        self.points = list(self._resting)
        self._changed_ns: int | None = None  # the last time a route lost points, or moved back
        self._lost_ns: int | None = None
        self._reviewed_ns = 0
        self._returned_ns = 0
        self._failures: list[deque[int]] = [deque(maxlen=FAILURES) for _ in configured]

    def failed(self, now_ns: int, route: int) -> None:
        """A request on ``route`` got no real answer."""
        failures = self._failures[route]
        failures.append(now_ns)
        if len(failures) < FAILURES or now_ns - failures[0] > _FAILURES_WITHIN_NS:
            return
        if self._lost_ns is None or now_ns - self._lost_ns >= _MINUTE_NS:
            self._take(now_ns, route, [False] * len(self.points))

    def is_due(self, now_ns: int) -> bool:
        """Whether ``review`` has work: once a minute."""
        return now_ns - self._reviewed_ns >= _MINUTE_NS

    def review(self, now_ns: int, slow_shares: Sequence[float | None]) -> None:
        """Lower the weight of slow routes, or move all back. None: nothing is known of that route."""
        self._reviewed_ns = now_ns
        slow = [share is not None and share >= SLOW_SHARE for share in slow_shares]
        may_lose = self._lost_ns is None or now_ns - self._lost_ns >= _SLOW_PAUSE_NS
        if any(slow) and not all(slow) and may_lose:
            for route, is_slow in enumerate(slow):
                if is_slow:
                    self._take(now_ns, route, slow)
            return
        rested = self._changed_ns is None or now_ns - self._changed_ns >= _RETURN_AFTER_NS
        if rested and now_ns - self._returned_ns >= _RETURN_EVERY_NS:
            self._returned_ns = now_ns
            self._move_back()

    def _take(self, now_ns: int, route: int, slow: Sequence[bool]) -> None:
        self._changed_ns = self._lost_ns = now_ns
        others = [each for each in range(len(self.points)) if each != route and not slow[each]]
        if not others:
            return
        lost = min(STEP, self.points[route])
        self.points[route] -= lost
        whole = sum(self._resting[each] for each in others)
        for each in others:
            self.points[each] += lost * self._resting[each] / whole

    def _move_back(self) -> None:
        furthest = max(abs(at - rest) for at, rest in zip(self.points, self._resting, strict=True))
        if furthest == 0.0:
            return
        part = min(1.0, STEP / furthest)
        self.points = [
            rest if part == 1.0 else at + part * (rest - at)
            for at, rest in zip(self.points, self._resting, strict=True)
        ]
