"""The limits on messages to one number: against loops of a client, and against OTP bombing.

A number that gets more than the limit in any window is refused until the window has room.

Several nodes share what they counted for a number as soon as one of them has counted its part of the limit:
the counts that none of them has shared are then below the limit together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reference_sender.dispatch.values import NS_PER_S, Lane


class RecipientLimit(Struct, frozen=True):
    """At most ``messages`` to one number within any ``window_ns``."""

    messages: int
    window_ns: int


class NumberCount(Struct, frozen=True):
    """When a number got its last messages, in nanoseconds. ``otp``: for the limit on OTPs."""

    number: str
    otp: bool
    times_ns: Sequence[int]
    until_ns: int  # when the last one leaves the window

    def moved(self, by_ns: int) -> NumberCount:
        """With all instants ``by_ns`` later."""
        if not by_ns:
            return self
        times_ns = [each + by_ns for each in self.times_ns]
        return replace(self, times_ns=times_ns, until_ns=self.until_ns + by_ns)


class _Counted:
    """The instants of the last messages to each number, for one limit.

    A number without a message for a window is forgotten at the second change of generations after it.
    """

    def __init__(self, limit: RecipientLimit, shared: bool) -> None:
        self.limit = limit
        self._shared = shared
        self._recent: dict[str, deque[int]] = {}
        self._older: dict[str, deque[int]] = {}
        self._others: dict[str, list[int]] = {}  # what other nodes counted, oldest first
        self._turns_ns = 0
        self._unshared: set[str] = set()  # numbers with counts that the other nodes do not know

    def __len__(self) -> int:
        """Numbers that are remembered."""
        return len(self._recent) + len(self._older)

    def free_ns(self, now_ns: int, number: str) -> int:
        """From when on ``number`` may get a message; ``now_ns`` or earlier: now."""
        if now_ns >= self._turns_ns:
            stale = now_ns >= self._turns_ns + self.limit.window_ns
            self._older, self._recent = ({} if stale else self._recent), {}
            self._turns_ns = now_ns + self.limit.window_ns
            begins_ns = now_ns - self.limit.window_ns
            self._others = {each: times for each, times in self._others.items() if times[-1] > begins_ns}
        times: Sequence[int] | None = self._times_of(number)
        others = self._others.get(number)
        if others is not None:
            times = sorted([*(times or ()), *others])[-self.limit.messages :]
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
        if self._shared:
            self._unshared.add(number)

    def uncount(self, number: str, from_ns: int) -> None:
        times = self._times_of(number)
        at_ns = next((each for each in times or () if each >= from_ns), None)
        if times and at_ns is not None:
            times.remove(at_ns)
            if self._shared:
                self._unshared.add(number)

    def learn(self, number: str, times_ns: Sequence[int]) -> None:
        """The other nodes counted these for ``number``."""
        if not times_ns:
            self._others.pop(number, None)
            return
        if self._times_of(number) and number not in self._others:
            self._unshared.add(number)
        self._others[number] = sorted(times_ns)

    def to_share(self, now_ns: int, nodes: int) -> list[tuple[str, list[int]]]:
        """What other nodes must know by now, with the instants in the window."""
        part = -(-self.limit.messages // nodes)
        begins_ns = now_ns - self.limit.window_ns
        found = []
        for number in self._unshared:
            times = [each for each in self._times_of(number) or () if each > begins_ns]
            if len(times) >= part or number in self._others:
                found.append((number, times))
        self._unshared.clear()
        return found

    def _times_of(self, number: str) -> deque[int] | None:
        times = self._recent.get(number)
        return self._older.get(number) if times is None else times


class RecipientLimits:
    """Both limits: ``every`` counts all messages, ``otp`` only OTPs. None: no limit. ``shared``: with other
    nodes, so ``to_share`` is called.
    """

    def __init__(
        self, every: RecipientLimit | None, otp: RecipientLimit | None, shared: bool = False
    ) -> None:
        self._every = None if every is None else _Counted(every, shared)
        self._otp = None if otp is None else _Counted(otp, shared)
        self.active = not (every is None and otp is None)

    @property
    def remembered(self) -> int:
        """Numbers that are remembered, for both limits together."""
        return sum(len(each) for each in (self._every, self._otp) if each is not None)

    def take(self, now_ns: int, number: str, lane: Lane) -> int:
        """Count a message to ``number``. If a limit is reached it is not counted, and the result is how many
        nanoseconds to wait; otherwise 0.
        """
        counted = self._counted_for(lane)
        free_ns = max((each.free_ns(now_ns, number) for each in counted), default=0)
        if free_ns > now_ns:
            return free_ns - now_ns
        for each in counted:
            each.count(now_ns, number)
        return 0

    def rule(self, lane: Lane) -> str:
        """What one number may get of ``lane``, as text."""
        return " and ".join(
            f"{each.limit.messages} {'OTPs' if each is self._otp else 'messages'} in"
            f" {each.limit.window_ns / NS_PER_S:g} s"
            for each in self._counted_for(lane)
        )

    def undo(self, number: str, lane: Lane, created_ns: int) -> None:
        """A message that was counted, at ``created_ns`` or later, is not sent: its key was in use, or it was
        not stored. Later ones stay counted.
        """
        for each in self._counted_for(lane):
            each.uncount(number, created_ns)

    def learn(self, counted: Iterable[NumberCount]) -> None:
        """What the other nodes counted, of each number all."""
        for each in counted:
            limit = self._otp if each.otp else self._every
            if limit is not None:
                limit.learn(each.number, each.times_ns)

    def to_share(self, now_ns: int, nodes: int) -> list[NumberCount]:
        """What the others of ``nodes`` must know of the counts since the last call."""
        return [
            NumberCount(
                number, limit is self._otp, times, times[-1] + limit.limit.window_ns if times else now_ns
            )
            for limit in (self._every, self._otp)
            if limit is not None
            for number, times in limit.to_share(now_ns, nodes)
        ]

    def _counted_for(self, lane: Lane) -> list[_Counted]:
        found = []
        if self._every is not None:
            found.append(self._every)
        if self._otp is not None and lane is Lane.OTP:
            found.append(self._otp)
        return found
