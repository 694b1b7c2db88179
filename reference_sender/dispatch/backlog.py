"""Every message that no provider has accepted yet: in its lane, waiting for a retry, or being submitted."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from reference_sender.dispatch.arrival_queue import ArrivalQueue
from reference_sender.dispatch.expiry import ExpiryIndex
from reference_sender.dispatch.lane import LaneQueue
from reference_sender.dispatch.states import moved
from reference_sender.dispatch.ticket import LANES, NOWHERE, OTP, SHARED, Ticket, lane_index
from reference_sender.dispatch.values import Message, State

# Names of their own: see ``values.py``.
_QUEUED = State.QUEUED
_SUBMITTING = State.SUBMITTING


Queue = LaneQueue | ArrivalQueue


class Backlog:
    """Tickets by key. ``ready`` counts the tickets of each queue that may be sent; ``waiting`` counts by
    class, and includes tickets between two attempts.

    Each class has a queue of its own, its lane. With ``in_order`` all classes share the first queue, in order
    of arrival.
    """

    def __init__(self, routes: int, in_order: bool = False) -> None:
        # Slot 0 has messages for any route, slot 1 + n those for route n only: their unanswered attempt there
        # may have been accepted, and only that provider recognises the key.
        queue = ArrivalQueue if in_order else LaneQueue
        self.queues: list[list[Queue]] = [[queue() for _ in LANES] for _ in range(1 + routes)]
        self.in_order = in_order
        self.tickets: dict[str, Ticket] = {}
        self.waiting = [0] * len(LANES)
        self.ready = [0] * len(LANES)
        self._expiry = ExpiryIndex()
        # Added by ``add`` and not watched yet. Most tickets are taken by the call that adds them.
        self.fresh: list[Ticket] = []
        self._retries: list[tuple[int, int, Ticket]] = []
        self._retries_made = 0

    def add(self, message: Message, expires_ns: int) -> Ticket:
        """Add ``message`` at the tail of its campaign. At ``expires_ns`` it is no longer sent. Call
        ``watch_fresh`` afterwards.
        """
        lane = lane_index(message.lane)
        queue = OTP if self.in_order else lane
        ticket = Ticket(message, lane, queue, expires_ns, in_lane=True)
        self.tickets[message.key] = ticket
        self.waiting[lane] += 1
        self.fresh.append(ticket)
        self.ready[queue] += 1
        self.queues[SHARED][queue].put(ticket)
        return ticket

    def watch_fresh(self) -> bool:
        """Watch the expiry of the fresh tickets that still wait. Returns whether there are any."""
        found = False
        for ticket in self.fresh:
            if ticket.state is _QUEUED and not ticket.watched:
                self._expiry.add(ticket)
                found = True
        self.fresh.clear()
        return found

    def add_submitting(self, message: Message, lane: int, queue: int, route: str) -> Ticket:
        """Add ``message`` as if it had been taken at once, for submitting on ``route``."""
        ticket = Ticket(message, lane, queue, message.expires_ns, SHARED, route, _SUBMITTING, 1)
        self.tickets[message.key] = ticket
        return ticket

    def add_confined(self, message: Message, expires_ns: int, slot: int) -> Ticket:
        """As ``add``, if only the route of ``slot`` may take it, though no attempt was made there."""
        lane = lane_index(message.lane)
        queue = OTP if self.in_order else lane
        ticket = Ticket(message, lane, queue, expires_ns, slot, confined=True)
        self.tickets[message.key] = ticket
        self._watch(ticket)
        self._to_lane(ticket)
        return ticket

    def restore(
        self,
        message: Message,
        attempts: int,
        slot: int,
        route: str | None,
        expires_ns: int,
        repeats: bool = True,
    ) -> Ticket:
        """Add a message of an earlier process that may have been submitted on ``route`` (of ``slot``), which
        ``repeats`` it, or never submits it again."""
        lane = lane_index(message.lane)
        queue = OTP if self.in_order else lane
        ticket = Ticket(message, lane, queue, expires_ns, slot, route, _QUEUED, attempts, attempts)
        self.tickets[message.key] = ticket
        self._watch(ticket)
        if slot != NOWHERE and repeats:
            self._to_lane(ticket)
        return ticket

    def for_any_route(self, lane: int) -> int:
        """Tickets of ``lane``, and of those above it, that any route may take now: they do not wait for the
        next attempt, and are not bound to a route."""
        return sum(queue.live for queue in self.queues[SHARED][: lane + 1])

    def take(
        self, now_ns: int, slot: int, kind: int, route: str, max_messages: int, max_segments: int
    ) -> list[Ticket]:
        """Take a batch out of that lane, for submitting on ``route`` now."""
        batch = self.queues[slot][kind].take(now_ns, max_messages, max_segments)
        before = None
        for ticket in batch:
            if ticket.state is not before:  # nearly always one state for all
                before = ticket.state
                moved(before, _SUBMITTING)
            ticket.state = _SUBMITTING
            ticket.in_lane = False
            ticket.attempts += 1
            ticket.route = route
        if batch:
            if self._expiry.next_ns is not None:  # otherwise it has no ticket
                self._expiry.discard(batch)
            self.ready[kind] -= len(batch)
            self.waiting[batch[0].lane] -= len(batch)  # a batch is of one class
        return batch

    def put_back(self, tickets: Sequence[Ticket]) -> None:
        """Return tickets whose attempt was refused, in order, to the head of their campaigns."""
        for ticket in tickets:
            ticket.state = moved(ticket.state, _QUEUED)
            self._watch(ticket)
        self._to_heads(tickets)

    def give_back(self, tickets: Sequence[Ticket]) -> None:
        """Return tickets whose request was not sent, as if they had not been taken."""
        for ticket in tickets:
            ticket.attempts -= 1
            if not ticket.uncertain:
                ticket.tried_ns = None
        self.put_back(tickets)

    def put_off(self, ticket: Ticket, until_ns: int) -> None:
        """Let a ticket whose attempt was refused wait for its next attempt."""
        ticket.state = moved(ticket.state, _QUEUED)
        self._watch(ticket)
        if until_ns < ticket.expires_ns:  # otherwise it waits only for its expiry
            self._retries_made += 1
            heappush(self._retries, (until_ns, self._retries_made, ticket))

    def end(self, ticket: Ticket, state: State) -> None:
        """``ticket`` leaves the backlog: it is SENT or final."""
        self.end_all((ticket,), state)

    def end_all(self, tickets: Sequence[Ticket], state: State) -> None:
        """These tickets leave the backlog: they are SENT or final."""
        by_key = self.tickets
        before = None
        for ticket in tickets:
            if ticket.state is not before:  # nearly always one state for all
                before = ticket.state
                moved(before, state)
            ticket.state = state
            del by_key[ticket.message.key]
            if before is _QUEUED:
                self._stop_waiting(ticket)

    def _stop_waiting(self, ticket: Ticket) -> None:
        self.waiting[ticket.lane] -= 1
        self._expiry.discard((ticket,))
        if ticket.in_lane:
            self.ready[ticket.queue] -= 1
            self.queues[ticket.slot][ticket.queue].forget()

    def take_expired(self, now_ns: int) -> list[Ticket]:
        """Waiting tickets that are past their deadline, as EXPIRED."""
        expired = self._expiry.take_due(now_ns)
        for ticket in expired:
            self.end(ticket, State.EXPIRED)
        return expired

    def wake_retries(self, now_ns: int) -> None:
        """Return tickets to the lanes whose next attempt is due."""
        due: list[Ticket] = []
        retries = self._retries
        while retries and (retries[0][0] <= now_ns or retries[0][2].state is not _QUEUED):
            ticket = heappop(retries)[2]
            if ticket.state is _QUEUED:
                due.append(ticket)
        if due:
            self._to_heads(due)

    def next_ns(self) -> int | None:
        """The earliest time at which ``take_expired`` or ``wake_retries`` may find something."""
        expiry_ns = self._expiry.next_ns
        if not self._retries:
            return expiry_ns
        retry_ns = self._retries[0][0]
        return retry_ns if expiry_ns is None or retry_ns < expiry_ns else expiry_ns

    def _watch(self, ticket: Ticket) -> None:
        self.waiting[ticket.lane] += 1
        self._expiry.add(ticket)

    def _to_lane(self, ticket: Ticket) -> None:
        ticket.in_lane = True
        self.ready[ticket.queue] += 1
        self.queues[ticket.slot][ticket.queue].put(ticket)

    def _to_heads(self, tickets: Sequence[Ticket]) -> None:
        by_queue: dict[tuple[int, int], list[Ticket]] = {}
        for ticket in tickets:
            ticket.in_lane = True
            self.ready[ticket.queue] += 1
            by_queue.setdefault((ticket.slot, ticket.queue), []).append(ticket)
        for (slot, kind), group in by_queue.items():
            self.queues[slot][kind].put_back(group)
