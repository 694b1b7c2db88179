"""One lane: campaigns that share it fairly, and batches that hold one sender name each.

Fair queueing by tags. A flow is a campaign under one sender name. Its tag counts the segments that it has
been served, and the flow with the lowest tag is served next. The lane's virtual clock is the tag of a flow
that has had exactly its share: it advances by the served segments divided by the number of waiting flows. A
flow that becomes active starts at the clock, so an idle flow does not save up a share. A flow that ran empty
keeps its tag until the clock has passed it, so a flow that adds messages one by one does not gain a larger
share. With one flow, the usual case, this is a plain queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush, heapreplace

from reference_sender.dispatch.ticket import Ticket
from reference_sender.dispatch.values import State

_Group = tuple[str, bool]  # sender name, and whether its messages go alone: what one request may hold

_FLOWS_KEPT = 64
_DEAD_KEPT = 1024


class _Flow:
    __slots__ = ("group", "number", "queue", "tag")

    def __init__(self, group: _Group, number: int, tag: float) -> None:
        self.group = group
        self.number = number
        self.tag = tag
        self.queue: deque[Ticket] = deque()


class LaneQueue:
    """Tickets waiting in one lane. ``live`` counts them; ended ones are skipped later.

    A ticket that waits alone needs no flow: it is in ``_alone``. This is a short way for a sender that does
    not send at once (``at_once.py``), for example with two routes: ``through_dispatcher`` of
    ``benchmarks/dispatch_cost.py`` with batches of one, all by way of the queues, takes 21.6 us in place of
    30.2 us (medians of 5 pairs of runs, Python 3.11). At once, it makes no difference.
    ``test_a_ticket_that_waits_alone_is_as_one_of_a_flow`` compares the two
    (``tests/property/test_lone_tickets.py``).
    """

    __slots__ = ("_alone", "_clock", "_dead", "_flow_limit", "_flows", "_groups", "_made", "live")

    def __init__(self) -> None:
        self.live = 0
        self._alone: Ticket | None = None
        self._dead = 0
        self._clock = 0.0
        self._made = 0
        self._flow_limit = _FLOWS_KEPT
        self._flows: dict[tuple[str, bool, str], _Flow] = {}
        self._groups: dict[_Group, list[tuple[float, int, _Flow]]] = {}

    @property
    def kept(self) -> int:
        """Number of tickets in memory, ended ones included."""
        return sum(len(flow.queue) for flow in self._flows.values()) + (self._alone is not None)

    @property
    def campaigns(self) -> int:
        """Number of campaigns in memory, ended ones included."""
        return len(self._flows)

    def put(self, ticket: Ticket) -> None:
        """Append ``ticket`` to its campaign."""
        if not self.live:
            self._alone = ticket
            self.live = 1
            return
        self._to_flow()
        message = ticket.message
        flow = self._flows.get((message.sender_id, ticket.solo, message.campaign))
        if flow is None or not flow.queue:
            flow = self._flow(ticket)
        flow.queue.append(ticket)
        self.live += 1

    def put_back(self, tickets: Iterable[Ticket]) -> None:
        """Return tickets to the head of their campaigns, in order."""
        self._to_flow()
        for ticket in reversed(list(tickets)):
            self._flow(ticket).queue.appendleft(ticket)
            self.live += 1

    def forget(self) -> None:
        """A waiting ticket has ended. It stays in its place and is no longer counted."""
        self.live -= 1
        self._dead += 1
        if self.live == 0:
            self._clear()
        elif self._dead > self.live + _DEAD_KEPT:
            self._sweep()

    def head(self) -> Ticket | None:
        """The ticket that ``take`` would take first."""
        if self._alone is not None:
            return self._alone
        while self.live:
            group = self._next_group()
            flow = self._groups[group][0][2]
            queue = flow.queue
            while queue and queue[0].state is not State.QUEUED:
                queue.popleft()
                self._dead -= 1
            if queue:
                return queue[0]
            self._served(group, 0)
        return None

    def take(self, now_ns: int, max_messages: int, max_segments: int) -> list[Ticket]:
        """A batch: live tickets of one sender name, within both limits.

        It ends before a ticket that has expired; that ticket is then the head, and the caller must end it.
        """
        if (alone := self._alone) is not None:
            if not max_messages or alone.message.segments > max_segments or alone.expires_ns <= now_ns:
                return []
            self._alone = None
            self.live = 0
            return [alone]
        taken: list[Ticket] = []
        if not self.live:
            return taken
        group = self._next_group()
        room = min(1, max_messages) if group[1] else max_messages
        segments_left = max_segments
        heap = self._groups[group]
        active = sum(map(len, self._groups.values()))
        full = False
        while heap and not full:
            tag, _, flow = heap[0]
            queue = flow.queue
            before = segments_left
            while queue:
                ticket = queue[0]
                if ticket.state is not State.QUEUED:
                    queue.popleft()
                    self._dead -= 1
                    continue
                segments = ticket.message.segments
                if room == 0 or segments > segments_left or ticket.expires_ns <= now_ns:
                    full = True
                    break
                queue.popleft()
                taken.append(ticket)
                room -= 1
                segments_left -= segments
            served = before - segments_left
            # Only a served flow advances the clock; otherwise a flow that ran empty would lose its share.
            if served:
                self._clock = max(self._clock + served / active, tag)
            self._served(group, served)
        self.live -= len(taken)
        if self.live == 0:
            self._clear()
        return taken

    def _to_flow(self) -> None:
        """Create flows for the ticket that was alone and the one that joins it."""
        if self._alone is not None:
            self._flow(self._alone).queue.append(self._alone)
            self._alone = None

    def _flow(self, ticket: Ticket) -> _Flow:
        message = ticket.message
        key = (message.sender_id, ticket.solo, message.campaign)
        flow = self._flows.get(key)
        if flow is None:
            if len(self._flows) >= self._flow_limit:
                self.drop_idle_flows()
            self._made += 1
            flow = self._flows[key] = _Flow((message.sender_id, ticket.solo), self._made, self._clock)
        if not flow.queue:
            flow.tag = max(flow.tag, self._clock)
            heappush(self._groups.setdefault(flow.group, []), (flow.tag, flow.number, flow))
        return flow

    def _next_group(self) -> _Group:
        groups = self._groups
        if len(groups) == 1:
            return next(iter(groups))
        return min(groups, key=lambda group: groups[group][0][:2])

    def _served(self, group: _Group, segments: int) -> None:
        """The first flow of ``group`` got ``segments``: move it to its new place, or out if it ran empty."""
        heap = self._groups[group]
        flow = heap[0][2]
        flow.tag += segments
        if flow.queue:
            heapreplace(heap, (flow.tag, flow.number, flow))
            return
        heappop(heap)
        if not heap:
            del self._groups[group]

    def _clear(self) -> None:
        self._alone = None
        self._flows.clear()
        self._groups.clear()
        self._dead = 0
        self._clock = 0.0
        self._flow_limit = _FLOWS_KEPT

    def drop_idle_flows(self) -> None:
        """Drop flows that the clock has passed. The next limit depends on the number that remains, so this is
        rare.
        """
        self._flows = {key: flow for key, flow in self._flows.items() if flow.queue or flow.tag > self._clock}
        self._flow_limit = max(_FLOWS_KEPT, 2 * len(self._flows))

    def _sweep(self) -> None:
        """Free tickets that ended while no batch was formed, as in a long outage."""
        for flow in self._flows.values():
            if flow.queue:
                flow.queue = deque(ticket for ticket in flow.queue if ticket.state is State.QUEUED)
        for group in list(self._groups):
            heap = [entry for entry in self._groups[group] if entry[2].queue]
            if heap:
                heap.sort(key=lambda entry: entry[:2])
                self._groups[group] = heap
            else:
                del self._groups[group]
        self._dead = 0
