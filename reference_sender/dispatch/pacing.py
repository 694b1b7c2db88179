"""Learns the rate that a provider really allows, within the configured one: CUBIC, of the rate's logarithm.

A throttled answer at rate r sets the learned limit to ``_LIMIT`` * r. The rate then follows the progress x:

    rate = limit * _DECREASE ** ((1 - x) ** 3)

It begins at ``_DECREASE`` of the limit, rises steeply at first, is flat near the limit (x = 1), and then
rises faster and faster. So the provider's limit is used almost fully, the next throttled answer comes at a
rate that is little above it, and a limit that was raised to many times its value is found soon.

Each good answer adds the time since the last one to x, in units of ``_UNIT_S``, but at most 1 of
``_UNIT_ANSWERS``. So also on a slow route fewer than about one request in a hundred is throttled. The limit
is set below the throttled rate: the provider's burst lets a sender exceed its rate for a while.

RFC 9438 has the cubic function, a limit below the rate at a loss ("fast convergence"), and no increase for
a flow that is limited by its application. The logarithm makes the function the same for any rate. The
decrease is smaller than TCP's, since a provider counts tokens: its limit is a number and not the load of
others.
"""

from __future__ import annotations

_LIMIT = 0.95
_DECREASE = 0.8
_UNIT_S = 7.0
_UNIT_ANSWERS = 75
# Less than this is a pause, which the route makes in any case. Throttling that has nothing to do with the
# rate must not stop the route.
LEAST_REQUESTS_PER_S = 1.0
LEAST_SEGMENTS_PER_S = 10.0


class Pacing:
    """``share`` of the configured rate that is used for now: at least ``least_per_s`` and at most all."""

    __slots__ = ("_least_share", "_limit_share", "_progress", "_updated_ns", "share")

    def __init__(self, rate_per_s: float, least_per_s: float) -> None:
        self.share = 1.0
        self._least_share = min(1.0, least_per_s / rate_per_s)
        self._limit_share = 1.0
        self._progress = 0.0
        self._updated_ns = 0

    def throttled(self, now_ns: int) -> None:
        """The provider refused a request, since it came too fast."""
        self._limit_share = _LIMIT * self.share
        self.share = max(self._least_share, _DECREASE * self._limit_share)
        self._progress = 0.0
        self._updated_ns = now_ns

    def worked(self, now_ns: int, used: bool) -> None:
        """The provider took a request that was submitted after the last throttled answer.

        ``used``: messages waited for this rate while the request was unanswered. If none did, the answer does
        not show that the provider allows the rate: above the limit the rate stays, and its rise begins again.
        Otherwise the rises of many short bursts would add up, and a later burst would be throttled often.
        """
        passed_s = (now_ns - self._updated_ns) / 1e9
        self._updated_ns = now_ns
        if self.share == 1.0:
            return
        if used or self._progress < 1.0:
            self._progress += min(passed_s / _UNIT_S, 1 / _UNIT_ANSWERS)
            share = self._limit_share * _DECREASE ** ((1.0 - self._progress) ** 3)
            self.share = min(1.0, max(self.share, share))
        elif self._progress > 1.0:
            self._limit_share = self.share
            self._progress = 1.0
