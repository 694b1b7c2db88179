"""A heap of due times: the only thing that moves virtual time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from typing import Any

Action = Callable[[int, Any], None]


class Agenda:
    """What is to be done when. Ties go in the order they were put in."""

    def __init__(self) -> None:
        self._now_ns = 0
        self._sequence = 0
        self._heap: list[tuple[int, int, Action, Any]] = []
        # What is put in for the present instant comes after all that already stood for it, in order: no
        # heap is needed for that, and over a link without latency it is most of what happens.
        self._at_once: deque[tuple[Action, Any]] = deque()

    def put(self, due_ns: int, action: Action, subject: Any = None) -> None:
        """Have ``action(due_ns, subject)`` called when virtual time reaches ``due_ns``."""
        if due_ns == self._now_ns:
            self._at_once.append((action, subject))
            return
        self._sequence += 1
        heapq.heappush(self._heap, (due_ns, self._sequence, action, subject))

    def next_due(self) -> int | None:
        if self._at_once:
            return self._now_ns
        return self._heap[0][0] if self._heap else None

    def run(self, until_ns: int) -> None:
        """Do, in order, all that is due up to and including ``until_ns``, and what comes due by doing it."""
        heap, at_once = self._heap, self._at_once
        while True:
            while at_once and not (heap and heap[0][0] == self._now_ns):
                action, subject = at_once.popleft()
                action(self._now_ns, subject)
            if not heap or heap[0][0] > until_ns:
                break
            self._now_ns, _, action, subject = heapq.heappop(heap)
            action(self._now_ns, subject)
        self._now_ns = until_ns


class Alarm:
    """Keeps one core's next deadline on the agenda; an entry overtaken by an earlier one is ignored."""

    def __init__(self, agenda: Agenda, next_deadline: Callable[[], int | None], wake: Callable[[int], None]):
        self._agenda = agenda
        self._next_deadline = next_deadline
        self._wake = wake
        self._armed_ns: int | None = None

    def arm(self, now_ns: int) -> None:
        """Call after every call into the core."""
        deadline_ns = self._next_deadline()
        if deadline_ns is None or (self._armed_ns is not None and self._armed_ns <= deadline_ns):
            return
        self._armed_ns = max(deadline_ns, now_ns)
        self._agenda.put(self._armed_ns, self._ring)

    def _ring(self, now_ns: int, _: object) -> None:
        if self._armed_ns != now_ns:
            return
        self._armed_ns = None
        self._wake(now_ns)
