"""Figures per message class since the process began: what was sent, how it ended, and how long it took.

For each message this costs one search in a short table and a few additions, in memory.
"""

from __future__ import annotations

from bisect import bisect_right

from msgspec import Struct

from reference_sender.dispatch.ticket import LANES
from reference_sender.dispatch.values import Lane, Message, State

BOUNDS_S = (
    0.001,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    20.0,
    60.0,
    300.0,
    1800.0,
    7200.0,
)
_BOUNDS_NS = tuple(int(bound_s * 1e9) for bound_s in BOUNDS_S)
_COUNTED_AT_ONCE = 256  # durations
_MOST_REASONS = 100  # a provider may invent reasons; further ones count together
OTHER_REASONS = "other"


def begun_ns(now_ns: int, message: Message, wall_ahead_ns: int = 0) -> int:
    """From when the durations of ``message`` count: its acceptance, or its scheduled time if later, which the
    message has in Unix time.
    """
    created_ns, scheduled_ns = message.created_ns, message.not_before_ns
    if scheduled_ns:
        scheduled_ns -= wall_ahead_ns
    # Compared and not min() or max(): this is asked for every message.
    if created_ns < scheduled_ns <= now_ns:
        return scheduled_ns
    return created_ns if created_ns < now_ns else now_ns


class DurationCounts(Struct, frozen=True):
    """``counts``: one entry for each bound of ``BOUNDS_S``, up to and with it, and one for longer ones."""

    counts: tuple[int, ...]
    sum_s: float
    longest_s: float = BOUNDS_S[-1]


class ClassSnapshot(Struct, frozen=True):
    """One message class. A late update counts under both of its final states."""

    message_class: str
    sent: int
    ended: dict[str, int]  # by final state
    handover: DurationCounts  # from the acceptance by the sender to the acceptance by a provider
    delivery: DurationCounts  # from the acceptance by the sender to the delivery


class Histogram:
    """Counts durations by ``BOUNDS_S``: many at a time, which takes less time for each."""

    __slots__ = ("_counts", "_longest_ns", "_new_ns", "_sum_ns")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS_NS) + 1)
        self._new_ns: list[int] = []  # not counted yet
        self._sum_ns = 0
        self._longest_ns = 0

    def add(self, spent_ns: int) -> None:
        """Count this duration."""
        self._new_ns.append(spent_ns)
        if len(self._new_ns) >= _COUNTED_AT_ONCE:
            self._count()

    def _count(self) -> None:
        counts, new_ns = self._counts, self._new_ns
        new_ns.sort()
        counted = 0
        for index, bound_ns in enumerate(_BOUNDS_NS):
            up_to = bisect_right(new_ns, bound_ns)
            counts[index] += up_to - counted
            counted = up_to
        counts[-1] += len(new_ns) - counted
        self._sum_ns += sum(new_ns)
        self._longest_ns = max(self._longest_ns, new_ns[-1])
        new_ns.clear()

    def durations(self) -> DurationCounts:
        """What was counted so far."""
        if self._new_ns:
            self._count()
        return DurationCounts(tuple(self._counts), self._sum_ns / 1e9, self._longest_ns / 1e9)


class Figures:
    """The figures of every class, by the index of its lane in ``LANES``."""

    def __init__(self) -> None:
        # From the acceptance by the sender: to that by a provider, one for each sent message, and to the
        # delivery, one for each delivered message.
        self.handovers = tuple(Histogram() for _ in LANES)
        self.deliveries = tuple(Histogram() for _ in LANES)
        self._failed = [0] * len(LANES)
        self._expired = [0] * len(LANES)
        self.reasons: dict[str, int] = {}  # of messages that ended without a delivery

    def not_delivered(self, lane: int, state: State, reason: str) -> None:
        """A message ended as FAILED or EXPIRED."""
        if state is State.FAILED:
            self._failed[lane] += 1
        else:
            self._expired[lane] += 1
        reasons = self.reasons
        if reason not in reasons and len(reasons) >= _MOST_REASONS:
            reason = OTHER_REASONS
        reasons[reason] = reasons.get(reason, 0) + 1

    def snapshot(self) -> tuple[ClassSnapshot, ...]:
        """The figures by class, the most urgent first."""
        return tuple(self._class(index, lane) for index, lane in enumerate(LANES))

    def _class(self, index: int, lane: Lane) -> ClassSnapshot:
        handover, delivery = self.handovers[index].durations(), self.deliveries[index].durations()
        ended = {
            "delivered": sum(delivery.counts),
            "failed": self._failed[index],
            "expired": self._expired[index],
        }
        return ClassSnapshot(lane.value, sum(handover.counts), ended, handover, delivery)
