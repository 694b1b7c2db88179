"""The limits on messages to one number: against loops of a client, and against OTP bombing.

A number that gets more than the limit in any window is refused until the window has room.
"""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from reference_sender.dispatch.values import Lane


class RecipientLimit(Struct, frozen=True):
    """At most ``messages`` to one number within any ``window_ns``."""

    messages: int
    window_ns: int


class _Counted:
    """The instants of the last messages to each number, for one limit.

    A number without a message for a window is forgotten at the second change of generations after it.
    """

    def __init__(self, limit: RecipientLimit) -> None:
        self.limit = limit
        self._recent: dict[str, deque[int]] = {}
        self._older: dict[str, deque[int]] = {}
        self._turns_ns = 0

    def __len__(self) -> int:
        """Numbers that are remembered."""
        return len(self._recent) + len(self._older)

    def free_ns(self, now_ns: int, number: str) -> int:
        """From when on ``number`` may get a message; ``now_ns`` or earlier: now."""
        if now_ns >= self._turns_ns:
            stale = now_ns >= self._turns_ns + self.limit.window_ns
            self._older, self._recent = ({} if stale else self._recent), {}
            self._turns_ns = now_ns + self.limit.window_ns
        times = self._recent.get(number)
        if times is None:
            times = self._older.get(number)
        if times is None or len(times) < self.limit.messages:
            return 0
        return times[0] + self.limit.window_ns

    def count(self, now_ns: int, number: str) -> None:
        times = self._recent.get(number)
        if times is None:
            times = self._older.pop(number, None)
            if times is None:
                times = deque(maxlen=self.limit.messages)
            self._recent[number] = times
        times.append(now_ns)

    def uncount(self, number: str) -> None:
        times = self._recent.get(number) or self._older.get(number)
        if times:
            times.pop()


class RecipientLimits:
    """Both limits: ``every`` counts all messages, ``otp`` only OTPs. None: no limit."""

    def __init__(self, every: RecipientLimit | None, otp: RecipientLimit | None) -> None:
        self._every = None if every is None else _Counted(every)
        self._otp = None if otp is None else _Counted(otp)
        self.active = not (every is None and otp is None)

    @property
    def remembered(self) -> int:
        """Numbers that are remembered, for both limits together."""
        return sum(len(each) for each in (self._every, self._otp) if each is not None)

    def take(self, now_ns: int, number: str, lane: Lane) -> int:
        """Count a message to ``number``. If a limit is reached it is not counted, and the result is how many
        nanoseconds to wait; otherwise 0.
        """
        counted = self._of(lane)
        free_ns = max((each.free_ns(now_ns, number) for each in counted), default=0)
        if free_ns > now_ns:
            return free_ns - now_ns
        for each in counted:
            each.count(now_ns, number)
        return 0

    def undo(self, number: str, lane: Lane) -> None:
        """A message that was counted is not sent: its key was in use, or it was not stored."""
        for each in self._of(lane):
            each.uncount(number)

    def _of(self, lane: Lane) -> list[_Counted]:
        found = []
        if self._every is not None:
            found.append(self._every)
        if self._otp is not None and lane is Lane.OTP:
            found.append(self._otp)
        return found
