"""Group commit: who shares a transaction, and what a failing store does to those who wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

import msgspec
import pytest
from waiting import eventually_in_loop

from reference_sender.dispatch.values import Change, Lane, Message, Recovered, State, SubmitAttempt
from reference_sender.runtime.background import Chores
from reference_sender.runtime.commit_queue import CommitQueue
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
        queue = CommitQueue(store, lambda messages, _: kept.append([m.message_id for m in messages]))
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
        queue = CommitQueue(
            store, lambda messages, _: kept.extend(m.message_id for m in messages), retry_s=0.01
        )
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
        queue = CommitQueue(FaultyStore(), lambda *_: None, retry_s=0.01)
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
        queue = CommitQueue(NotingStore(), lambda *_: None)
        await queue.close()
        for waiting in (queue.add(message(1)), queue.add_many([message(2)]), queue.settled()):
            with pytest.raises(StoreError):
                await waiting

    asyncio.run(run())


class GatedStore(NotingStore):
    """Its commits begin, and go on when they are let."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__(failures)
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def commit(self, work: Work) -> Mapping[int, Existing]:
        self.begun.release()
        assert self.go_on.acquire(timeout=20)
        return super().commit(work)

    async def until_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, timeout=20)


def attempt(attempt_id: int) -> SubmitAttempt:
    return SubmitAttempt(attempt_id, "a", 0, (1,))


def test_changes_keep_their_order_across_a_failed_commit() -> None:
    store = GatedStore(failures=2)

    async def run() -> None:
        queue = CommitQueue(store, lambda *_: None, retry_s=0.01)
        queue.change([change(1), change(2)])
        for newer in (3, 4):  # the second while the retry fails too
            await store.until_begun()
            queue.change([change(newer)])
            queue.ended(newer)
            store.go_on.release()
        await store.until_begun()
        store.go_on.release(2)
        await queue.close()

    asyncio.run(run())
    assert store.commits == [([], [1, 2, 3, 4])]
    assert list(store.works[0].ended) == [3, 4]


def test_settled_waits_for_the_changes_of_a_failed_commit() -> None:
    store = GatedStore(failures=1)

    async def run() -> None:
        queue = CommitQueue(store, lambda *_: None, retry_s=0.01)
        queue.change([change(1)])
        await store.until_begun()
        reported = queue.settled()
        store.go_on.release()
        await store.until_begun()
        assert not reported.done()
        store.go_on.release(2)
        await reported
        assert store.commits == [([], [1])]
        await queue.close()

    asyncio.run(run())


def test_an_attempt_may_go_out_once_it_is_durable_and_ends_with_its_changes() -> None:
    store = GatedStore()

    async def run() -> None:
        queue = CommitQueue(store, lambda *_: None)
        begun = queue.attempt(attempt(7))
        await store.until_begun()
        assert not begun.done()
        store.go_on.release(3)
        assert await begun is True
        queue.ended(7)
        queue.change([change(5)])
        await queue.close()

    asyncio.run(run())
    assert [(list(w.attempts), list(w.ended), list(w.changes)) for w in store.works] == [
        ([attempt(7)], [], []),
        ([], [7], [change(5)]),
    ]


def test_an_attempt_that_the_store_did_not_keep_must_not_go_out_and_is_taken_back() -> None:
    store = NotingStore(failures=1)

    async def run() -> None:
        queue = CommitQueue(store, lambda *_: None, retry_s=0.01)
        assert await queue.attempt(attempt(7)) is False
        assert await queue.attempt(attempt(8)) is True
        await queue.close()
        assert await queue.attempt(attempt(9)) is False

    asyncio.run(run())
    assert [(list(w.attempts), list(w.ended)) for w in store.works] == [([attempt(8)], [7])]


def test_health_tries_a_store_that_nobody_has_used_lately() -> None:
    store = NotingStore()

    async def run() -> None:
        queue = CommitQueue(store, lambda *_: None)
        await queue.check()
        await queue.check()  # the first one tells
        assert store.probes == 1
        await queue.close()
        with pytest.raises(StoreError):
            await queue.check()

    asyncio.run(run())


