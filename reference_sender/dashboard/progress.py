"""Rates over a window, and the time that is left. Instants are seconds on a scale that never goes back."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 30.0
_LEAST_S = 3.0  # a shorter time gives no rate


class GrowthRate:
    """A count that grows, and its rate over the last 30 s."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def observe(self, at_s: float, done: int) -> None:
        """The count at ``at_s``. A count that fell begins again."""
        seen = self._seen
        if seen and done < seen[-1][1]:
            seen.clear()
        seen.append((at_s, done))
        # The oldest is the newest of those that are at least one window old.
        while len(seen) > 1 and seen[1][0] <= at_s - _WINDOW_S:
            seen.popleft()

    @property
    def per_s(self) -> float | None:
        """The rate; None: too short a time was seen."""
        if not self._seen:
            return None
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        return (last - first) / (last_s - first_s) if last_s - first_s >= _LEAST_S else None


def left_s(count: int, per_s: float | None) -> float | None:
    """When ``count`` more are done at this rate; None: unknown."""
    if count == 0:
        return 0.0
    return count / per_s if per_s else None


def cost_at_end(cost: int, sent_segments: int, waiting_segments: int, lowest_price: int | None) -> int | None:
    """The cost when the waiting segments are sent too, at the mean price so far; before the first one, at the
    lowest price. None: there are no prices. Amounts are in millionths.
    """
    if lowest_price is None:
        return None
    if sent_segments == 0:
        return cost + waiting_segments * lowest_price
    return cost + round(waiting_segments * cost / sent_segments)
