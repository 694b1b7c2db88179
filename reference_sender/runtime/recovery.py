"""Reads the open messages of an earlier process while the sender serves, in pages.

Before it serves, it reads the queued messages that a provider may have, and the most urgent of the untried
ones. Then come the SENT ones, since their delivery reports wait for them. The rest was never tried: no
provider has it, and only its order matters.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from reference_sender.dispatch.values import Recovered
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.failure_log import FailureLog
from reference_sender.store import Place, StoreError

log = logging.getLogger(__name__)

PAGE = 1_000  # messages; the event loop takes some milliseconds for them
_RETRY_S = 1.0
_Read = TypeVar("_Read")


class EarlierMessages(Protocol):
    """Reads messages of earlier processes, and continues them (``EarlierCampaigns``)."""

    async def read(self, limit: int, place: Place | None) -> list[Recovered]: ...

    async def sent_ids(self) -> Sequence[int]: ...

    async def read_sent(self, ids: Sequence[int]) -> list[Recovered]: ...

    def recover(self, page: Sequence[Recovered], left: int, sent: int) -> None: ...

    def recover_sent(self, page: Sequence[Recovered], left: int) -> None: ...


class Recovery:
    """This process gives its messages ids above ``last_id``."""

    def __init__(self, earlier: EarlierMessages, last_id: int, background: BackgroundTasks) -> None:
        self._last_id = last_id
        self._earlier = earlier
        self._background = background
        self._failures = FailureLog(
            log, "waiting messages cannot be read: %s", "the reading of waiting messages"
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self, unfinished: int) -> Sequence[Recovered]:
        """Read all that was tried and is queued, and the first page of the others; continue in the
        background. Returns what was read of ``unfinished`` messages. Raises ``StoreError``.
        """
        sent = await self._earlier.sent_ids()
        first = await self._earlier.read(PAGE, None)
        left = unfinished - len(sent) - len(first)
        self._earlier.recover(first, left, len(sent))
        if left or sent:
            self._task = self._background.begin("start", self._run(sent, first, left))
        return first

    def stop(self) -> None:
        """Read no further page. The next process reads them."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, sent: Sequence[int], page: Sequence[Recovered], left: int) -> None:
        for start in range(0, len(sent), PAGE):
            ids = sent[start : start + PAGE]
            found = await self._retried(partial(self._earlier.read_sent, ids))
            self._earlier.recover_sent(found, len(sent) - start - len(ids))
        while left and page:
            last = page[-1].message
            place = Place(last.lane, last.message_id, self._last_id)
            page = await self._retried(partial(self._earlier.read, PAGE, place))
            # Fewer than counted are left if the file was changed by another program.
            left = max(0, left - len(page)) if page else 0
            self._earlier.recover(page, left, 0)
        log.info("read all waiting messages")

    async def _retried(self, read: Callable[[], Awaitable[_Read]]) -> _Read:
        time_s = asyncio.get_running_loop().time
        while True:
            try:
                found = await read()
                self._failures.worked(time_s())
                return found
            except StoreError as error:
                self._failures.failed(time_s(), error)
                await asyncio.sleep(_RETRY_S)
