"""The manifest of a run: scenario, settings, versions, machine, and how it ended."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
import psutil

from analysis import records
from loadtests.arrivals import (
    CLASSES,
    Plan,
    arrival_count,
    mean_rate_per_s,
    peak_rate_per_s,
    seeds,
)
from loadtests.scenario import Part, Scenario

_PACKAGES = (
    "smsbench",
    "locust",
    "gevent",
    "geventhttpclient",
    "aiohttp",
    "uvloop",
    "msgspec",
    "numpy",
    "pyarrow",
)


def instant() -> records.Instant:
    wall_ns, clock_ns = time.time_ns(), time.monotonic_ns()
    wall = datetime.fromtimestamp(wall_ns / 1e9, UTC).isoformat(timespec="milliseconds")
    return records.Instant(wall.replace("+00:00", "Z"), wall_ns, clock_ns)


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a checkout that is not installed has no metadata of its own
            continue
    return found


def machine() -> dict[str, Any]:
    """The machine's properties that affect the figures, without the names of machine and user."""
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": psutil.virtual_memory().total,
    }


def scenario_of(name: str, part: Part, plan: Plan) -> records.RecordedScenario:
    streams = []
    for stream in plan.streams:
        described = msgspec.to_builtins(stream)
        described["process"].pop("hourly_weights", None)
        described["arrivals"] = arrival_count(stream.process)
        described["mean_per_s"] = mean_rate_per_s(stream.process)
        described["peak_per_s"] = peak_rate_per_s(stream.process)
        streams.append(described)
    return records.RecordedScenario(
        name=name,
        title=part.title,
        role=part.role,
        messages_per_day=part.messages_per_day,
        decides=part.decides,
        counterpart=part.counterpart,
        parameters={
            "streams": streams,
            "classes": list(CLASSES),
            "in_flight_limit": plan.in_flight_limit,
            "key_tag": plan.key_tag,
            **({"fifo": True} if part.fifo else {}),
        },
    )


def timing_of(part: Part, provider_scale: float) -> records.Timing:
    return records.Timing(
        speedup=part.speedup,
        provider_scale=provider_scale,
        window=part.window,
        duration_s=part.duration_s,
    )


def faults_begun(faults: Sequence[records.RecordedFault], ended_ns: int) -> tuple[records.RecordedFault, ...]:
    """The faults that had begun by the end of the run, in order."""
    begun = [fault for fault in faults if fault.start_ns < ended_ns]
    return tuple(sorted(begun, key=lambda fault: fault.start_ns))


def all_seeds(plan: Plan, provider_seed: int) -> dict[str, int]:
    return seeds(plan) | {"provider": provider_seed}


def write_suite(
    run_dir: Path,
    scenario: Scenario,
    seed: int,
    started: records.Instant,
    places: Sequence[str],
    *,
    whole: bool = True,
    failures: Sequence[records.InstrumentFailure] = (),
    capacity: str = "",
) -> None:
    """The manifest over the parts that ran; ``places`` are their directories, relative to ``run_dir``.

    A suite without a failed part that is not ``whole`` was interrupted between two parts. Its mode and target
    are those of its live parts, if it has any.
    """
    parts = [records.read_manifest(run_dir / place) for place in places]
    first = next((part for part in parts if part.mode == "real"), parts[0])
    orderly = ("finished", "drain_timeout", "drain_ended")
    reasons = [part.exit_reason for part in parts if part.exit_reason not in orderly]
    suite = records.Manifest(
        kind="suite",
        mode=first.mode,
        scenario=records.RecordedScenario(name=scenario.name, title=scenario.title),
        parts=tuple(places),
        seeds={"plan": seed},
        objectives=first.objectives,
        target=first.target,
        versions=versions(),
        machine=machine(),
        started=started,
        ended=instant(),
        exit_reason=reasons[0] if reasons else "finished" if whole else "interrupted",
        instrument_failures=tuple(failures),
        capacity=capacity,
    )
    records.write_manifest(run_dir, suite)


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
