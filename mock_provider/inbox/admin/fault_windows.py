"""Faults as the admin API shows them: the kinds, and the window of each fault of the profile."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from mock_provider.engine.distributions import NS_PER_S, nanoseconds
from mock_provider.engine.faults import FAULT_KINDS, fault_schema
from mock_provider.engine.faults.history import FaultPhase, phase_at
from mock_provider.engine.faults.settings import FaultSettings


class FaultWindow(Struct, frozen=True):
    """One fault of the profile. Seconds count from now; ``ends_in_s`` None: it does not end by itself.

    Before the engine's first input it is unknown when the windows of the profile begin. Then ``begins_in_s``
    counts from that input, and ``waits_for_input`` is True.
    """

    name: str
    kind: str
    title: str  # description
    phase: FaultPhase
    begins_in_s: float
    ends_in_s: float | None
    waits_for_input: bool


def fault_window(fault: FaultSettings, now_ns: int, origin_ns: int | None) -> FaultWindow:
    """``now_ns`` and ``origin_ns`` (its first input) are on the engine's clock."""
    if fault.clock == "absolute":
        origin_ns = 0
    waits = origin_ns is None
    passed_ns = 0 if origin_ns is None else now_ns - origin_ns
    begins_ns = nanoseconds(fault.start_s) - passed_ns
    ends_ns = None if fault.end_s is None else nanoseconds(fault.end_s) - passed_ns
    return FaultWindow(
        name=fault.name,
        kind=fault.kind,
        title=fault.description(),
        phase="scheduled" if waits else phase_at(0, begins_ns, ends_ns),
        begins_in_s=begins_ns / NS_PER_S,
        ends_in_s=None if ends_ns is None else ends_ns / NS_PER_S,
        waits_for_input=waits,
    )


def shown_fault(fault: FaultSettings, window: FaultWindow) -> dict[str, Any]:
    """The settings of a fault as a request gives them: ``start_s`` and ``end_s`` count from now."""
    times = {"start_s": window.begins_in_s, "end_s": window.ends_in_s}
    return {**fault.model_dump(mode="json", exclude={"clock"}), **times}


def without_past(faults: list[Any], now_s: float) -> list[Any]:
    """The faults of a profile's document, without those set at run time whose end has passed.

    Ended faults have no effect, and the carriers that they name may have been removed.
    """
    return [fault for fault in faults if not _is_past(fault, now_s)]


def _is_past(fault: Any, now_s: float) -> bool:
    if not isinstance(fault, dict) or fault.get("clock") != "absolute":
        return False
    end_s = fault.get("end_s")
    return isinstance(end_s, int | float) and end_s <= now_s


@cache
def fault_kinds() -> Mapping[str, Mapping[str, object]]:
    """The JSON schema of every kind of fault, by its name."""
    return {kind: fault_schema(kind) for kind in FAULT_KINDS}
