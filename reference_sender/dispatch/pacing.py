"""Learns the rate that a provider really allows, within the configured one: AIMD.

A throttled answer multiplies the rate by ``_DECREASE``. While answers are good, the rate grows by a fixed
step per second: a share of the rate at which the provider last throttled, and above that of the present rate.
So the way back to the last limit takes 10 s, and a limit that was raised is found. On a slow route the step
per answer is limited too, so that fewer than one request in a hundred is throttled there.

The decrease is smaller than TCP's half, since a provider counts tokens: its limit is a number and not the
load of others. See Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance
in computer networks" (1989), for why such a pair converges.
"""

from __future__ import annotations

_DECREASE = 0.8
_STEP_PER_S = 0.02
_STEP_PER_ANSWER = 0.2 / 150
# Less than this is a pause, which the route makes in any case. Throttling that has nothing to do with the
# rate must not stop the route.
LEAST_REQUESTS_PER_S = 1.0
LEAST_SEGMENTS_PER_S = 10.0


class Pacing:
    """``share`` of the configured rate that is used for now: at least ``least_per_s`` and at most all."""

    __slots__ = ("_least_share", "_throttled_share", "_updated_ns", "share")

    def __init__(self, rate_per_s: float, least_per_s: float) -> None:
        self.share = 1.0
        self._least_share = min(1.0, least_per_s / rate_per_s)
        self._throttled_share = 1.0
        self._updated_ns = 0

    def throttled(self, now_ns: int) -> None:
        """The provider refused a request, since it came too fast."""
        self._throttled_share = self.share
        self.share = max(self._least_share, self.share * _DECREASE)
        self._updated_ns = now_ns

    def worked(self, now_ns: int) -> None:
        """The provider took a request that was submitted after the last throttled answer."""
        passed_s = (now_ns - self._updated_ns) / 1e9
        self._updated_ns = now_ns
        step = min(_STEP_PER_S * passed_s, _STEP_PER_ANSWER) * max(self.share, self._throttled_share)
        self.share = min(1.0, self.share + step)
