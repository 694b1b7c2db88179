"""The wall clock beside the engine's monotonic one: by how much they differ, measured again and again.

The wall clock may be set while a provider runs (NTP after a resume, a virtual machine that was moved, an
administrator). Dates and scheduled messages go by it as it is; every interval stays on the monotonic clock.
"""

from __future__ import annotations

import time

# Two readings of two clocks differ by microseconds, and NTP moves the wall clock a little all the time: less
# than this changes no date that anybody sees, and would make one instant's date differ from call to call.
_STEP_NS = 50_000_000


class WallClock:
    """``offset_ns`` is what is added to an instant of the engine's clock to get unix time."""

    __slots__ = ("offset_ns",)

    def __init__(self) -> None:
        self.offset_ns = _measured_ns()

    def look(self) -> int:
        """Measure again; by how many nanoseconds the wall clock was put forward (negative: back) or 0."""
        moved_ns = _measured_ns() - self.offset_ns
        if abs(moved_ns) < _STEP_NS:
            return 0
        self.offset_ns += moved_ns
        return moved_ns


def _measured_ns() -> int:
    return time.time_ns() - time.monotonic_ns()
