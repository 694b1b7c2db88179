"""Tells the driver when the wall clock was set: schedules, quiet hours and days of spending follow it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from reference_sender.clock import wall_ahead_ns
from reference_sender.runtime.background import BackgroundTasks

log = logging.getLogger(__name__)

_EVERY_S = 1.0
# NTP corrects the wall clock all the time. A schedule may be late or early by this, which is not worth the
# work of looking at every message.
STEP_NS = 1_000_000_000


class WallWatch:
    """Looks once a second until ``stop``. ``wall_set`` is ``Driver.wall_set``."""

    def __init__(self, wall_set: Callable[[int], None], background: BackgroundTasks) -> None:
        self._wall_set = wall_set
        self._ahead_ns = 0
        self._guarded_look = background.guarded("wall clock watch", self._look)
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_EVERY_S, self._guarded_look)

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        self._timer = self._loop.call_later(_EVERY_S, self._guarded_look)
        self.check(wall_ahead_ns())

    def check(self, ahead_ns: int) -> None:
        """The wall clock is ``ahead_ns`` ahead of the sender's clock now."""
        by_ns = ahead_ns - self._ahead_ns
        if abs(by_ns) < STEP_NS:
            return
        self._ahead_ns = ahead_ns
        way = "forward" if by_ns > 0 else "back"
        log.warning("the wall clock was set %s by %.3f s: schedules follow it", way, abs(by_ns) / 1e9)
        self._wall_set(ahead_ns)
