"""What waits until every SENT message of an earlier process is read: it may be about any of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from reference_sender.dispatch.values import LookUp, Recovered, Report, is_hedge
from reference_sender.node.effects import Acknowledge, Waiter


class UnreadSent:
    """Report calls wait ``limit_ns`` at most; then the provider must repeat them.

    A lookup waits, since it may find that a second message was delivered, whose first one is SENT. A second
    message waits, since it is sent only while its first one is SENT.
    """

    def __init__(self, limit_ns: int) -> None:
        self._limit_ns = limit_ns
        self.count = 0  # SENT messages; 0: all are read, and nothing waits
        self._lookups: list[LookUp] = []
        self._seconds: list[Recovered] = []
        self._calls: deque[tuple[int, Waiter, Sequence[Report]]] = deque()  # until when; in this order

    @property
    def unoffered(self) -> int:
        """Second messages that wait."""
        return len(self._seconds)

    def without_seconds(self, recovered: Sequence[Recovered]) -> Sequence[Recovered]:
        """``recovered`` without the second messages that must wait. They are kept."""
        if not self.count:
            return recovered
        waiting = [each for each in recovered if each.route is None and is_hedge(each.message.key)]
        if not waiting:
            return recovered
        self._seconds += waiting
        ids = {each.message.message_id for each in waiting}
        return [each for each in recovered if each.message.message_id not in ids]

    def keep_lookup(self, lookup: LookUp) -> None:
        """Make ``lookup`` later."""
        self._lookups.append(lookup)

    def keep_call(self, now_ns: int, waiter: Waiter, reports: Sequence[Report]) -> None:
        """Take a report call later."""
        self._calls.append((now_ns + self._limit_ns, waiter, reports))

    def next_ns(self) -> int | None:
        """When the first call reaches its limit."""
        return self._calls[0][0] if self._calls else None

    def refuse_late(self, now_ns: int) -> list[Acknowledge]:
        """Give up the calls that have reached their limit."""
        late: list[Acknowledge] = []
        while self._calls and self._calls[0][0] <= now_ns:
            late.append(Acknowledge(self._calls.popleft()[1], False))
        return late

    def take_seconds(self) -> list[Recovered]:
        """The second messages that waited."""
        seconds, self._seconds = self._seconds, []
        return seconds

    def take_lookups(self) -> list[LookUp]:
        """The lookups that waited."""
        lookups, self._lookups = self._lookups, []
        return lookups

    def take_calls(self) -> list[tuple[Waiter, Sequence[Report]]]:
        """The report calls that wait."""
        calls = [(waiter, reports) for _, waiter, reports in self._calls]
        self._calls.clear()
        return calls
