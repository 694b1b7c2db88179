"""What is to happen when: one heap for the whole engine, ties in the order they were entered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

from mock_provider.engine.values import Effect

Handler = Callable[[int, int, Any, list[Effect]], None]
"""(due_ns, now_ns, payload, effects): the exact instant, and when the driver got to it."""


class Agenda:
    """Handlers go by number: an entry of numbers and a payload that the garbage collector need not search is
    not searched itself, of which there may be a million.
    """

    __slots__ = ("_entered", "_entries", "_handlers")

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, int, Any]] = []
        self._entered = 0
        self._handlers: list[Handler] = []

    def __len__(self) -> int:
        return len(self._entries)

    def handler(self, handle: Handler) -> int:
        """A number under which ``add`` knows it."""
        self._handlers.append(handle)
        return len(self._handlers) - 1

    def add(self, due_ns: int, handler: int, payload: object) -> None:
        self._entered = entered = self._entered + 1
        heappush(self._entries, (due_ns, entered, handler, payload))

    def next_due(self) -> int | None:
        entries = self._entries
        return entries[0][0] if entries else None

    def payloads(self) -> Iterator[Any]:
        """Of all entries, in no order."""
        return (entry[3] for entry in self._entries)

    def run(self, now_ns: int, effects: list[Effect]) -> None:
        """Handle all that is due by ``now_ns``, in order, including what the handlers add meanwhile."""
        entries, handlers = self._entries, self._handlers
        while entries and entries[0][0] <= now_ns:
            due_ns, _, handler, payload = heappop(entries)
            handlers[handler](due_ns, now_ns, payload, effects)
