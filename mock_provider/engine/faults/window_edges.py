"""Tells the parts that hold something when a fault window begins or ends, at the exact instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mock_provider.engine.faults.network_down import NetworkDown
from mock_provider.engine.faults.registry import ActingFault
from mock_provider.engine.faults.reports import ReportStorm
from mock_provider.engine.faults.throttle_drop import ThrottleDrop
from mock_provider.engine.faults.windows import ActiveFaults, FaultWindows
from mock_provider.engine.values import Effect

if TYPE_CHECKING:
    from mock_provider.engine.event_queue import EventQueue


class HoldsSomething(Protocol):
    """A part of the engine for which the edge of a window is an event."""

    def faults_changed(self, at_ns: int, now_ns: int, active: ActiveFaults, effects: list[Effect]) -> None:
        """``active`` holds from ``at_ns`` on."""


class Edges:
    """Puts the next edge in the event queue, if any window is of a kind that the parts wait for."""

    __slots__ = ("_event_queue", "_generation", "_on_edge", "_parts", "_windows")

    def __init__(self, event_queue: EventQueue, *parts: HoldsSomething) -> None:
        self._event_queue = event_queue
        self._on_edge = event_queue.handler(self._turn)
        self._parts = parts
        self._generation = 0
        self._windows = FaultWindows((), 0)

    def renew(self, now_ns: int, windows: FaultWindows, effects: list[Effect]) -> None:
        """Other windows hold from now on; what is in the event queue for earlier ones is out of date."""
        waited_for = any(_has_edges(window.fault) for window in (*self._windows.windows, *windows.windows))
        self._generation += 1
        self._windows = windows
        if waited_for:
            self._turn(now_ns, now_ns, self._generation, effects)

    def _turn(self, at_ns: int, now_ns: int, generation: int, effects: list[Effect]) -> None:
        if generation != self._generation:
            return
        active = self._windows.at(at_ns)
        for part in self._parts:
            part.faults_changed(at_ns, now_ns, active, effects)
        following_ns = self._windows.next_edge(at_ns)
        if following_ns is not None:
            self._event_queue.add(following_ns, self._on_edge, generation)


def _has_edges(fault: ActingFault) -> bool:
    return isinstance(fault, ThrottleDrop | NetworkDown | ReportStorm)
