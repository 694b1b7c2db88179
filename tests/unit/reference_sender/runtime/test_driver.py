"""The driver: no request goes out before its attempt is durable, and its own failures are noticed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from messages import made_message
from waiting import eventually_in_loop

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import (
    Change,
    Lane,
    Message,
    Outcome,
    Report,
    Result,
    RouteLimits,
    State,
)
from reference_sender.node.effects import Commit
from reference_sender.node.node import Node
from reference_sender.node.times import DEFAULT_TIMES, NodeTimes
from reference_sender.runtime import loop_lag
from reference_sender.runtime.background import BackgroundTasks
from reference_sender.runtime.driver import Driver
from reference_sender.runtime.loop_lag import LoopLag
from reference_sender.store import Existing, StoreError, Work
from reference_sender.store.sqlite import SqliteStore

LIMITS = RouteLimits("r", 1e6, 1e6, 1e6, 1e6, max_batch=10, max_in_flight=4, idempotency_window_s=86_400.0)


class WatchedStore(SqliteStore):
    """Fails the commits that begin an attempt, or holds them, while told to."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path
        self.failing = False
        self.begun = 0
        self.commits = 0
        self.failed = 0
        self.gate = threading.Event()
        self.gate.set()

    def commit(self, work: Work) -> Mapping[int, Existing]:
        self.begun += 1
        if work.attempts:
            assert self.gate.wait(20)
            if self.failing:
                self.failed += 1
                raise StoreError("disk full")
        self.commits += 1
        return super().commit(work)


class NotingRoute:
    """Notes what it is asked to submit, and answers when it is let."""

    def __init__(self) -> None:
        self.submitted: list[int] = []
        self.answers = asyncio.Event()
        self.outcome = Outcome.ACCEPTED

    async def submit(self, messages: Sequence[Message]) -> list[Result]:
        self.submitted += [message.message_id for message in messages]
        await self.answers.wait()
        return [Result(self.outcome, f"p-{message.key}") for message in messages]

    async def look_up(self, message: Message, since_ns: int) -> Sequence[Report] | None:
        raise AssertionError("this provider refuses repeats")

    async def ask_report(self, provider_id: str, key: str) -> Report | None:
        raise AssertionError("no report is overdue")

    async def close(self) -> None:
        return


def message(number: int, lane: Lane = Lane.OTP, key: str = "") -> Message:
    return made_message(number, key=key, lane=lane)


def of_two_lanes() -> list[Message]:
    """No single request can be predicted for these messages: their attempts follow in a second commit."""
    return [message(1, Lane.TRANSACTIONAL), message(2, Lane.MARKETING)]


DriverSteps = Callable[[Driver, WatchedStore, NotingRoute], Awaitable[None]]


@pytest.fixture
def run_driver(tmp_path: Path) -> Iterator[Callable[[DriverSteps], WatchedStore]]:
    """Runs steps on a driver; the stores are closed at the end of the test."""
    stores: list[WatchedStore] = []

    def run(steps: DriverSteps, linger_ns: int = DEFAULT_TIMES.linger_ns) -> WatchedStore:
        store = WatchedStore(tmp_path / "s.db")

        async def live() -> None:
            route = NotingRoute()
            dispatcher = Dispatcher(DispatchSettings(), (LIMITS,), 1)
            driver = Driver(dispatcher, store, {"r": route}, NodeTimes(linger_ns, retry_ns=10_000_000))
            async with asyncio.timeout(20):
                await steps(driver, store, route)

        stores.append(store)
        asyncio.run(live())
        return store

    yield run
    for store in stores:
        store.close()


def in_flight(store: WatchedStore) -> list[tuple[int, str]]:
    """Attempts on disk, as another process reads them."""
    with closing(sqlite3.connect(f"{store.path.as_uri()}?mode=ro", uri=True)) as reader:
        return [(row[0], row[1]) for row in reader.execute("SELECT id, route FROM attempt")]


def test_a_request_goes_out_only_when_its_attempt_is_durable(
    run_driver: Callable[[DriverSteps], WatchedStore],
) -> None:
    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        store.gate.clear()
        await driver.take_many(of_two_lanes())
        await eventually_in_loop(lambda: store.begun == 2)
        await asyncio.sleep(0)
        assert (route.submitted, driver.state().in_flight) == ([], 0)
        store.gate.set()
        await eventually_in_loop(lambda: len(route.submitted) == 2)
        assert driver.state().in_flight == 2
        assert in_flight(store) == [(1, "r"), (2, "r")]
        route.answers.set()
        await eventually_in_loop(lambda: driver.state().awaiting_report == 2)
        await driver.all_stored()
        assert in_flight(store) == []
        assert store.records(0, 1)[0].route == "r"
        await driver.drain(5)

    run_driver(steps).close()