def test_health_is_bad_from_a_failed_commit_to_the_next_good_one() -> None:
    store = NotingStore(failures=1)

    async def run() -> None:
        queue = CommitQueue(store, lambda *_: None, retry_s=0.01)
        with pytest.raises(StoreError):
            await queue.add(message(1))
        with pytest.raises(StoreError, match="disk full"):
            await queue.check()
        assert store.probes == 0
        assert await queue.add(message(2)) is None
        await queue.check()
        await queue.close()

    asyncio.run(run())


def test_a_committer_that_dies_is_noticed() -> None:
    class LethalStore(NotingStore):
        def commit(self, work: Work) -> Mapping[int, Existing]:
            raise SystemExit("the thread ends")

    async def run() -> None:
        chores = Chores()
        queue = CommitQueue(LethalStore(), lambda *_: None, chores=chores)
        queue.add(message(1))
        async with asyncio.timeout(10):
            await chores.failed.wait()
        assert chores.reason == "the sender's committer failed: SystemExit"
        await eventually_in_loop(lambda: not queue.is_alive())
        with pytest.raises(StoreError, match="restart the sender"):
            await queue.check()

    asyncio.run(run())


def test_a_dispatcher_that_fails_on_what_was_kept_is_noticed() -> None:
    def kept(*_: object) -> None:
        raise ValueError("time went back")

    async def run() -> None:
        chores = Chores()
        queue = CommitQueue(NotingStore(), kept, chores=chores)
        queue.add(message(1))
        async with asyncio.timeout(10):
            await chores.failed.wait()
        assert chores.reason == "the sender's committer failed: ValueError"

    asyncio.run(run())


def test_a_store_that_failed_is_left_alone_for_a_while() -> None:
    async def run() -> None:
        queue = CommitQueue(NotingStore(failures=1), lambda *_: None, retry_s=60)
        queue.change([change(1)])
        await eventually_in_loop(lambda: queue.failures)
        assert queue.pause_s > 30

    asyncio.run(run())


def test_a_message_whose_key_is_taken_is_not_given_to_the_dispatcher() -> None:
    existing = Existing(1, "48500100200", "x", Lane.OTP, State.SENT)

    class KnowingStore(NotingStore):
        def commit(self, work: Work) -> Mapping[int, Existing]:
            return {each.message_id: existing for each in work.messages if each.message_id == 2}

    kept: list[int] = []

    async def run() -> None:
        queue = CommitQueue(KnowingStore(), lambda messages, _: kept.extend(m.message_id for m in messages))
        assert [await each for each in (queue.add(message(2)), queue.add(message(3)))] == [existing, None]
        await queue.close()

    asyncio.run(run())
    assert kept == [3]


def test_an_attempt_that_ended_alone_is_written_too() -> None:
    store = NotingStore()

    async def run() -> None:
        queue = CommitQueue(store, lambda *_: None)
        queue.ended(7)
        await queue.close()

    asyncio.run(run())
    assert [list(work.ended) for work in store.works] == [[7]]


def test_a_foreseen_attempt_of_a_failed_commit_is_taken_back() -> None:
    store = NotingStore(failures=1)

    async def run() -> None:
        queue = CommitQueue(store, lambda *_: None, retry_s=0.01, foresee=lambda _: attempt(7))
        with pytest.raises(StoreError):
            await queue.add(message(1))
        await queue.close()

    asyncio.run(run())
    assert [list(work.ended) for work in store.works] == [[7]]


def test_the_longest_commit_of_the_last_second_is_told() -> None:
    asyncio.run(_longest_commit())


async def _longest_commit() -> None:
    class SlowStore(NotingStore):
        gate = threading.Event()

        def commit(self, work: Work) -> Mapping[int, Existing]:
            assert self.gate.wait(10)
            return super().commit(work)

    store = SlowStore()
    queue = CommitQueue(store, lambda messages, attempt: None, linger_s=0.0)
    try:
        assert queue.worst_ms == 0.0
        kept = queue.add(message(1))
        await asyncio.sleep(0.05)
        assert queue.worst_ms >= 40.0  # one that still runs
        store.gate.set()
        await kept
        assert queue.worst_ms >= 40.0
    finally:
        store.gate.set()
        await queue.close()
