"""The event queue gives what is due in the order of one sorted list, whatever is added when."""

from __future__ import annotations

import heapq
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from nanoseconds import MS

from mock_provider.engine.event_queue import SLICE_BITS, EventHandler, EventQueue
from mock_provider.engine.values import Effect

delays = st.one_of(
    st.integers(0, 100),
    st.integers(0, 100 * MS),
    st.integers(0, 3_600_000 * MS),
    st.sampled_from([0, 17 * MS]),
)
# (time that passes, delays of what is then entered, and of what the first one due enters in its turn)
steps = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 200 * MS), st.integers(0, 3_600_000 * MS)),
        st.lists(delays, max_size=4),
        st.lists(delays, max_size=2),
    ),
    max_size=30,
)


QueueStep = tuple[int, list[int], list[int]]


class Reference:
    """One heap."""

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, Any]] = []
        self.entered = 0

    def add(self, due_ns: int, handler: int, payload: Any) -> None:
        self.entered += 1
        heapq.heappush(self.heap, (due_ns, self.entered, payload))

    def handler(self, handle: EventHandler) -> int:
        self.handle = handle
        return 0

    def next_due(self) -> int | None:
        return self.heap[0][0] if self.heap else None

    def run(self, now_ns: int, effects: list[Effect]) -> None:
        while self.heap and self.heap[0][0] <= now_ns:
            due_ns, _, payload = heapq.heappop(self.heap)
            self.handle(due_ns, now_ns, payload, effects)


def played(queue: EventQueue | Reference, steps: list[QueueStep]) -> list[Any]:
    happened: list[Any] = []
    now_ns = made = 0

    def handle(due_ns: int, at_ns: int, payload: Any, effects: list[Effect]) -> None:
        nonlocal made
        name, more = payload
        happened.append((due_ns, at_ns, name))
        for delay_ns in more:
            made += 1
            queue.add(due_ns + delay_ns, code, (made, []))

    code = queue.handler(handle)
    for passed_ns, added, more in steps:
        now_ns += passed_ns
        queue.run(now_ns, [])
        for delay_ns in added:
            made += 1
            queue.add(now_ns + delay_ns, code, (made, more))
        happened.append(queue.next_due())
    while (due_ns := queue.next_due()) is not None:
        queue.run(due_ns, [])
    return happened


@given(steps, st.sampled_from([SLICE_BITS, 0, 30, 62]))
def test_all_happens_in_the_order_of_one_heap(steps: list[QueueStep], slice_bits: int) -> None:
    assert played(EventQueue(slice_bits), steps) == played(Reference(), steps)


@given(st.lists(delays))
def test_all_that_waits_is_counted_and_listed(dues: list[int]) -> None:
    queue = EventQueue()
    code = queue.handler(lambda *_: None)
    for number, due_ns in enumerate(dues):
        queue.add(due_ns, code, number)
    queue.run(17 * MS, [])
    waiting = [number for number, due_ns in enumerate(dues) if due_ns > 17 * MS]
    assert len(queue) == len(waiting)
    assert sorted(queue.payloads()) == waiting
