"""A start with many waiting messages: what is read before the sender serves, and what while it does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from reference_sender.dispatch.values import Change, Lane, Message, Recovered, State
from reference_sender.runtime.background import Chores
from reference_sender.runtime.resuming import PAGE, Resuming
from reference_sender.store import Place, StoreError, Work, open_store

BULK = 3 * PAGE + 10
LAST_OTP = BULK + 2


def message(number: int, lane: Lane) -> Message:
    return Message(number, f"k-{number}", "48500100200", "x", lane, "Test", "", 1, 0, 2**62)


class Started:
    """A start on a store with ``BULK`` untried bulk messages, one that was sent, and an OTP after them."""

    def __init__(self, path: Path) -> None:
        self.store = open_store(f"sqlite:///{path}/s.db")
        bulk = [message(number, Lane.MARKETING) for number in range(1, BULK + 2)]
        sent = Change(1, "k-1", State.SENT, "", "p", 1, 5, "r")
        self.store.commit(Work([*bulk, message(LAST_OTP, Lane.OTP)], [sent]))
        self.pages: list[tuple[list[int], int]] = []
        self.failures = 0
        self.chores = Chores()
        self.all_read = asyncio.Event()
        self.resuming = Resuming(self.read, self.recover, LAST_OTP, self.chores)

    async def read(self, limit: int, place: Place | None) -> list[Recovered]:
        if place is not None and self.failures:
            self.failures -= 1
            raise StoreError("disk I/O error")
        return await asyncio.to_thread(self.store.unfinished, limit, place)

    def recover(self, page: Sequence[Recovered], unread: int) -> None:
        self.pages.append(([each.message.message_id for each in page], unread))
        if not unread:
            self.all_read.set()

    @property
    def read_ids(self) -> list[int]:
        return [number for page, _ in self.pages for number in page]


def test_one_page_is_read_before_the_sender_serves_and_the_rest_while_it_does(tmp_path: Path) -> None:
    async def live() -> None:
        start = Started(tmp_path)
        with closing(start.store):
            first = await start.resuming.start(BULK + 2)
            assert [each.message.message_id for each in first[:2]] == [1, LAST_OTP], "sent, then the OTP"
            assert len(first) == PAGE + 1, "however many messages wait"
            assert start.pages[0][1] == BULK + 1 - PAGE
            start.store.commit(Work([message(LAST_OTP + 1, Lane.MARKETING)]))  # new: not of the start
            async with asyncio.timeout(20):
                await start.all_read.wait()
            assert start.read_ids == [1, LAST_OTP, *range(2, BULK + 2)], "each once"
            assert [unread for _, unread in start.pages] == [2_011, 1_011, 11, 0]

    asyncio.run(live())


def test_a_page_that_cannot_be_read_is_read_later(tmp_path: Path) -> None:
    async def live() -> None:
        start = Started(tmp_path)
        with closing(start.store):
            start.failures = 1
            await start.resuming.start(BULK + 2)
            async with asyncio.timeout(20):
                await start.all_read.wait()
            assert len(set(start.read_ids)) == len(start.read_ids) == BULK + 2
            assert not start.chores.failed.is_set()

    asyncio.run(live())


def test_a_sender_that_stops_leaves_the_rest_to_the_next_start(tmp_path: Path) -> None:
    async def live() -> None:
        start = Started(tmp_path)
        with closing(start.store):
            await start.resuming.start(BULK + 2)
            start.resuming.stop()
            await asyncio.to_thread(start.store.probe)
            assert len(start.pages) == 1
            assert not start.chores.failed.is_set()

    asyncio.run(live())
