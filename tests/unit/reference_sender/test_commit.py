"""Group commit: who shares a transaction, and what a failing store does to those who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from reference_sender.commit import CommitQueue
from reference_sender.dispatch.values import Change, Lane, Message, Recovered, State
from reference_sender.store import Existing, Identity, Record, StoreError, Work


class NotingStore:
    """Notes what each commit held; fails as many commits as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.commits: list[tuple[list[int], list[int]]] = []
        self.works: list[Work] = []
        self.probes = 0
        self.failures = failures

    def commit(self, work: Work) -> Mapping[int, Existing]:
        if self.failures:
            self.failures -= 1
            raise StoreError("disk full")
        self.works.append(work)
        self.commits.append(([m.message_id for m in work.messages], [c.at_ns for c in work.changes]))
        return {}

    def probe(self) -> None:
        self.probes += 1
        if self.failures:
            self.failures -= 1
            raise StoreError("disk full")

    def identity(self) -> Identity:
        raise NotImplementedError

    def unfinished(self) -> list[Recovered]:
        raise NotImplementedError

    def records(self, after_id: int, limit: int) -> list[Record]:
        raise NotImplementedError

    def counts(self, campaign: str | None) -> dict[State, int]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def message(number: int) -> Message:
    return Message(number, f"k-{number}", "48500100200", "x", Lane.OTP, "Test", "", 1, 0, 1)


def change(at_ns: int) -> Change:
    return Change(1, "k-1", State.SENT, "", None, 1, at_ns)


def test_what_comes_together_shares_one_commit() -> None:
    store = NotingStore()
    kept: list[list[int]] = []

    async def run() -> None:
        queue = CommitQueue(store, lambda messages: kept.append([m.message_id for m in messages]))
        queue.change([change(7)])
        await asyncio.gather(queue.add(message(1)), queue.add(message(2)), queue.add_many([message(3)]))
        assert queue.waiting == 0
        await queue.close()

    asyncio.run(run())
    assert store.commits == [([1, 2, 3], [7])]
    assert kept == [[1, 2, 3]]


def test_a_failed_commit_refuses_messages_and_keeps_changes_in_order() -> None:
    store = NotingStore(failures=1)
    kept: list[int] = []

    async def run() -> None:
        queue = CommitQueue(store, lambda messages: kept.extend(m.message_id for m in messages), retry_s=0.01)
        queue.change([change(1), change(2)])
        reported = queue.settled()
        adding = queue.add(message(1))
        with pytest.raises(StoreError):
            await adding
        assert not reported.done()
        queue.change([change(3)])
        await reported
        await queue.close()

    asyncio.run(run())
    assert store.commits == [([], [1, 2, 3])]
    assert kept == []


def test_a_fault_of_the_store_ends_its_group_and_not_the_thread() -> None:
    class FaultyStore(NotingStore):
        def commit(self, work: Work) -> Mapping[int, Existing]:
            if any(message.text == "poison" for message in work.messages):
                raise UnicodeEncodeError("utf-8", "poison", 0, 1, "surrogates not allowed")
            return super().commit(work)

    async def run() -> None:
        queue = CommitQueue(FaultyStore(), lambda _: None, retry_s=0.01)
        async with asyncio.timeout(10):
            with pytest.raises(StoreError, match="surrogates"):
                await queue.add(msgspec.structs.replace(message(1), text="poison"))
            assert queue.is_alive()
            assert await queue.add(message(2)) is None
            await queue.close()
        assert not queue.is_alive()

    asyncio.run(run())


def test_nothing_is_taken_after_close() -> None:
    async def run() -> None:
        queue = CommitQueue(NotingStore(), lambda _: None)
        await queue.close()
        for waiting in (queue.add(message(1)), queue.add_many([message(2)]), queue.settled()):
            with pytest.raises(StoreError):
                await waiting

    asyncio.run(run())
