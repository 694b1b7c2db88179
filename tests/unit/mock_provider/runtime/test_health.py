from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

import pytest
from waiting import eventually_in_loop

from mock_provider.engine import Engine
from mock_provider.engine.values import DeliveryReport, MessageState, SendReports
from mock_provider.http.messages import ReportCall
from mock_provider.inbox.events import EventFeed
from mock_provider.inbox.traffic import TrafficHistory
from mock_provider.profiles import load_profile
from mock_provider.runtime import clock_driver
from mock_provider.runtime.health import Health
from mock_provider.runtime.provider import ProviderRuntime
from mock_provider.runtime.reports_out import HttpReportSender, ReportCallSettings


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run the test on an event loop of its own."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


@pytest.fixture
def closed() -> list[bool]:
    return []


@pytest.fixture
def health(closed: list[bool]) -> Health:
    return Health(lambda: closed.append(True))


async def ends(task: asyncio.Task[None]) -> None:
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)


@in_a_loop
async def test_a_background_task_that_dies_is_known_and_logged_at_once(
    health: Health, closed: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        raise ZeroDivisionError("by zero")

    task = asyncio.create_task(work())
    health.watch(task, "the charts", loses_records=False)
    await ends(task)
    assert health.failures == ["the charts: ZeroDivisionError: by zero"]
    assert [(r.levelno, r.exc_info is not None) for r in caplog.records] == [(logging.CRITICAL, True)]
    assert not closed
    assert not health.records_lost.is_set()


@in_a_loop
async def test_lost_records_close_the_intake_once(
    health: Health, closed: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    health.fail("the journal", OSError("disk full"), loses_records=True)
    health.fail("the journal", OSError("disk full"), loses_records=True)
    assert (closed, health.records_lost.is_set()) == ([True], True)
    assert health.failures == ["the journal: disk full"]
    assert all(record.exc_info is None for record in caplog.records)  # one line, no traceback
    assert len(caplog.records) == 2


@in_a_loop
async def test_a_background_task_that_is_stopped_has_not_failed(health: Health) -> None:
    task = asyncio.create_task(asyncio.sleep(3600))
    health.watch(task, "the charts", loses_records=True)
    await asyncio.sleep(0)
    task.cancel()
    await ends(task)
    assert health.failures == []


@in_a_loop
async def test_a_callback_that_raises_is_noted_and_a_broken_connection_is_not(health: Health) -> None:
    loop = asyncio.get_running_loop()
    health.loop_exception(loop, {"message": "x", "exception": TimeoutError("the peer has gone")})
    assert health.failures == []
    health.loop_exception(loop, {"message": "Exception in callback", "exception": KeyError("k")})
    assert len(health.failures) == 1


@in_a_loop
async def test_an_engine_that_fails_at_its_time_closes_the_intake() -> None:
    provider = ProviderRuntime(load_profile("fast"), 1, 0.1)

    class Broken:
        refusing = None

        def next_due(self) -> int:
            return 1

        def advance(self, now_ns: int) -> None:
            raise ZeroDivisionError

    provider.driver.engine = cast(Engine, Broken())
    provider.driver.wake()  # arms the timer
    await eventually_in_loop(lambda: provider.health.failures)
    provider.driver.stop()
    assert provider.driver.refusal is not None
    assert "the engine" in provider.health.failures[0]


@pytest.mark.parametrize(
    ("part", "method", "loses_records"),
    [(Engine, "take_rows", True), (EventFeed, "publish", False), (TrafficHistory, "sample", False)],
)
@in_a_loop
async def test_every_background_task_of_the_provider_is_watched(
    part: type, method: str, loses_records: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(part, method, broken)
    provider = ProviderRuntime(load_profile("fast"), 1, 0.1)
    provider.start(None)
    await eventually_in_loop(lambda: provider.health.failures)
    assert provider.health.records_lost.is_set() == loses_records
    await provider.finish_reports()
    await provider.stop()


@in_a_loop
async def test_reports_that_cannot_be_written_are_noted(health: Health) -> None:
    def broken(effect: object) -> Sequence[ReportCall]:
        raise ZeroDivisionError

    callbacks = HttpReportSender(broken, lambda *_: None, ReportCallSettings(), health)
    callbacks.start()
    report = DeliveryReport(
        provider_id="1",
        client_ref=None,
        msisdn="48",
        sender_id="Test",
        state=MessageState.DELIVERED,
        reason="",
        t_state_ns=1,
        segments=1,
        price=0.0,
        mcc="",
        mnc="",
        t_sent_ns=1,
    )
    callbacks.deliver(SendReports(1, "http://127.0.0.1/", (report,), 1, "smsapi"))
    await eventually_in_loop(lambda: health.failures)
    await callbacks.stop(1.0)
    assert health.failures == ["a batch of reports: ZeroDivisionError: "]


@in_a_loop
async def test_a_deadline_beyond_all_timers_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    armed: list[int] = []
    rings: list[Callable[[], None]] = []

    class Far:
        def next_due(self) -> int:
            return 10**40

    class Timer:
        def arm(self, at_ns: int) -> None:
            armed.append(at_ns)

    def timer_of(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Timer:
        rings.append(ring)
        return Timer()

    monkeypatch.setattr(clock_driver, "deadline_timer", timer_of)
    loop = asyncio.get_running_loop()
    driver = clock_driver.ClockDriver(cast(Engine, Far()), loop, lambda _: None, lambda _: None)
    now_ns = driver.now_ns()
    driver.carry_out(())
    (ring,) = rings
    ring()
    assert len(armed) == 2
    assert all(now_ns < at_ns < now_ns + 4_000_000_000_000 for at_ns in armed)
