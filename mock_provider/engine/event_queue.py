"""The event queue of the engine. Events of the same time come in the order in which they were added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import chain
from typing import Any

from mock_provider.engine.values import Effect

EventHandler = Callable[[int, int, Any, list[Effect]], None]
"""(due_ns, now_ns, payload, effects): the time at which it is due, and the time of the call."""

Entry = tuple[int, int, int, Any]
"""(due_ns, number of entry, handler, payload)."""

SLICE_BITS = 24  # 17 ms: with thousands of messages per second, dozens of entries in a slice


class EventQueue:
    """A calendar queue: entries are bucketed into slices of time, and only the current slice is ordered.

    One heap of up to a million entries would miss the processor's caches at each step of each message. A
    slice is sorted when it becomes the current one, and taken from its end. What is added to it later is a
    heap.
    Handlers are stored by number, so that the garbage collector does not track the entries.

    A slice is 2^``slice_bits`` ns long. A long slice is sorted in one step, which delays a driver in real
    time.
    """

    __slots__ = (
        "_added",
        "_entered",
        "_handlers",
        "_later",
        "_later_due_ns",
        "_present",
        "_present_until_ns",
        "_slice_bits",
        "_slices",
    )

    def __init__(self, slice_bits: int = SLICE_BITS) -> None:
        self._slice_bits = slice_bits
        self._handlers: list[EventHandler] = []
        self._entered = 0
        # All that is due in the current slice or before it: what was in it when it became the current one,
        # the first entry last, and a heap of what was added since.
        self._present: list[Entry] = []
        self._added: list[Entry] = []
        self._present_until_ns = -(2**62)  # the end of that slice
        self._later: dict[int, list[Entry]] = {}  # by slice, unordered
        self._slices: list[int] = []  # a heap of the keys of _later
        self._later_due_ns: int | None = None  # when the first entry of _later is due

    def __len__(self) -> int:
        return len(self._present) + len(self._added) + sum(map(len, self._later.values()))

    def handler(self, handle: EventHandler) -> int:
        """Register a handler. Returns its number, for ``add``."""
        self._handlers.append(handle)
        return len(self._handlers) - 1

    def add(self, due_ns: int, handler: int, payload: object) -> None:
        self._entered = entered = self._entered + 1
        entry = due_ns, entered, handler, payload
        if due_ns < self._present_until_ns:
            heappush(self._added, entry)
            return
        number = due_ns >> self._slice_bits
        entries = self._later.get(number)
        if entries is None:
            self._later[number] = [entry]
            heappush(self._slices, number)
        else:
            entries.append(entry)
        if self._later_due_ns is None or due_ns < self._later_due_ns:
            self._later_due_ns = due_ns

    def next_due(self) -> int | None:
        present, added = self._present, self._added
        if added and (not present or added[0] < present[-1]):
            return added[0][0]
        return present[-1][0] if present else self._later_due_ns

    def payloads(self) -> Iterator[Any]:
        """The payloads of all entries, unordered."""
        return (entry[3] for entry in chain(self._present, self._added, *self._later.values()))

    def run(self, now_ns: int, effects: list[Effect]) -> None:
        """Handle all entries that are due by ``now_ns``, in order, including those that handlers add."""
        handlers, added = self._handlers, self._added
        while True:
            present = self._present
            while present or added:
                is_added = not present or (added and added[0] < present[-1])
                if (added[0] if is_added else present[-1])[0] > now_ns:
                    return
                due_ns, _, handler, payload = heappop(added) if is_added else present.pop()
                handlers[handler](due_ns, now_ns, payload, effects)
            if self._later_due_ns is None or self._later_due_ns > now_ns:
                return
            self._turn_over()

    def run_to_effects(self, until_ns: int, effects: list[Effect]) -> int:
        """``run`` at each time at which something is due, up to ``until_ns`` or the first effects.

        Returns the time reached: that of the effects, or ``until_ns``.
        """
        handlers, effects_ns, added = self._handlers, until_ns, self._added
        while True:
            present = self._present
            while present or added:
                is_added = not present or (added and added[0] < present[-1])
                due_ns, _, handler, payload = added[0] if is_added else present[-1]
                if due_ns > until_ns:
                    break
                if effects and due_ns > effects_ns:
                    return effects_ns
                if is_added:
                    heappop(added)
                else:
                    present.pop()
                handlers[handler](due_ns, due_ns, payload, effects)
                effects_ns = due_ns
            if present or added or self._later_due_ns is None or self._later_due_ns > until_ns:
                return effects_ns if effects else until_ns
            self._turn_over()

    def _turn_over(self) -> None:
        """Make the next slice the current one, which is empty."""
        number = heappop(self._slices)
        self._present_until_ns = (number + 1) << self._slice_bits
        self._present = present = self._later.pop(number)
        if len(present) > 1:
            present.sort(reverse=True)  # the numbers differ, so payloads are never compared
        if not self._slices:
            self._later_due_ns = None
            return
        later = self._later[self._slices[0]]
        self._later_due_ns = later[0][0] if len(later) == 1 else min(later)[0]
