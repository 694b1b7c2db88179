"""One queue in order of arrival, for a sender without priorities. It replaces the lanes.

Messages go in order of arrival, whatever their class and campaign. A request still holds one class and one
sender name, so a batch ends where either changes, and the next request begins there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from reference_sender.dispatch.ticket import Ticket
from reference_sender.dispatch.values import State

_DEAD_KEPT = 1024


class ArrivalQueue:
    """As ``LaneQueue``. Tickets whose attempt was refused come back to the head."""

    __slots__ = ("_dead", "_queue", "live")

    def __init__(self) -> None:
        self.live = 0
        self._dead = 0
        self._queue: deque[Ticket] = deque()

    @property
    def kept(self) -> int:
        """Number of tickets in memory, ended ones included."""
        return len(self._queue)

    def put(self, ticket: Ticket) -> None:
        """Append ``ticket``."""
        self._queue.append(ticket)
        self.live += 1

    def put_back(self, tickets: Iterable[Ticket]) -> None:
        """Return tickets to the head, in order."""
        for ticket in reversed(list(tickets)):
            self._queue.appendleft(ticket)
            self.live += 1

    def forget(self) -> None:
        """A waiting ticket has ended. It stays in its place and is no longer counted."""
        self.live -= 1
        self._dead += 1
        if self._dead > self.live + _DEAD_KEPT:
            self._queue = deque(ticket for ticket in self._queue if ticket.state is State.QUEUED)
            self._dead = 0

    def head(self) -> Ticket | None:
        """The ticket that ``take`` would take first."""
        queue = self._queue
        while queue and queue[0].state is not State.QUEUED:
            queue.popleft()
            self._dead -= 1
        return queue[0] if queue else None

    def take(self, now_ns: int, max_messages: int, max_segments: int) -> list[Ticket]:
        """A batch from the head: live tickets of one class and one sender name, within both limits.

        It ends before a ticket that has expired; that ticket is then the head, and the caller must end it.
        """
        taken: list[Ticket] = []
        first = self.head()
        if first is None:
            return taken
        room = 1 if first.solo else max_messages
        segments_left = max_segments
        while room and (ticket := self.head()) is not None:
            message = ticket.message
            if message.segments > segments_left or ticket.expires_ns <= now_ns:
                break
            if taken and not _share_a_request(first, ticket):
                break
            self._queue.popleft()
            taken.append(ticket)
            room -= 1
            segments_left -= message.segments
        self.live -= len(taken)
        return taken


def _share_a_request(first: Ticket, other: Ticket) -> bool:
    one, two = first.message, other.message
    return not other.solo and one.lane is two.lane and one.sender_id == two.sender_id
