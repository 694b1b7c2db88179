"""A queue with a rate in segments per second. Messages of ``queue_first`` go first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mock_provider.engine.message import TrackedMessage
from mock_provider.engine.throttle import unit_ns
from mock_provider.engine.values import Effect

Onward = Callable[[int, int, TrackedMessage, list[Effect]], None]
"""(at_ns, now_ns, message, effects): what is called with a message that has passed."""


class RatedQueue:
    """A message passes when each message before it has used its time: ``segments / rate``.

    Without a rate all pass at once. ``armed`` numbers the wake-ups: only the last is valid.
    """

    __slots__ = (
        "_free_ns",
        "_normal",
        "_queue_first",
        "_segment_ns",
        "armed",
        "capacity_segments",
        "onward",
        "waiting_segments",
    )

    def __init__(
        self, segments_per_s: float | None, onward: Onward, capacity_segments: int | None = None
    ) -> None:
        self.onward = onward
        self.capacity_segments = capacity_segments
        self.waiting_segments = 0
        self._segment_ns = unit_ns(segments_per_s)
        self._free_ns = 0  # when the next may pass
        self._queue_first: deque[tuple[TrackedMessage, int]] = deque()
        self._normal: deque[tuple[TrackedMessage, int]] = deque()
        self.armed = 0

    def __len__(self) -> int:
        return len(self._queue_first) + len(self._normal)

    def passes(self, segments: int, at_ns: int) -> bool:
        """Whether a message that arrives at ``at_ns`` passes at once. If so, it uses the queue's rate."""
        if self._queue_first or self._normal:
            return False
        if not self._segment_ns:
            return True
        if self._free_ns > at_ns:
            return False
        self._free_ns = at_ns + segments * self._segment_ns
        return True

    def wait(self, message: TrackedMessage, at_ns: int) -> bool:
        """Queue a message. Returns whether it is the first to wait: then a wake-up is needed."""
        first = not (self._queue_first or self._normal)
        (self._queue_first if message.terms.queue_first else self._normal).append((message, at_ns))
        self.waiting_segments += message.segments
        return first

    def has_room(self, segments: int) -> bool:
        """Whether there is room for these segments."""
        capacity = self.capacity_segments
        return capacity is None or self.waiting_segments + segments <= capacity

    def pop(self) -> tuple[TrackedMessage, int]:
        """The next message, and when it arrived. ``passed`` makes it use the queue's rate."""
        entry = (self._queue_first or self._normal).popleft()
        self.waiting_segments -= entry[0].segments
        return entry

    def passed(self, segments: int, at_ns: int) -> None:
        self._free_ns = at_ns + segments * self._segment_ns

    def wake_ns(self, at_ns: int) -> int:
        """When the next message may pass, not before ``at_ns``."""
        return max(self._free_ns, at_ns)

    def reconfigure(self, now_ns: int, segments_per_s: float | None) -> None:
        """Apply a new rate. The rest of the current message's time is scaled to it."""
        remaining_ns = max(0, self._free_ns - now_ns)
        segment_ns = unit_ns(segments_per_s)
        self._free_ns = now_ns + (remaining_ns * segment_ns // self._segment_ns if self._segment_ns else 0)
        self._segment_ns = segment_ns
