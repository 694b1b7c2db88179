"""When each fault is active, and which are active at an instant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec import Struct

from mock_provider.engine.distributions import nanoseconds
from mock_provider.engine.faults.hooks import (
    ActingFault,
    AtAccept,
    AtAdmission,
    AtCarrier,
    AtLimit,
    AtQueue,
    AtReply,
    AtReport,
    AtReportDue,
    AtRequest,
    AtSubmit,
)
from mock_provider.engine.faults.settings import FaultSettings

FOREVER_NS = 2**63
_BEFORE_ALL_NS = -(2**63)


@dataclass(frozen=True, slots=True)
class ActiveFaults:
    """The faults that are active at one instant, by hook. ``none`` is a short cut: no hook has a fault."""

    none: bool = True
    at_request: tuple[AtRequest, ...] = ()
    at_submit: tuple[AtSubmit, ...] = ()
    at_limit: tuple[AtLimit, ...] = ()
    at_admission: tuple[AtAdmission, ...] = ()
    at_reply: tuple[AtReply, ...] = ()
    at_accept: tuple[AtAccept, ...] = ()
    at_queue: tuple[AtQueue, ...] = ()
    at_carrier: tuple[AtCarrier, ...] = ()
    at_report: tuple[AtReport, ...] = ()
    at_report_due: tuple[AtReportDue, ...] = ()


NO_FAULTS = ActiveFaults()


def grouped_by_hook(faults: Iterable[ActingFault]) -> ActiveFaults:
    ordered = sorted(faults, key=lambda fault: fault.order)
    return ActiveFaults(
        none=not ordered,
        at_request=tuple(fault for fault in ordered if isinstance(fault, AtRequest)),
        at_submit=tuple(fault for fault in ordered if isinstance(fault, AtSubmit)),
        at_limit=tuple(fault for fault in ordered if isinstance(fault, AtLimit)),
        at_admission=tuple(fault for fault in ordered if isinstance(fault, AtAdmission)),
        at_reply=tuple(fault for fault in ordered if isinstance(fault, AtReply)),
        at_accept=tuple(fault for fault in ordered if isinstance(fault, AtAccept)),
        at_queue=tuple(fault for fault in ordered if isinstance(fault, AtQueue)),
        at_carrier=tuple(fault for fault in ordered if isinstance(fault, AtCarrier)),
        at_report=tuple(fault for fault in ordered if isinstance(fault, AtReport)),
        at_report_due=tuple(fault for fault in ordered if isinstance(fault, AtReportDue)),
    )


class Window(Struct, frozen=True):
    """``end_ns`` FOREVER_NS: the fault does not end."""

    name: str
    kind: str
    description: str
    start_ns: int
    end_ns: int
    fault: ActingFault


class FaultWindows:
    """``origin_ns`` is the instant of the engine's first input, from which the windows of a profile count."""

    __slots__ = ("_active", "_from_ns", "_until_ns", "windows")

    def __init__(self, faults: tuple[FaultSettings, ...], origin_ns: int) -> None:
        self.windows = tuple(_window(settings, origin_ns) for settings in faults)
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
        self._active = grouped_by_hook(w.fault for w in self.windows if w.start_ns <= instant_ns < w.end_ns)


def _window(settings: FaultSettings, origin_ns: int) -> Window:
    origin_ns = 0 if settings.clock == "absolute" else origin_ns
    start_ns = origin_ns + nanoseconds(settings.start_s)
    end_ns = FOREVER_NS if settings.end_s is None else origin_ns + nanoseconds(settings.end_s)
    return Window(
        name=settings.name,
        kind=settings.kind,
        description=settings.description(),
        start_ns=start_ns,
        end_ns=end_ns,
        fault=settings.acting(start_ns, end_ns),
    )
