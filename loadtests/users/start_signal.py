"""The start instant and each worker's share of the arrivals, sent by the master in Locust's spawn message.

Locust sends the master's options to every worker before it starts them; values that are set on them here are
sent, too.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from msgspec import Struct

ATTRIBUTE = "open_model_start"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# The workers are prepared by then: this is the time for the message and the first connections.
_LEAD_LOCAL_NS = 500_000_000
LEAD_WORKERS_NS = 2_000_000_000


class WorkerStart(Struct, frozen=True):
    """A worker's part of the load: arrival i if i mod ``workers`` is ``worker``."""

    start_ns: int  # this machine's CLOCK_MONOTONIC
    worker: int
    workers: int


def local_start() -> WorkerStart:
    return WorkerStart(time.monotonic_ns() + _LEAD_LOCAL_NS, 0, 1)


def announce(options: Any, clients: list[str]) -> None:
    """Set start and shares on the master's options. ``clients`` are the ids of the workers."""
    announced = {
        "clock_ns": time.monotonic_ns() + LEAD_WORKERS_NS,
        "wall_ns": time.time_ns() + LEAD_WORKERS_NS,
        "boot_id": _boot_id(),
        "workers": clients,
    }
    setattr(options, ATTRIBUTE, announced)


def announced_start(options: Any, client: str) -> WorkerStart:
    """The start that the master announced to this worker. Raises ``LookupError`` if it has no share."""
    announced = getattr(options, ATTRIBUTE, None)
    if announced is None or client not in announced["workers"]:
        raise LookupError("the master gave this worker no share of the arrivals; start the test again")
    if announced["boot_id"] and announced["boot_id"] == _boot_id():
        start_ns = announced["clock_ns"]
    else:  # another machine has another monotonic clock, so the wall clock is used
        start_ns = time.monotonic_ns() + announced["wall_ns"] - time.time_ns()
    workers = announced["workers"]
    return WorkerStart(start_ns, workers.index(client), len(workers))


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip() if _BOOT_ID.is_file() else ""
