"""Finds waiting tickets past their deadline, without a scan and without a heap entry per ticket."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from reference_sender.dispatch.ticket import Ticket

GRAIN_NS = 100_000_000  # longest delay until an expiry is noticed; no message is submitted after its expiry


class ExpiryIndex:
    """Tickets in sets by deadline, rounded up to the grain; the heap holds these rounded instants only."""

    __slots__ = ("_heap", "_last", "_last_ns", "_sets", "next_ns")

    def __init__(self) -> None:
        self._sets: dict[int, set[Ticket]] = {}
        self._heap: list[int] = []
        # The set of the last deadline: those of a campaign are mostly equal.
        self._last: set[Ticket] = set()
        self._last_ns = -1
        self.next_ns: int | None = None  # the earliest time at which ``take_due`` may find something

    @property
    def kept(self) -> int:
        """Entries of both tables, empty ones included: a measure of memory."""
        return len(self._heap) + len(self._sets)

    def add(self, ticket: Ticket) -> None:
        """Watch ``ticket`` until ``discard``."""
        ticket.watched = True
        expires_ns = ticket.expires_ns
        if expires_ns == self._last_ns:
            self._last.add(ticket)
            return
        grain = -(-expires_ns // GRAIN_NS)
        due = self._sets.get(grain)
        self._last_ns = expires_ns
        if due is not None:
            due.add(ticket)
            self._last = due
            return
        self._last = self._sets[grain] = {ticket}
        heappush(self._heap, grain)
        # A set that ran empty leaves its instant in the heap. Without this, a low rate would grow the heap
        # for days.
        if len(self._heap) > 2 * len(self._sets) + 64:
            self._heap = list(self._sets)
            heapify(self._heap)
        self.next_ns = self._heap[0] * GRAIN_NS

    def discard(self, tickets: Iterable[Ticket]) -> None:
        """Stop watching those of ``tickets`` that are watched."""
        sets = self._sets
        expires_ns = grain = -1
        for ticket in tickets:
            if not ticket.watched:
                continue
            ticket.watched = False
            if ticket.expires_ns != expires_ns:
                expires_ns = ticket.expires_ns
                grain = -(-expires_ns // GRAIN_NS)
            due = sets.get(grain)
            if due is not None:
                due.discard(ticket)
                if not due:
                    del sets[grain]
                    self._last_ns = -1

    def take_due(self, now_ns: int) -> list[Ticket]:
        """Tickets whose rounded deadline has come, in the order of their messages' ids."""
        found: list[Ticket] = []
        self._last_ns = -1
        while self._heap and self._heap[0] * GRAIN_NS <= now_ns:
            found.extend(self._sets.pop(heappop(self._heap), ()))
        self.next_ns = self._heap[0] * GRAIN_NS if self._heap else None
        if found:  # the last set may be one of these, and is large if a campaign expired
            self._last = set()
        # The order of a set depends on memory addresses, but the same inputs must give the same effects.
        found.sort(key=lambda ticket: ticket.message.message_id)
        return found
