"""The lag of the event loop, and its wait for a core.

The sender has a module of its own for this (``reference_sender/runtime/loop_lag.py``): provider and sender do
not import each other, and the packages that both may import have no code that runs while they serve. The
provider is part of the instrument, and its lag decides whether a run is valid. So it samples twice as often
as the sender, whose lag is one of several signs of overload.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path

# A stall of 50 ms is always seen. The samples cover more than a second, since the reader polls once a second.
_EVERY_S = 0.05
_SAMPLES = 25
_WAITS = Path("/proc/self/schedstat")


class EventLoopLag:
    """``run`` samples the loop it runs in."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, float]] = deque(maxlen=_SAMPLES)  # seconds: lag, wait for a core

    @property
    def worst_ms(self) -> float:
        """The worst lag of the last second or so."""
        return 1000.0 * max(self._recent, default=(0.0, 0.0))[0]

    @property
    def core_wait_ms(self) -> float:
        """How long this thread was ready and had no core, in the sampling period with the worst lag."""
        return 1000.0 * max(self._recent, default=(0.0, 0.0))[1]

    async def run(self) -> None:
        waited_s = _core_wait_s()
        while True:
            asked_s = time.monotonic()
            await asyncio.sleep(_EVERY_S)
            lag_s = max(0.0, time.monotonic() - asked_s - _EVERY_S)
            before_s, waited_s = waited_s, _core_wait_s()
            self._recent.append((lag_s, waited_s - before_s))


def _core_wait_s() -> float:
    """For how long this process's first thread has been ready to run without a core. 0 if the system does not
    count that (Linux does).
    """
    try:
        return int(_WAITS.read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
