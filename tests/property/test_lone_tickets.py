"""A ticket that waits alone in its lane has no flow: it is taken as if it had one."""

from __future__ import annotations

from random import Random

import pytest

from reference_sender.dispatch.lane import LaneQueue
from reference_sender.dispatch.ticket import TRANSACTIONAL, Ticket
from reference_sender.dispatch.values import Lane, Message, State

SEEDS, STEPS = 20, 500
ENDS_NS = 1_000


class LaneSteps:
    """Random steps on one lane. They depend on the seed and on what was taken so far."""

    def __init__(self, seed: int, *, all_in_flows: bool) -> None:
        self._random = Random(seed)
        self._all_in_flows = all_in_flows
        self._lane = LaneQueue()
        self._waiting: list[Ticket] = []
        self._made = 0
        self.lone = 0  # tickets that entered an empty lane

    def run(self) -> list[object]:
        """What came out of each step, and what is left."""
        trace: list[object] = []
        for _ in range(STEPS):
            step = self._random.choice(
                [self._put, self._put, self._take, self._take, self._take, self._end, self._end, self._return]
            )
            trace.append((step(), self._head(), self._lane.live, self._lane.kept))
        return trace

    def _put(self) -> list[int]:
        draw = self._random
        self._made += 1
        message = Message(
            *(self._made, f"k-{self._made}", "48500100200", "x", Lane.TRANSACTIONAL, draw.choice("XY")),
            *(draw.choice(["", "c"]), draw.choice([1, 1, 2, 5]), 0, ENDS_NS),
        )
        ticket = Ticket(message, TRANSACTIONAL, TRANSACTIONAL, ENDS_NS, solo=draw.random() < 0.3)
        self._waiting.append(ticket)
        if self._lane.live == 0:
            self.lone += 1
        if self._lane.live == 0 and self._all_in_flows:
            self._lane.put_back([ticket])  # in an empty lane the head of a campaign is its end
        else:
            self._lane.put(ticket)
        return []

    def _take(self) -> list[int]:
        draw = self._random
        now_ns = draw.choice([0, 0, 0, ENDS_NS])
        taken = self._lane.take(now_ns, draw.choice([0, 1, 3, 50]), draw.choice([1, 4, 100]))
        for ticket in taken:
            ticket.state = State.SUBMITTING
            self._waiting.remove(ticket)
        self._taken = taken
        return [ticket.message.message_id for ticket in taken]

    def _end(self) -> list[int]:
        if not self._waiting:
            return []
        ticket = self._waiting.pop(self._random.randrange(len(self._waiting)))
        ticket.state = State.EXPIRED
        self._lane.forget()
        return [ticket.message.message_id]

    def _return(self) -> list[int]:
        """A batch whose provider was not there comes back."""
        taken = self._take()
        for ticket in self._taken:
            ticket.state = State.QUEUED
        self._waiting += self._taken
        self._lane.put_back(self._taken)
        return taken

    def _head(self) -> int | None:
        head = self._lane.head()
        return None if head is None else head.message.message_id


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_ticket_that_waits_alone_is_as_one_of_a_flow(seed: int) -> None:
    script = LaneSteps(seed, all_in_flows=False)
    alone = script.run()
    in_flows = LaneSteps(seed, all_in_flows=True).run()
    for number, (one, other) in enumerate(zip(alone, in_flows, strict=True)):
        assert one == other, f"step {number}"
    assert script.lone > 20
