"""The lag of the event loop: a sign of overload of the sender.

The provider has a module of its own for this, with a shorter period: its docstring has the reasons.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from reference_sender.runtime.background import BackgroundTasks

_EVERY_S = 0.1
_SHOWN = 10  # samples: the worst of one second is shown
_WAITS = Path("/proc/self/schedstat")


class LoopLag:
    """Samples the running loop until ``stop``."""

    def __init__(self, background: BackgroundTasks | None = None) -> None:
        self._guarded_sample = (background or BackgroundTasks()).guarded("loop lag sampler", self._sample)
        self._loop = asyncio.get_running_loop()
        self._recent_s = [(0.0, 0.0)] * _SHOWN  # (lag, wait for a core)
        self._samples = 0
        self._waited_s = core_wait_s()
        self._due_s = self._loop.time() + _EVERY_S
        self._timer = self._loop.call_at(self._due_s, self._guarded_sample)

    @property
    def worst_ms(self) -> float:
        """The worst lag of the last second."""
        return 1000.0 * max(self._recent_s)[0]

    @property
    def core_wait_ms(self) -> float:
        """How long this thread was ready and had no core, in the sampling period with the worst lag."""
        return 1000.0 * max(self._recent_s)[1]

    def stop(self) -> None:
        self._timer.cancel()

    def _sample(self) -> None:
        now, waited_s = self._loop.time(), core_wait_s()
        lag_s = max(0.0, now - self._due_s)
        self._recent_s[self._samples % _SHOWN] = (lag_s, waited_s - self._waited_s)
        self._samples += 1
        self._waited_s = waited_s
        self._due_s = now + _EVERY_S
        self._timer = self._loop.call_at(self._due_s, self._guarded_sample)


def core_wait_s() -> float:
    """For how long this process's first thread has been ready to run without a core. 0 if the system does not
    count that (Linux does).
    """
    try:
        return int(_WAITS.read_bytes().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
