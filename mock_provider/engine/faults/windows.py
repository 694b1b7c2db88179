"""Which faults are active when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from mock_provider.engine.distributions import nanoseconds
from mock_provider.engine.faults.accept_then_lose import AcceptThenLose
from mock_provider.engine.faults.added_latency import AddedLatency
from mock_provider.engine.faults.error_rate import ErrorRate
from mock_provider.engine.faults.hang import Hang
from mock_provider.engine.faults.network_down import NetworkDown
from mock_provider.engine.faults.outage import Outage
from mock_provider.engine.faults.registry import ActingFault, build
from mock_provider.engine.faults.reports import (
    ReportDelay,
    ReportDuplicate,
    ReportLoss,
    ReportReorder,
    ReportStorm,
)
from mock_provider.engine.faults.throttle_drop import ThrottleDrop
from mock_provider.engine.faults.words import words_of

if TYPE_CHECKING:
    from mock_provider.engine.faults import settings as sections

FOREVER_NS = 2**63
_BEFORE_ALL_NS = -(2**63)
_Some = TypeVar("_Some")


class ActiveFaults(Struct, frozen=True):
    """The faults of one moment, by what they do. ``none`` spares the common case the look at each."""

    none: bool = True
    outages: tuple[Outage, ...] = ()
    errors: tuple[ErrorRate, ...] = ()
    hangs: tuple[Hang, ...] = ()
    reply_delays: tuple[AddedLatency, ...] = ()
    carrier_delays: tuple[AddedLatency, ...] = ()
    drops: tuple[ThrottleDrop, ...] = ()
    losses: tuple[AcceptThenLose, ...] = ()
    report_losses: tuple[ReportLoss, ...] = ()
    report_delays: tuple[ReportDelay | ReportReorder, ...] = ()
    report_duplicates: tuple[ReportDuplicate, ...] = ()
    storms: tuple[ReportStorm, ...] = ()
    holding: tuple[NetworkDown, ...] = ()
    failing: tuple[NetworkDown, ...] = ()
    refusing: tuple[NetworkDown, ...] = ()


NO_FAULTS = ActiveFaults()


class Window(Struct, frozen=True):
    """``end_ns`` FOREVER_NS: without end. ``words``: the fault's settings, for people."""

    name: str
    kind: str
    words: str
    start_ns: int
    end_ns: int
    stage: str
    fault: ActingFault


class FaultWindows:
    """``origin_ns`` is the engine's first instant, from which a profile's windows count."""

    __slots__ = ("_active", "_from_ns", "_until_ns", "windows")

    def __init__(self, faults: tuple[sections.Fault, ...], origin_ns: int) -> None:
        self.windows = tuple(_window(section, origin_ns) for section in faults)
        self._active = NO_FAULTS
        self._from_ns = self._until_ns = 0 if self.windows else FOREVER_NS
        if not self.windows:
            self._from_ns = _BEFORE_ALL_NS

    def at(self, instant_ns: int) -> ActiveFaults:
        if not self._from_ns <= instant_ns < self._until_ns:
            self._look_up(instant_ns)
        return self._active

    def next_edge(self, after_ns: int) -> int | None:
        """When the next window begins or ends."""
        edges = [edge for window in self.windows for edge in (window.start_ns, window.end_ns)]
        return min((edge for edge in edges if after_ns < edge < FOREVER_NS), default=None)

    def _look_up(self, instant_ns: int) -> None:
        edges = [edge for window in self.windows for edge in (window.start_ns, window.end_ns)]
        self._from_ns = max((edge for edge in edges if edge <= instant_ns), default=_BEFORE_ALL_NS)
        self._until_ns = min((edge for edge in edges if edge > instant_ns), default=FOREVER_NS)
        self._active = _grouped(tuple(w for w in self.windows if w.start_ns <= instant_ns < w.end_ns))


def _grouped(found: tuple[Window, ...]) -> ActiveFaults:
    def of(*kinds: type[_Some]) -> tuple[_Some, ...]:
        return tuple(w.fault for w in found if isinstance(w.fault, kinds))

    def slow(stage: str) -> tuple[AddedLatency, ...]:
        return tuple(w.fault for w in found if w.stage == stage and isinstance(w.fault, AddedLatency))

    downs = of(NetworkDown)
    return ActiveFaults(
        none=not found,
        outages=of(Outage),
        errors=of(ErrorRate),
        hangs=of(Hang),
        reply_delays=slow("reply"),
        carrier_delays=slow("carrier"),
        drops=of(ThrottleDrop),
        losses=of(AcceptThenLose),
        report_losses=of(ReportLoss),
        report_delays=(*of(ReportDelay), *of(ReportReorder)),
        report_duplicates=of(ReportDuplicate),
        storms=of(ReportStorm),
        holding=tuple(down for down in downs if down.behaviour == "hold"),
        failing=tuple(down for down in downs if down.behaviour == "fail"),
        refusing=tuple(down for down in downs if down.behaviour == "refuse"),
    )


def _window(section: Any, origin_ns: int) -> Window:
    origin_ns = 0 if section.clock == "absolute" else origin_ns
    start_ns = origin_ns + nanoseconds(section.start_s)
    end_ns = FOREVER_NS if section.end_s is None else origin_ns + nanoseconds(section.end_s)
    stage = section.stage if section.kind == "added_latency" else ""
    fault = build(section.name, section, start_ns, end_ns)
    return Window(section.name, section.kind, words_of(section), start_ns, end_ns, stage, fault)
