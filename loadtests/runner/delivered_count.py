"""The number of delivered messages at the instant of the load's counts."""

from __future__ import annotations

from collections import deque

from loadtests.recording import LoadStatus
from loadtests.runner.queries import ServiceState

_KEPT = 8  # number of answers; there is one per second
_STALE_NS = 3_000_000_000


class DeliveredCount:
    """The load writes its counts once a second, and the provider is asked at another instant. The live line
    could then show more messages delivered than accepted. So the provider's answers are kept for some
    seconds, and the last one before the load's count is used. A further round (web UI) counts from its own
    start.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, float]] = deque(maxlen=_KEPT)
        self._start_ns = 0
        self._before = 0.0  # number delivered before the load's start

    def answered(self, now_ns: int, provider: ServiceState) -> None:
        self._seen.append((now_ns, provider.counters.get("delivered", 0.0)))

    def of(self, load: LoadStatus, now_ns: int) -> int | None:
        """None before the provider's first answer."""
        if not self._seen:
            return None
        if load.start_ns != self._start_ns:
            self._start_ns = load.start_ns
            self._before = self._at(load.start_ns)
        stays = load.phase == "finished" or now_ns - load.at_ns > _STALE_NS
        count = self._seen[-1][1] if stays else self._at(load.at_ns)
        return round(max(0.0, count - self._before))

    def _at(self, t_ns: int) -> float:
        counts = [count for seen_ns, count in self._seen if seen_ns <= t_ns]
        return counts[-1] if counts else self._seen[0][1]
