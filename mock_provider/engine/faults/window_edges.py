"""Notifies the parts of the engine that hold messages or reports when a fault begins or ends, at the exact
instant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mock_provider.engine.faults.windows import ActiveFaults, FaultWindows
from mock_provider.engine.values import Effect

if TYPE_CHECKING:
    from mock_provider.engine.event_queue import EventQueue


class ReactsToEdges(Protocol):
    """A part of the engine that must act when a window begins or ends."""

    def faults_changed(self, at_ns: int, now_ns: int, active: ActiveFaults, effects: list[Effect]) -> None:
        """``active`` is what is active from ``at_ns`` on."""


class WindowEdges:
    """Puts the next edge into the event queue if any fault has ``has_edges``."""

    __slots__ = ("_event_queue", "_generation", "_on_edge", "_parts", "_windows")

    def __init__(self, event_queue: EventQueue, *parts: ReactsToEdges) -> None:
        self._event_queue = event_queue
        self._on_edge = event_queue.handler(self._edge)
        self._parts = parts
        self._generation = 0
        self._windows = FaultWindows((), 0)

    def renew(self, now_ns: int, windows: FaultWindows, effects: list[Effect]) -> None:
        """Use other windows from now on. Edges in the event queue of earlier windows are ignored."""
        matters = any(window.fault.has_edges for window in (*self._windows.windows, *windows.windows))
        self._generation += 1
        self._windows = windows
        if matters:
            self._edge(now_ns, now_ns, self._generation, effects)

    def _edge(self, at_ns: int, now_ns: int, generation: int, effects: list[Effect]) -> None:
        if generation != self._generation:
            return
        active = self._windows.at(at_ns)
        for part in self._parts:
            part.faults_changed(at_ns, now_ns, active, effects)
        following_ns = self._windows.next_edge(at_ns)
        if following_ns is not None:
            self._event_queue.add(following_ns, self._on_edge, generation)
