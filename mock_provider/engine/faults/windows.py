"""Which faults are active when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mock_provider.engine.distributions import nanoseconds
from mock_provider.engine.faults.added_latency import AddedLatency
from mock_provider.engine.faults.error_rate import ErrorRate
from mock_provider.engine.faults.hang import Hang
from mock_provider.engine.faults.outage import Outage

if TYPE_CHECKING:
    from mock_provider.profiles import faults as sections

FOREVER_NS = 2**63
_BEFORE_ALL_NS = -(2**63)


class ActiveFaults(Struct, frozen=True):
    """The faults of one moment, by what they do. ``none`` spares the common case the look at each."""

    none: bool = True
    outages: tuple[Outage, ...] = ()
    errors: tuple[ErrorRate, ...] = ()
    hangs: tuple[Hang, ...] = ()
    reply_delays: tuple[AddedLatency, ...] = ()
    carrier_delays: tuple[AddedLatency, ...] = ()


class Window(Struct, frozen=True):
    start_ns: int
    end_ns: int
    stage: str
    fault: Outage | ErrorRate | AddedLatency | Hang


class FaultWindows:
    """``origin_ns`` is the engine's first instant, from which a profile's windows count."""

    __slots__ = ("_active", "_from_ns", "_until_ns", "_windows")

    def __init__(self, faults: tuple[sections.Fault, ...], origin_ns: int) -> None:
        self._windows = tuple(_window(index, section, origin_ns) for index, section in enumerate(faults))
        self._active = ActiveFaults()
        self._from_ns = self._until_ns = 0 if self._windows else FOREVER_NS
        if not self._windows:
            self._from_ns = _BEFORE_ALL_NS

    def at(self, instant_ns: int) -> ActiveFaults:
        if not self._from_ns <= instant_ns < self._until_ns:
            self._look_up(instant_ns)
        return self._active

    def _look_up(self, instant_ns: int) -> None:
        edges = [edge for window in self._windows for edge in (window.start_ns, window.end_ns)]
        self._from_ns = max((edge for edge in edges if edge <= instant_ns), default=_BEFORE_ALL_NS)
        self._until_ns = min((edge for edge in edges if edge > instant_ns), default=FOREVER_NS)
        found = [w for w in self._windows if w.start_ns <= instant_ns < w.end_ns]
        faults = [w.fault for w in found]
        delays = [(w.stage, w.fault) for w in found if isinstance(w.fault, AddedLatency)]
        self._active = ActiveFaults(
            not found,
            tuple(f for f in faults if isinstance(f, Outage)),
            tuple(f for f in faults if isinstance(f, ErrorRate)),
            tuple(f for f in faults if isinstance(f, Hang)),
            tuple(f for stage, f in delays if stage == "reply"),
            tuple(f for stage, f in delays if stage == "carrier"),
        )


def _window(index: int, section: sections.Fault, origin_ns: int) -> Window:
    origin_ns = 0 if section.clock == "absolute" else origin_ns
    start_ns = origin_ns + nanoseconds(section.start_s)
    end_ns = FOREVER_NS if section.end_s is None else origin_ns + nanoseconds(section.end_s)
    stage = section.stage if section.kind == "added_latency" else ""
    return Window(start_ns, end_ns, stage, _fault(f"{section.kind}{index}", section))


def _fault(name: str, section: sections.Fault) -> Outage | ErrorRate | AddedLatency | Hang:
    if section.kind == "outage":
        return Outage(name, section.answer == "disconnect")
    if section.kind == "error_rate":
        return ErrorRate(name, section.share, section.refusal)
    if section.kind == "added_latency":
        return AddedLatency(name, section.factor, nanoseconds(section.plus_s))
    return Hang(name, section.share, section.accepted, section.disconnect)
