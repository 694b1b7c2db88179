"""How far the wall clock is ahead of the node's clock.

The node's clock never goes back: intervals (validity, retries, leases) use it. The wall clock may be set
while the node runs. Schedules, opening hours and the days of spending use the wall clock. The driver says
when it was set (``Node.wall_set``).
"""

from __future__ import annotations

from bisect import bisect_right

_STEPS_KEPT = 64


class WallOffset:
    """An instant of the node's clock plus ``ahead_ns`` is Unix time."""

    def __init__(self) -> None:
        self.ahead_ns = 0
        self._steps_ns: list[int] = []  # when it was set, on the node's clock
        self._before_ns: list[int] = []  # the offset until each of these instants
        # (until_ns, ahead_ns), ascending: the first entry after an instant has the least offset since then.
        self._least: list[tuple[int, int]] = []

    def set(self, now_ns: int, ahead_ns: int) -> int:
        """The offset is ``ahead_ns`` from now on. Returns the change: negative if it was set back."""
        by_ns = ahead_ns - self.ahead_ns
        least = self._least
        while least and least[-1][1] >= self.ahead_ns:
            least.pop()
        least.append((now_ns, self.ahead_ns))
        if len(least) > _STEPS_KEPT:
            least[:2] = [(least[1][0], least[0][1])]
        self._steps_ns.append(now_ns)
        self._before_ns.append(self.ahead_ns)
        if len(self._steps_ns) > _STEPS_KEPT:
            del self._steps_ns[0], self._before_ns[0]
        self.ahead_ns = ahead_ns
        return by_ns

    def least_ahead_ns(self, since_ns: int) -> int:
        """The least offset after the instant ``since_ns`` of the node's clock."""
        for until_ns, ahead_ns in self._least:
            if until_ns > since_ns:
                return min(ahead_ns, self.ahead_ns)
        return self.ahead_ns

    def ahead_at_ns(self, at_ns: int) -> int:
        """The offset at a past instant of the node's clock. For a later instant: the present offset."""
        place = bisect_right(self._steps_ns, at_ns)
        return self._before_ns[place] if place < len(self._before_ns) else self.ahead_ns
