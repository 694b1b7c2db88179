"""Removes old final messages from the store, in small steps between commits."""

from __future__ import annotations

import asyncio
import logging

from reference_sender.clock import wall_ns
from reference_sender.runtime.background import Chores
from reference_sender.runtime.committer import Committer
from reference_sender.store import StoreError

log = logging.getLogger(__name__)

# A step takes some milliseconds, and a commit that comes meanwhile waits for it.
STEP = 250
_BETWEEN_STEPS_S = 0.05
_BETWEEN_PASSES_S = 10.0


class Purging:
    """Purges again and again what has been final for longer than ``keep_ns``."""

    def __init__(self, committer: Committer, keep_ns: int, chores: Chores) -> None:
        self._committer = committer
        self._keep_ns = keep_ns
        self.purged = 0  # messages
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(self._ended)
        self._chores = chores

    def stop(self) -> None:
        """Begin no further step."""
        self._task.cancel()

    async def _run(self) -> None:
        after_id = 0
        while True:
            try:
                step = await self._committer.purge(wall_ns() - self._keep_ns, after_id, STEP)
            except StoreError as error:
                log.error("old messages could not be removed: %s", error)
                await asyncio.sleep(_BETWEEN_PASSES_S)
                continue
            self.purged += step.count
            after_id = step.last_id or 0
            await asyncio.sleep(_BETWEEN_PASSES_S if step.last_id is None else _BETWEEN_STEPS_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._chores.died("purge", error)
