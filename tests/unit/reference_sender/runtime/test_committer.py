"""The committing thread: what it survives, what its end reports, and how long its commits take."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import cast

import msgspec
import pytest
from messages import made_message
from waiting import eventually, eventually_in_loop

from reference_sender.alerts.store import WORKS
from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import Lane, Message, RouteLimits, State
from reference_sender.node.times import NodeTimes
from reference_sender.runtime.committer import Committer
from reference_sender.runtime.driver import Driver
from reference_sender.store import Existing, Store, StoreError, Work

LIMITS = RouteLimits("r", 1e6, 1e6, 1e6, 1e6, max_batch=10, max_in_flight=4, idempotency_window_s=86_400.0)


class NotingStore:
    """Counts commits, and fails a set number of them."""

    leases = None

    leases = None

    def __init__(self, failures: int = 0) -> None:
        self.commits = 0
        self.probes = 0
        self.failures = failures

    def commit(self, work: Work) -> Mapping[int, Existing]:
        if self.failures:
            self.failures -= 1
            raise StoreError("disk full")
        self.commits += 1
        return {each.message_id: EXISTING for each in work.messages if each.key == "taken"}

    def probe(self) -> None:
        self.probes += 1


EXISTING = Existing(1, "48500100200", "x", Lane.OTP, State.SENT)


def message(number: int, key: str = "") -> Message:
    return made_message(number, key=key, lane=Lane.OTP, expires_ns=1)


def driver(store: NotingStore) -> Driver:
    """Without a route that works: the messages have expired and none is submitted."""
    dispatcher = Dispatcher(DispatchSettings(), (LIMITS,), 1)
    # It has no more than the committer calls.
    return Driver(dispatcher, cast(Store, store), {}, NodeTimes(retry_ns=10_000_000))


def test_a_store_that_fails_is_in_trouble_until_a_commit_succeeds() -> None:
    async def run() -> None:
        store = NotingStore(failures=1_000)
        made = driver(store)
        assert made.commits.trouble() == WORKS
        with pytest.raises(StoreError, match="disk full"):
            await made.take(message(1))
        loop = asyncio.get_running_loop()
        failed_s = loop.time()
        await eventually_in_loop(lambda: made.commits.failures >= 5)
        lasted_s = loop.time() - failed_s
        trouble = made.commits.trouble()
        assert trouble.reason == "disk full"
        assert trouble.lasted_s >= lasted_s, "since the first of the commits that failed"
        store.failures = 0
        await eventually_in_loop(lambda: made.commits.trouble() == WORKS)
        await made.close()

    asyncio.run(run())


def test_waiting_messages_are_answered_and_those_of_a_failed_commit_refused() -> None:
    async def run() -> None:
        made = driver(NotingStore(failures=1))
        refused = made.take(message(1))
        with pytest.raises(StoreError, match="disk full"):
            await refused
        waiting = made.take(message(2)), made.take(message(3, "taken"))
        assert [await each for each in waiting] == [None, EXISTING]
        assert await made.take_many([message(4)]) == {}
        assert made.commits.failures == 1
        await made.close()

    asyncio.run(run())


def test_a_fault_of_the_store_ends_its_commit_and_not_the_thread() -> None:
    class FaultyStore(NotingStore):
        def commit(self, work: Work) -> Mapping[int, Existing]:
            if any(message.text == "poison" for message in work.messages):
                raise UnicodeEncodeError("utf-8", "poison", 0, 1, "surrogates not allowed")
            return super().commit(work)

    async def run() -> None:
        made = driver(FaultyStore())
        async with asyncio.timeout(10):
            with pytest.raises(StoreError, match="surrogates"):
                await made.take(msgspec.structs.replace(message(1), text="poison"))
            assert made.commits.is_alive()
            assert await made.take(message(2)) is None
            await made.close()
        assert not made.commits.is_alive()

    asyncio.run(run())


def test_a_commit_that_ends_after_the_loop_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    """The driver waits for a commit for a limited time when it stops."""
    begun, ends = threading.Event(), threading.Event()

    class LateStore(NotingStore):
        def commit(self, work: Work) -> Mapping[int, Existing]:
            begun.set()
            assert ends.wait(30)
            return super().commit(work)

    async def run() -> Committer:
        made = driver(LateStore())
        made.take(message(1))
        await eventually_in_loop(begun.is_set)
        return made.commits

    commits = asyncio.run(run())
    ends.set()
    eventually(lambda: not commits.is_alive())
    assert "failed" not in caplog.text


def test_nothing_is_taken_after_close() -> None:
    async def run() -> None:
        made = driver(NotingStore())
        await made.close()
        for waiting in (made.take(message(1)), made.take_many([message(2)]), made.all_stored()):
            with pytest.raises(StoreError):
                await waiting
        with pytest.raises(StoreError):
            await made.reported([])

    asyncio.run(run())


def test_health_tries_a_store_that_nobody_has_used_lately() -> None:
    store = NotingStore()

    async def run() -> None:
        made = driver(store)
        await made.check()
        await made.check()  # the first one reports it
        assert store.probes == 1
        await made.close()
        with pytest.raises(StoreError):
            await made.check()

    asyncio.run(run())


def test_health_is_bad_from_a_failed_commit_to_the_next_good_one() -> None:
    store = NotingStore(failures=1)

    async def run() -> None:
        made = driver(store)
        with pytest.raises(StoreError):
            await made.take(message(1))
        with pytest.raises(StoreError, match="disk full"):
            await made.check()
        assert store.probes == 0
        assert await made.take(message(2)) is None
        await made.check()
        await made.close()

    asyncio.run(run())


def test_a_committer_that_dies_is_noticed() -> None:
    class LethalStore(NotingStore):
        def commit(self, work: Work) -> Mapping[int, Existing]:
            raise SystemExit("the thread ends")

    async def run() -> None:
        made = driver(LethalStore())
        made.take(message(1))
        async with asyncio.timeout(10):
            await made.background.failed.wait()
        assert made.background.reason == "the sender's committer failed: SystemExit"
        await eventually_in_loop(lambda: not made.commits.is_alive())
        with pytest.raises(StoreError, match="restart the sender"):
            await made.check()

    asyncio.run(run())


def test_a_dispatcher_that_fails_on_what_was_kept_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("time went back")

    monkeypatch.setattr(Dispatcher, "offer", broken)

    async def run() -> None:
        made = driver(NotingStore())
        made.take(message(1))
        async with asyncio.timeout(10):
            await made.background.failed.wait()
        assert made.background.reason == "the sender's committer failed: ValueError"

    asyncio.run(run())


def test_the_longest_commit_of_the_last_second_is_reported() -> None:
    asyncio.run(_longest_commit())


async def _longest_commit() -> None:
    class SlowStore(NotingStore):
        gate = threading.Event()

        def commit(self, work: Work) -> Mapping[int, Existing]:
            assert self.gate.wait(10)
            return super().commit(work)

    store = SlowStore()
    made = driver(store)
    try:
        assert made.commits.worst_ms == 0.0
        kept = made.take(message(1))
        await asyncio.sleep(0.05)
        assert made.commits.worst_ms >= 40.0  # one that still runs
        store.gate.set()
        await kept
        assert made.commits.worst_ms >= 40.0
    finally:
        store.gate.set()
        await made.close()