def test_messages_that_can_be_sent_at_once_need_one_commit(
    run_driver: Callable[[DriverSteps], WatchedStore],
) -> None:
    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        store.gate.clear()
        taken = driver.take_many([message(1), message(2)])
        await eventually_in_loop(lambda: driver.waiting)
        assert route.submitted == []
        store.gate.set()
        await taken
        await eventually_in_loop(lambda: len(route.submitted) == 2)
        assert store.commits == 1
        assert in_flight(store) == [(1, "r")]
        route.answers.set()
        await eventually_in_loop(lambda: driver.state().awaiting_report == 2)
        await driver.all_stored()
        assert in_flight(store) == []
        await driver.drain(5)

    run_driver(steps).close()


def test_messages_are_refused_with_the_attempt_that_cannot_be_kept(
    run_driver: Callable[[DriverSteps], WatchedStore],
) -> None:
    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        store.failing = True
        with pytest.raises(StoreError):
            await driver.take(message(1))
        store.failing = False
        await driver.all_stored()
        assert (route.submitted, in_flight(store), driver.state().open) == ([], [], 0)
        await driver.drain(5)

    run_driver(steps).close()


def test_a_route_that_refuses_the_account_is_logged(
    run_driver: Callable[[DriverSteps], WatchedStore], caplog: pytest.LogCaptureFixture
) -> None:
    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        route.outcome = Outcome.ROUTE_DOWN
        route.answers.set()
        await driver.take(message(1))
        await eventually_in_loop(lambda: driver.state().gauges()["route_r_paused_s"] > 0)
        await driver.drain(5)

    run_driver(steps).close()
    assert [record.getMessage().partition(" (")[0] for record in caplog.records] == [
        "route r: the provider refuses the account or the address"
    ]


