"""Removes old final messages from the store, in small steps between commits."""

from __future__ import annotations

import asyncio
import logging

from reference_sender.clock import now_ns
from reference_sender.policy.wall import Wall
from reference_sender.runtime.background import Chores
from reference_sender.runtime.committer import Committer
from reference_sender.store import StoreError

log = logging.getLogger(__name__)

# A step takes some milliseconds, and a commit that comes meanwhile waits for it.
STEP = 250
_BETWEEN_STEPS_S = 0.05
# A pass looks at every message, and most are too young: it need not be fast there.
_AFTER_NOTHING_S = 0.5
_BETWEEN_PASSES_S = 10.0


class Purging:
    """Purges again and again what has been final for longer than ``keep_ns``, by the wall clock and, as far
    as this process ended it, by the process's clock.
    """

    def __init__(self, committer: Committer, keep_ns: int, wall: Wall, chores: Chores) -> None:
        self._committer = committer
        self._keep_ns = keep_ns
        self._wall = wall
        self.purged = 0  # messages
        self._task = chores.begin("purge", self._run())

    def stop(self) -> None:
        """Begin no further step."""
        self._task.cancel()

    async def _run(self) -> None:
        after_id = 0
        while True:
            try:
                step = await self._committer.purge(
                    purged_before_ns(now_ns(), self._keep_ns, self._wall), after_id, STEP
                )
            except StoreError as error:
                log.error("old messages could not be removed: %s", error)
                await asyncio.sleep(_BETWEEN_PASSES_S)
                continue
            self.purged += step.count
            after_id = step.last_id or 0
            if step.last_id is None:
                await asyncio.sleep(_BETWEEN_PASSES_S)
            else:
                await asyncio.sleep(_BETWEEN_STEPS_S if step.count else _AFTER_NOTHING_S)


def purged_before_ns(now_ns: int, keep_ns: int, wall: Wall) -> int:
    """Before which Unix time a message must have ended. ``now_ns`` is of the node's clock.

    What ended since ``now_ns - keep_ns`` has a date of the wall clock of that time, which may have been set
    since then: so the limit is by the earliest wall clock of that time.
    """
    since_ns = now_ns - keep_ns
    return since_ns + wall.least_ahead_ns(since_ns)
