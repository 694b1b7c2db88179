"""Finds waiting tickets past their deadline, without a scan and without a heap entry per ticket."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from reference_sender.dispatch.ticket import Ticket

GRAIN_NS = 100_000_000  # longest delay until an expiry is noticed; no message is submitted after its expiry


class ExpiryIndex:
    """Tickets in sets by deadline, rounded up to the grain; the heap holds these rounded instants only."""

    __slots__ = ("_heap", "_sets", "next_ns")

    def __init__(self) -> None:
        self._sets: dict[int, set[Ticket]] = {}
        self._heap: list[int] = []
        self.next_ns: int | None = None  # the earliest time at which ``take_due`` may find something

    @property
    def kept(self) -> int:
        """Entries of both tables, empty ones included: a measure of memory."""
        return len(self._heap) + len(self._sets)

    def add(self, ticket: Ticket) -> None:
        """Watch ``ticket`` until ``discard``."""
        grain = -(-ticket.expires_ns // GRAIN_NS)
        due = self._sets.get(grain)
        if due is not None:
            due.add(ticket)
            return
        self._sets[grain] = {ticket}
        heappush(self._heap, grain)
        # A set that ran empty leaves its instant in the heap. Without this, a low rate would grow the heap
        # for days.
        if len(self._heap) > 2 * len(self._sets) + 64:
            self._heap = list(self._sets)
            heapify(self._heap)
        self.next_ns = self._heap[0] * GRAIN_NS

    def discard(self, ticket: Ticket) -> None:
        """Stop watching ``ticket``."""
        grain = -(-ticket.expires_ns // GRAIN_NS)
        due = self._sets.get(grain)
        if due is not None:
            due.discard(ticket)
            if not due:
                del self._sets[grain]

    def take_due(self, now_ns: int) -> list[Ticket]:
        """Tickets whose rounded deadline has come, in the order of their messages' ids."""
        found: list[Ticket] = []
        while self._heap and self._heap[0] * GRAIN_NS <= now_ns:
            found.extend(self._sets.pop(heappop(self._heap), ()))
        self.next_ns = self._heap[0] * GRAIN_NS if self._heap else None
        # The order of a set depends on memory addresses, but the same inputs must give the same effects.
        found.sort(key=lambda ticket: ticket.message.message_id)
        return found
