"""Faults as people see them: which there can be, and how long each goes on."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from msgspec import Struct
from pydantic import BaseModel

from mock_provider.engine.faults.settings import Fault
from mock_provider.engine.faults.words import words_of

_NANOSECONDS = 1_000_000_000


class FaultWindow(Struct, frozen=True):
    """One fault of the profile.

    ``phase`` is ``to_come``, ``in_force`` or ``over``; seconds count from now, ``ends_in_s`` None: it does
    not end by itself. Before the engine's first input nobody knows when a profile's own windows begin: then
    ``begins_in_s`` counts from that input, and ``waits_for_input`` is True.
    """

    name: str
    kind: str
    title: str  # what it does
    phase: str
    begins_in_s: float
    ends_in_s: float | None
    waits_for_input: bool


def fault_window(fault: Fault, now_ns: int, origin_ns: int | None) -> FaultWindow:
    """``now_ns`` and ``origin_ns`` (its first input) are on the engine's clock."""
    absolute = fault.clock == "absolute"
    waits = origin_ns is None and not absolute
    passed_s = (now_ns if absolute else now_ns - origin_ns if origin_ns is not None else 0) / _NANOSECONDS
    begins_in_s = fault.start_s - passed_s
    ends_in_s = None if fault.end_s is None else fault.end_s - passed_s
    if waits or begins_in_s > 0:
        phase = "to_come"
    else:
        phase = "in_force" if ends_in_s is None or ends_in_s > 0 else "over"
    return FaultWindow(fault.name, fault.kind, words_of(fault), phase, begins_in_s, ends_in_s, waits)


def without_past(faults: list[Any], now_s: float) -> list[Any]:
    """The faults of a profile's document, without those set at run time whose end has passed.

    They change nothing any more, and the carriers they name may be gone.
    """
    return [fault for fault in faults if not _is_past(fault, now_s)]


def _is_past(fault: Any, now_s: float) -> bool:
    if not isinstance(fault, dict) or fault.get("clock") != "absolute":
        return False
    end_s = fault.get("end_s")
    return isinstance(end_s, int | float) and end_s <= now_s


@cache
def fault_kinds() -> dict[str, dict[str, Any]]:
    """The JSON schema of every kind of fault, by its name."""
    union = get_args(Fault)[0]
    kinds: dict[str, dict[str, Any]] = {}
    for section in get_args(union):
        assert issubclass(section, BaseModel)
        (kind,) = get_args(section.model_fields["kind"].annotation)
        kinds[kind] = section.model_json_schema()
    return kinds
