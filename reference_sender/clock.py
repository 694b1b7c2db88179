"""The sender's clock: the wall clock read once, carried on by the monotonic clock.

Deadlines keep their meaning across a restart, and time never goes back while a process lives.
"""

from __future__ import annotations

import time

_OFFSET_NS = time.time_ns() - time.monotonic_ns()


def now_ns() -> int:
    """Nanoseconds since the Unix epoch, as this process counts them."""
    return time.monotonic_ns() + _OFFSET_NS