def test_commits_keep_their_interval_when_timers_fire_early(
    run_driver: Callable[..., WatchedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    linger_ns = 60_000_000
    begun_ns: list[int] = []
    begin = Node.begin_commit

    def noted(node: Node, now_ns: int) -> Commit:
        begun_ns.append(now_ns)
        return begin(node, now_ns)

    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        loop = asyncio.get_running_loop()
        later = loop.call_later
        monkeypatch.setattr(loop, "call_later", lambda wait_s, *call: later(max(0, wait_s - 0.04), *call))
        for number in range(1, 4):
            await driver.take(message(number))
        route.answers.set()
        await driver.drain(5)

    monkeypatch.setattr(Node, "begin_commit", noted)
    run_driver(steps, linger_ns).close()
    assert len(begun_ns) >= 3
    assert all(second - first >= linger_ns for first, second in pairwise(begun_ns))


@pytest.mark.parametrize("second", [message(2, key="k-1"), message(2, Lane.MARKETING)])
def test_a_predicted_attempt_that_is_not_made_is_ended(
    run_driver: Callable[[DriverSteps], WatchedStore], monkeypatch: pytest.MonkeyPatch, second: Message
) -> None:
    """By a key that is taken, or since the dispatcher decides otherwise."""

    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        monkeypatch.setattr(Dispatcher, "predict_route", lambda *_: "r")
        route.answers.set()
        await driver.take_many([message(1), second])
        await eventually_in_loop(lambda: driver.state().awaiting_report == sum(store.counts(None).values()))
        await driver.all_stored()
        assert in_flight(store) == []
        assert len(route.submitted) == len(set(route.submitted)) == len(store.records(0, 9))
        await driver.drain(5)

    run_driver(steps).close()


def test_a_drain_right_after_intake_leaves_what_was_not_submitted_free(
    run_driver: Callable[[DriverSteps], WatchedStore], tmp_path: Path
) -> None:
    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        store.gate.clear()
        taken = driver.take(message(1))
        await eventually_in_loop(lambda: store.begun)
        drained = asyncio.create_task(driver.drain(5))
        await asyncio.sleep(0)
        store.gate.set()
        await asyncio.gather(taken, drained)
        assert route.submitted == []

    run_driver(steps).close()
    store = SqliteStore(tmp_path / "s.db")
    assert [each.route for each in store.unfinished()] == [None]
    store.close()


def test_an_attempt_that_becomes_durable_after_the_last_request_leaves_its_messages_free(
    run_driver: Callable[[DriverSteps], WatchedStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        store.gate.clear()
        await driver.take_many(of_two_lanes())
        await eventually_in_loop(lambda: store.begun == 2)
        drained = asyncio.create_task(driver.drain(0))
        await eventually_in_loop(lambda: "2 requests are unanswered" in caplog.text)
        store.gate.set()
        await drained
        assert (route.submitted, in_flight(store)) == ([], [])

    run_driver(steps).close()
    store = SqliteStore(tmp_path / "s.db")
    assert [each.route for each in store.unfinished()] == [None, None]
    store.close()


def test_what_is_refused_leaves_no_attempt_behind(run_driver: Callable[[DriverSteps], WatchedStore]) -> None:
    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        route.outcome = Outcome.ROUTE_DOWN
        route.answers.set()
        await driver.take(message(1))
        await eventually_in_loop(lambda: driver.state().routes[0].paused_s)
        await eventually_in_loop(lambda: driver.state().routes[0].unusable_s > 0.1)  # nothing happens
        await driver.all_stored()
        assert in_flight(store) == []
        assert store.unfinished()[0].route is None
        await driver.drain(5)

    run_driver(steps).close()


def test_nothing_is_submitted_while_attempts_cannot_be_kept_and_all_is_afterwards(
    run_driver: Callable[[DriverSteps], WatchedStore],
) -> None:
    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        route.answers.set()
        store.failing = True
        await driver.take_many(of_two_lanes())
        await eventually_in_loop(lambda: store.failed >= 2)
        assert route.submitted == []
        store.failing = False
        await eventually_in_loop(lambda: driver.state().awaiting_report == 2)
        assert route.submitted == [1, 2]
        await driver.all_stored()
        assert {record.attempts for record in store.records(0, 9)} == {1}
        await driver.drain(5)

    run_driver(steps).close()


def test_a_drain_leaves_what_is_unanswered_bound_and_the_rest_free(
    run_driver: Callable[[DriverSteps], WatchedStore], tmp_path: Path
) -> None:
    async def steps(driver: Driver, _: WatchedStore, route: NotingRoute) -> None:
        await driver.take_many([message(number) for number in range(1, 61)])  # four requests of ten
        await eventually_in_loop(lambda: len(route.submitted) >= 31)  # an OTP lane uses every place
        await driver.drain(0)

    run_driver(steps).close()
    store = SqliteStore(tmp_path / "s.db")
    routes = [each.route for each in store.unfinished()]
    assert routes.count("r") == 40
    assert routes.count(None) == 20
    assert {record.state for record in store.records(0, 99)} == {State.QUEUED}
    store.close()


def test_a_dispatcher_that_fails_on_an_answer_is_noticed(
    run_driver: Callable[[DriverSteps], WatchedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(driver: Driver, _: WatchedStore, route: NotingRoute) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError("broken table")

        monkeypatch.setattr(Dispatcher, "answered", broken)
        route.answers.set()
        await driver.take(message(1))
        await driver.background.failed.wait()
        assert driver.background.reason == "the sender's dispatcher failed: RuntimeError"
        await driver.drain(0)

    run_driver(steps).close()


def test_a_dispatcher_that_fails_at_its_deadline_is_noticed(
    run_driver: Callable[[DriverSteps], WatchedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps(driver: Driver, _: WatchedStore, __: NotingRoute) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError("no progress")

        monkeypatch.setattr(Dispatcher, "advance", broken)
        monkeypatch.setattr(Dispatcher, "next_deadline", lambda _: 1)
        await driver.take(message(1))
        await driver.background.failed.wait()
        assert driver.background.reason == "the sender's dispatcher failed: RuntimeError"
        await driver.drain(0)

    run_driver(steps).close()


def test_a_lag_sampler_that_dies_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        background = BackgroundTasks()
        lag = LoopLag(background)
        monkeypatch.setattr(loop_lag, "core_wait_s", lambda: None)
        async with asyncio.timeout(10):
            await background.failed.wait()
        assert "loop lag sampler" in background.reason
        lag.stop()

    asyncio.run(run())


def test_a_late_report_after_a_restart_is_in_the_store_before_it_is_acknowledged(
    run_driver: Callable[[DriverSteps], WatchedStore],
) -> None:
    async def steps(driver: Driver, store: WatchedStore, route: NotingRoute) -> None:
        gone = Change(1, "k-1", State.EXPIRED, "no_report", "p-1", 1, 5, "r")
        store.commit(Work([message(1)], [gone]))
        assert await driver.reported([Report("p-1", None, State.DELIVERED, "late")])
        (record,) = store.records(0, 9)
        assert (record.state, record.reason) == (State.DELIVERED, "late")
        assert await driver.reported([Report("p-1", "k-1", State.DELIVERED, "late")])
        assert driver.state().totals["late"] == 1
        await driver.close()

    run_driver(steps)
