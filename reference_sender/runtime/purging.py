"""Removes old final messages from the store, in small steps between commits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from reference_sender.clock import now_ns
from reference_sender.policy.wall_offset import WallOffset
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.committer import Committer
from reference_sender.runtime.failure_log import FailureLog
from reference_sender.store import Purged, Store, StoreError
from reference_sender.store.protocol import NODE_BITS

log = logging.getLogger(__name__)

# A step takes some milliseconds, and a commit that comes meanwhile waits for it.
STEP = 250
_BETWEEN_STEPS_S = 0.01
_AFTER_NOTHING_S = 0.5
_BETWEEN_PASSES_S = 10.0


class Purging:
    """Purges messages that have been final for longer than ``keep_ns`` by the wall clock. A message that this
    process ended must also be that old by the process's clock.
    """

    def __init__(
        self, committer: Committer, keep_ns: int, wall: WallOffset, background: BackgroundTasks
    ) -> None:
        self._committer = committer
        self._keep_ns = keep_ns
        self._wall = wall
        self.purged = 0  # messages
        self._task = background.begin("purge", self._run())

    def stop(self) -> None:
        """Begin no further step."""
        self._task.cancel()

    async def _run(self) -> None:
        sweep = Sweep()
        time_s = asyncio.get_running_loop().time
        failures = FailureLog(log, "old messages could not be removed: %s", "the removal of old messages")
        while True:
            try:
                before_ns = sweep.before(purged_before_ns(now_ns(), self._keep_ns, self._wall))
                step = await self._committer.purge(_step(before_ns, sweep.after_id))
            except StoreError as error:
                failures.failed(time_s(), error)
                await asyncio.sleep(_BETWEEN_PASSES_S)
                continue
            failures.worked(time_s())
            self.purged += step.count
            await asyncio.sleep(sweep.stepped(step))


class Sweep:
    """Decides where and when each step of a purge begins.

    Ids rise with the time of creation, so old messages come first. Every 10 s a pass begins at the lowest id
    and ends, for each node, at a step with only young messages. If the wall clock was set back, an old
    message can have a higher id than a young one. So a slow pass, between the others, reads every message.
    """

    def __init__(self) -> None:
        self.after_id = 0
        self._is_first = True  # whether the pass is one of the first kind
        self._slow_id = 0  # the slow pass has read up to this id
        self._before_ns = 0  # the limit of a pass of the first kind
        self._waited_s = 0.0  # since the last pass of the first kind

    def before(self, before_ns: int) -> int:
        """The limit of the next step. ``before_ns`` is the present limit. In a pass of the first kind the
        limit does not rise: otherwise messages that become old meanwhile prolong the pass.
        """
        if self._is_first and self.after_id:
            before_ns = min(before_ns, self._before_ns)
        self._before_ns = before_ns
        return before_ns

    def stepped(self, step: Purged) -> float:
        """The step after ``after_id`` has ended; returns after how many seconds the next one begins."""
        if self._is_first:
            if step.last_id is not None:
                self.after_id = _last_of_node(step.last_id) if step.is_young else step.last_id
                return _BETWEEN_STEPS_S
            self._is_first, self._waited_s, self.after_id = False, _AFTER_NOTHING_S, self._slow_id
            return _AFTER_NOTHING_S
        self.after_id = self._slow_id = step.last_id or 0
        wait_s = _BETWEEN_STEPS_S if step.count else _AFTER_NOTHING_S
        if step.last_id is None:
            wait_s = max(wait_s, _BETWEEN_PASSES_S - self._waited_s)
        self._waited_s += wait_s
        if self._waited_s >= _BETWEEN_PASSES_S:
            self._is_first, self.after_id = True, 0
        return wait_s


def _step(before_ns: int, after_id: int) -> Callable[[Store], Purged]:
    return lambda store: store.purge(before_ns, after_id, STEP)


def _last_of_node(message_id: int) -> int:
    return message_id | ((1 << NODE_BITS) - 1)


def purged_before_ns(now_ns: int, keep_ns: int, wall: WallOffset) -> int:
    """Messages that ended before this Unix time are removed. ``now_ns`` is of the node's clock.

    The wall clock may have been set back meanwhile. The least offset since ``now_ns - keep_ns`` is used, so
    that nothing is removed too early.
    """
    since_ns = now_ns - keep_ns
    return since_ns + wall.least_ahead_ns(since_ns)
