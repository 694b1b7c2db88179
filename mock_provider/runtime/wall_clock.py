"""The offset between the wall clock and the engine's monotonic clock, measured repeatedly.

The wall clock may be set while a provider runs (NTP after a resume, a moved virtual machine, an
administrator). Dates and scheduled messages follow it; every interval uses the monotonic clock.
"""

from __future__ import annotations

import time

# Ignore smaller steps: two readings differ by microseconds, and NTP adjusts the wall clock all the time. They
# change no visible date, and one instant would get different dates from call to call.
_STEP_NS = 50_000_000


class WallClock:
    """Unix time is an instant of the engine's clock plus ``offset_ns``."""

    __slots__ = ("offset_ns",)

    def __init__(self) -> None:
        self.offset_ns = _measured_ns()

    def measure(self) -> int:
        """Measure again. Returns by how many ns the wall clock was set forward (negative: back), or 0."""
        moved_ns = _measured_ns() - self.offset_ns
        if abs(moved_ns) < _STEP_NS:
            return 0
        self.offset_ns += moved_ns
        return moved_ns


def _measured_ns() -> int:
    return time.time_ns() - time.monotonic_ns()
