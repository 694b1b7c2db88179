"""How late the event loop runs what is due: the sender's own measure of being overloaded."""

from __future__ import annotations

import asyncio

from reference_sender.chores import Chores

_EVERY_S = 0.1
_SHOWN = 10  # the worst of so many samples, one second


class LoopLag:
    """Samples the running loop until ``stop``."""

    def __init__(self, chores: Chores | None = None) -> None:
        self._guarded_sample = (chores or Chores()).guarded("loop lag sampler", self._sample)
        self._loop = asyncio.get_running_loop()
        self._recent_s = [0.0] * _SHOWN
        self._samples = 0
        self._due = self._loop.time() + _EVERY_S
        self._timer = self._loop.call_at(self._due, self._guarded_sample)

    @property
    def worst_ms(self) -> float:
        """The worst lag of the last second."""
        return 1000.0 * max(self._recent_s)

    def stop(self) -> None:
        self._timer.cancel()

    def _sample(self) -> None:
        now = self._loop.time()
        self._recent_s[self._samples % _SHOWN] = max(0.0, now - self._due)
        self._samples += 1
        self._due = now + _EVERY_S
        self._timer = self._loop.call_at(self._due, self._guarded_sample)
