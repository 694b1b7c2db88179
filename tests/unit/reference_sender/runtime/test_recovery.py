"""A start with many open messages: what is read before the sender serves, and what while it does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from messages import made_message

from reference_sender.dispatch.values import Change, Lane, Message, Recovered, State
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.recovery import PAGE, Recovery
from reference_sender.store import Place, StoreError, Work, open_store

SENT = PAGE + 5
BULK = 3 * PAGE + 10
BOUND = SENT + 1  # a provider may have it
LAST_OTP = BOUND + BULK + 1
OPEN = LAST_OTP


def message(number: int, lane: Lane) -> Message:
    return made_message(number, lane=lane)


class ResumedStart:
    """A start on a store with ``SENT`` messages, the last of which was sent first, one that a provider may
    have, ``BULK`` untried ones, and an OTP after them. It continues what it reads itself.
    """

    def __init__(self, path: Path) -> None:
        self.store = open_store(f"sqlite:///{path}/s.db")
        bulk = [message(number, Lane.MARKETING) for number in range(1, LAST_OTP)]
        changes = [Change(n, f"k-{n}", State.SENT, "", "p", 1, OPEN - n, "r") for n in range(1, SENT + 1)]
        changes.append(Change(BOUND, f"k-{BOUND}", State.QUEUED, "", None, 1, 5, "r", 5))
        self.store.commit(Work([*bulk, message(LAST_OTP, Lane.OTP)], changes))
        self.pages: list[tuple[list[int], int]] = []
        self.sent_pages: list[tuple[list[int], int]] = []
        self.failures = 0
        self.background = BackgroundTasks()
        self.all_read = asyncio.Event()
        self.recovery = Recovery(self, LAST_OTP, self.background)

    async def read(self, limit: int, place: Place | None) -> list[Recovered]:
        if place is not None:
            self._fail()
        return await asyncio.to_thread(self.store.unfinished, limit, place)

    async def sent_ids(self) -> Sequence[int]:
        return await asyncio.to_thread(self.store.sent_ids)

    async def read_sent(self, ids: Sequence[int]) -> list[Recovered]:
        self._fail()
        return await asyncio.to_thread(self.store.sent, ids)

    def recover(self, page: Sequence[Recovered], left: int, sent: int) -> None:
        assert sent == (0 if self.pages else SENT), "said once"
        self.pages.append(([each.message.message_id for each in page], left))
        if not left:
            self.all_read.set()

    def recover_sent(self, page: Sequence[Recovered], left: int) -> None:
        assert len(self.pages) == 1, "before further untried ones"
        self.sent_pages.append(([each.message.message_id for each in page], left))

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("disk I/O error")

    @property
    def read_ids(self) -> list[int]:
        return [number for page, _ in self.pages for number in page]

    @property
    def sent_ids_read(self) -> list[int]:
        return [number for page, _ in self.sent_pages for number in page]


def test_one_page_is_read_before_the_sender_serves_and_the_rest_while_it_does(tmp_path: Path) -> None:
    async def live() -> None:
        start = ResumedStart(tmp_path)
        with closing(start.store):
            first = await start.recovery.start(OPEN)
            assert [each.message.message_id for each in first[:2]] == [BOUND, LAST_OTP]
            assert len(first) == PAGE + 1, "however many messages wait"
            assert start.pages[0][1] == BULK + 1 - PAGE
            assert not start.sent_pages
            start.store.commit(Work([message(LAST_OTP + 1, Lane.MARKETING)]))  # new: not of the start
            sent = Change(LAST_OTP, f"k-{LAST_OTP}", State.SENT, "", "p", 1, 1, "r")
            start.store.commit(Work(changes=[sent]))  # by this process, which knows it
            async with asyncio.timeout(20):
                await start.all_read.wait()
            assert start.read_ids == [BOUND, LAST_OTP, *range(BOUND + 1, LAST_OTP)], "each once"
            assert [left for _, left in start.pages] == [2_011, 1_011, 11, 0]
            assert start.sent_ids_read == list(range(SENT, 0, -1)), "each once, in the order of time"
            assert [left for _, left in start.sent_pages] == [5, 0]

    asyncio.run(live())


def test_a_page_that_cannot_be_read_is_read_later(tmp_path: Path) -> None:
    async def live() -> None:
        start = ResumedStart(tmp_path)
        with closing(start.store):
            start.failures = 1
            await start.recovery.start(OPEN)
            async with asyncio.timeout(20):
                await start.all_read.wait()
            assert len(set(start.read_ids)) == len(start.read_ids) == BULK + 2
            assert start.sent_ids_read == list(range(SENT, 0, -1))
            assert not start.background.failed.is_set()

    asyncio.run(live())


def test_a_sender_that_stops_leaves_the_rest_to_the_next_start(tmp_path: Path) -> None:
    async def live() -> None:
        start = ResumedStart(tmp_path)
        with closing(start.store):
            await start.recovery.start(OPEN)
            start.recovery.stop()
            await asyncio.to_thread(start.store.probe)
            assert (len(start.pages), start.sent_pages) == (1, [])
            assert not start.background.failed.is_set()

    asyncio.run(live())
