"""``capacity.json``: what a capacity search found. Documented in docs/run-directory.md.

``loadtests`` writes with this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from analysis.findings import BottleneckKind

CAPACITY = "capacity.json"
# Ends the text of a constant rate. It has no figure: that of a trial can be below the sustained rate.
OWN_LIMIT = "a limit of its own rate, or a fixed number of workers"
ALLOWS_FOR_CHANCE = "The interval allows for chance in the measured throughput, so trials can be inside it"
SEARCH_ITSELF = "."  # ``capacity`` in the run.json of a search: its own directory


class Trial(Struct, frozen=True, kw_only=True):
    """One run of a capacity search. ``place`` is its run directory, relative to ``capacity.json``'s.

    ``needed_load_s``: the load of a met trial was too short to count: the target may have used a reserve
    (a burst, a buffer). This is the load with which it counts. None for all others. ``load_s`` is None in a
    file of an earlier version.
    """

    rate_per_s: float
    verdict: Literal["met", "missed", "undecided", "invalid"]
    delivered_per_s: float
    why: str = ""
    bottlenecks: tuple[str, ...] = ()
    bottleneck_kinds: tuple[BottleneckKind, ...] = ()  # of each; () in a file of an earlier version
    place: str = ""
    needed_load_s: float | None = None
    load_s: float | None = None


class CapacityResult(Struct, frozen=True, kw_only=True):
    """``capacity.json``: the highest sustained rate at which every objective is met.

    ``sustained_per_s`` is None if no rate was met. The interval is from ``low_per_s`` (met, or less) to
    ``high_per_s`` (missed, or more; None if no rate was missed up to the search's upper end).
    """

    profile: str
    target: str
    objectives: tuple[str, ...]
    sustained_per_s: float | None
    low_per_s: float
    high_per_s: float | None
    messages_per_day: float | None  # the day whose peak has this rate
    bottlenecks: tuple[str, ...]  # the bottlenecks above it
    trials: tuple[Trial, ...]
    ended: str = ""  # why the search ended, as text
    precision_missed: float | None = None  # the precision asked for, if the interval is wider
    profile_limits: str = "unknown"  # as text; "none": the profile has no limits
    interrupted_per_s: float | None = None  # the rate of the trial in which the user ended the search
    bottleneck_kinds: tuple[BottleneckKind, ...] = ()  # of each; () in a file of an earlier version
    brief: bool = False  # the search of the bench: few trials in little time, so its interval is often wider


def allows_for_chance(found: CapacityResult) -> bool:
    """Whether judged trials are inside the interval, since it contains that of the throughput too."""
    if found.sustained_per_s is None or found.high_per_s is None:
        return False
    judged = (each.rate_per_s for each in found.trials if each.verdict in ("met", "missed"))
    return any(found.low_per_s < rate_per_s < found.high_per_s for rate_per_s in judged)


def kinds_of(names: Sequence[str]) -> tuple[BottleneckKind, ...]:
    """Raises ``msgspec.ValidationError`` if one is not a kind."""
    return msgspec.convert(tuple(names), tuple[BottleneckKind, ...])


def write_capacity(directory: Path, found: CapacityResult) -> None:
    """Write ``capacity.json`` in one step."""
    partial = directory / f"{CAPACITY}.partial"
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    partial.replace(directory / CAPACITY)


def read_capacity(directory: Path) -> CapacityResult:
    """Raises ``ValueError`` with file and field if it is absent or malformed."""
    path = directory / CAPACITY
    try:
        return msgspec.json.decode(path.read_bytes(), type=CapacityResult)
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
