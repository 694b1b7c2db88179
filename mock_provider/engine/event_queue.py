"""What is to happen when: one event queue for the whole engine, ties in the order they were entered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import chain
from typing import Any

from mock_provider.engine.values import Effect

Handler = Callable[[int, int, Any, list[Effect]], None]
"""(due_ns, now_ns, payload, effects): the exact instant, and when the driver got to it."""

Entry = tuple[int, int, int, Any]
"""(due_ns, number of entry, handler, payload)."""

SLICE_BITS = 24  # 17 ms: of thousands of messages a second some dozens stand in one


class EventQueue:
    """Slices of time, of which only the present one is in order: what is due later is not looked at before.

    One heap for all would be searched through memory that no cache holds, at each step of each message; a
    million may wait. Handlers go by number: an entry of numbers and a payload that the garbage collector need
    not search is not searched itself.

    A slice is 2^``slice_bits`` ns long. A long one is sorted at one go, which a driver in real time would
    feel.
    """

    __slots__ = (
        "_entered",
        "_handlers",
        "_later",
        "_later_due_ns",
        "_present",
        "_present_slice",
        "_slice_bits",
        "_slices",
    )

    def __init__(self, slice_bits: int = SLICE_BITS) -> None:
        self._slice_bits = slice_bits
        self._handlers: list[Handler] = []
        self._entered = 0
        self._present: list[Entry] = []  # a heap: all that is due in the present slice or before
        self._present_slice = -(2**62)
        self._later: dict[int, list[Entry]] = {}  # by slice, in no order
        self._slices: list[int] = []  # a heap of the keys of _later
        self._later_due_ns: int | None = None  # when the first of _later is due

    def __len__(self) -> int:
        return len(self._present) + sum(map(len, self._later.values()))

    def handler(self, handle: Handler) -> int:
        """A number under which ``add`` knows it."""
        self._handlers.append(handle)
        return len(self._handlers) - 1

    def add(self, due_ns: int, handler: int, payload: object) -> None:
        self._entered = entered = self._entered + 1
        entry = due_ns, entered, handler, payload
        number = due_ns >> self._slice_bits
        if number <= self._present_slice:
            heappush(self._present, entry)
            return
        entries = self._later.get(number)
        if entries is None:
            self._later[number] = [entry]
            heappush(self._slices, number)
        else:
            entries.append(entry)
        if self._later_due_ns is None or due_ns < self._later_due_ns:
            self._later_due_ns = due_ns

    def next_due(self) -> int | None:
        present = self._present
        return present[0][0] if present else self._later_due_ns

    def payloads(self) -> Iterator[Any]:
        """Of all entries, in no order."""
        return (entry[3] for entry in chain(self._present, *self._later.values()))

    def run(self, now_ns: int, effects: list[Effect]) -> None:
        """Handle all that is due by ``now_ns``, in order, including what the handlers add meanwhile."""
        handlers = self._handlers
        while True:
            present = self._present
            while present and present[0][0] <= now_ns:
                due_ns, _, handler, payload = heappop(present)
                handlers[handler](due_ns, now_ns, payload, effects)
            if present or self._later_due_ns is None or self._later_due_ns > now_ns:
                return
            self._turn_over()

    def run_to_effects(self, until_ns: int, effects: list[Effect]) -> int:
        """As ``run`` at each instant at which something is due, up to ``until_ns`` or the first effects.

        The instant it has come to: that of the effects, or ``until_ns``.
        """
        handlers, effects_ns = self._handlers, until_ns
        while True:
            present = self._present
            while present and (due_ns := present[0][0]) <= until_ns:
                if effects and due_ns > effects_ns:
                    return effects_ns
                _, _, handler, payload = heappop(present)
                handlers[handler](due_ns, due_ns, payload, effects)
                effects_ns = due_ns
            if present or self._later_due_ns is None or self._later_due_ns > until_ns:
                return effects_ns if effects else until_ns
            self._turn_over()

    def _turn_over(self) -> None:
        """The next slice becomes the present one, which is empty."""
        self._present_slice = number = heappop(self._slices)
        self._present = present = self._later.pop(number)
        if len(present) > 1:
            present.sort()  # a heap too; no two numbers of entry are the same: payloads are not compared
        if not self._slices:
            self._later_due_ns = None
            return
        later = self._later[self._slices[0]]
        self._later_due_ns = later[0][0] if len(later) == 1 else min(later)[0]
