"""Reads the untried messages of an earlier process while the sender serves, in pages.

No provider has them, so no delivery report is about them, and only their order matters: the most urgent class
comes first. Everything that a provider may have is read before the sender serves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from reference_sender.dispatch.values import Recovered
from reference_sender.runtime.background import Chores
from reference_sender.store import Place, StoreError

log = logging.getLogger(__name__)

PAGE = 1_000  # messages; the event loop takes some milliseconds for them
_RETRY_S = 1.0

Read = Callable[[int, Place | None], Awaitable[list[Recovered]]]
Recover = Callable[[Sequence[Recovered], int], None]


class Resuming:
    """``read`` is ``NodeStore.unfinished`` in another thread, ``recover`` is ``Driver.recover``. This process
    gives its messages ids above ``last_id``.
    """

    def __init__(self, read: Read, recover: Recover, last_id: int, chores: Chores) -> None:
        self._last_id = last_id
        self._read = read
        self._recover = recover
        self._chores = chores
        self._task: asyncio.Task[None] | None = None

    async def start(self, unfinished: int) -> Sequence[Recovered]:
        """Read all that was tried, and the first page of the others; continue in the background. Returns what
        was read of ``unfinished`` messages. Raises ``StoreError``.
        """
        first = await self._read(PAGE, None)
        left = unfinished - len(first)
        self._recover(first, left)
        if left:
            self._task = asyncio.get_running_loop().create_task(self._run(self._after(first), left))
            self._task.add_done_callback(self._ended)
        return first

    def stop(self) -> None:
        """Read no further page. The next process reads them."""
        if self._task is not None:
            self._task.cancel()

    def _after(self, page: Sequence[Recovered]) -> Place:
        last = page[-1].message
        return Place(last.lane, last.message_id, self._last_id)

    async def _run(self, place: Place, left: int) -> None:
        while left:
            try:
                page = await self._read(PAGE, place)
            except StoreError as error:
                log.error("waiting messages cannot be read: %s", error)
                await asyncio.sleep(_RETRY_S)
                continue
            # Fewer than counted are left if the file was changed by another program.
            left = max(0, left - len(page)) if page else 0
            self._recover(page, left)
            if page:
                place = self._after(page)
        log.info("read all waiting messages")

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._chores.died("start", error)
