"""Learns the rate that a provider really allows, within the configured one: CUBIC, in the logarithm of the rate.

A refusal for the rate sets the rate to ``_DECREASE`` of the learned limit. From there the logarithm of the
rate is a cubic function of the progress x since the refusal: steep at first, flat near the learned limit
(x = 1), then steeper and steeper, so that a limit that was raised is found soon. See RFC 9438, section 4.2.
The unit of progress is a time and a number of answers, whichever is later, so that also on a slow route
fewer than about one request in a hundred is refused.

The decrease is smaller than TCP's half, since a provider counts tokens: its limit is a number and not the
load of others.
"""

from __future__ import annotations

_DECREASE = 0.8
_UNIT_S = 8.0
_UNIT_ANSWERS = 75
_BELOW_REFUSED = 0.95
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
        self._progress = 1.0
        self._updated_ns = 0

    def throttled(self, now_ns: int) -> None:
        """The provider refused a request, since it came too fast."""
        self._limit_share = self.share * _BELOW_REFUSED
        self.share = max(self._least_share, self._limit_share * _DECREASE)
        self._progress = 0.0
        self._updated_ns = now_ns

    def worked(self, now_ns: int, used: bool) -> None:
        """The provider took a request that was submitted after the last throttled answer.

        ``used``: messages waited for this rate meanwhile. Otherwise the answer does not show that the
        provider allows it, so the rate does not exceed the learned limit.
        """
        passed_s = (now_ns - self._updated_ns) / 1e9
        self._updated_ns = now_ns
        if used or self._progress < 1.0:
            self._progress += min(passed_s / _UNIT_S, 1 / _UNIT_ANSWERS)
            share = self._limit_share * _DECREASE ** ((1.0 - self._progress) ** 3)
            self.share = min(1.0, max(self.share, share))
