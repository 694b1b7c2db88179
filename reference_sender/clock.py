"""The sender's clock and the wall clock.

The sender's clock starts at the wall clock's time and advances with the monotonic clock. So deadlines stay
valid across a restart, and time never goes back while a process runs. All intervals and deadlines use this
clock. The wall clock may be set while the process runs (NTP after a resume, a virtual machine that was
moved). So each date in the store or in a request to a provider is converted from the sender's clock to the
wall clock at that moment, and ``runtime/wall_watch.py`` tells the node when the wall clock was set.
"""

from __future__ import annotations

import time

_OFFSET_NS = time.time_ns() - time.monotonic_ns()
# Ignore smaller differences: NTP's small corrections, and the time between two readings.
_STEP_NS = 50_000_000


def now_ns() -> int:
    """Nanoseconds since the Unix epoch, as this process counts them."""
    return time.monotonic_ns() + _OFFSET_NS


def wall_ns() -> int:
    """Unix time now, for what is shown or stored."""
    return now_ns() + wall_ahead_ns()


def wall_ahead_ns() -> int:
    """The wall clock minus the sender's clock: 0 unless the wall clock was set since the start. Added to an
    instant of the sender's clock it gives Unix time.
    """
    ahead_ns = time.time_ns() - now_ns()
    return ahead_ns if abs(ahead_ns) >= _STEP_NS else 0
