"""A stop ends the plan when it is asked for. Arrivals of a load that was late count as dropped."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from nanoseconds import MS, S

from loadtests.arrivals import Constant, Mix, Plan, PlannedMessage, Schedule, Stream
from loadtests.recording import LoadRecorder, LoadStatus
from loadtests.runner.expected_arrivals import arrivals_due
from loadtests.users import dispatcher, stop_instant
from loadtests.users.adapters import Endpoint, Judgement, TargetRequest
from loadtests.users.dispatcher import DispatcherSettings, LoadDispatcher
from loadtests.users.stop_instant import StopInstant

START_NS = 1_000 * S
PLAN = Plan(
    streams=(Stream(Constant(100.0, 5.0), mix=Mix(1.0, 0.0, 0.0), campaign=""),),
    seed=1,
    key_tag="stop",
    in_flight_limit=1_000,
)


class Killed(BaseException):
    """The greenlet of ``run`` ends."""


class VirtualTime:
    """A clock that sleeps move on. Nothing runs from ``blocked_ns`` on, and the greenlet ends."""

    def __init__(self, blocked_ns: int) -> None:
        self.now_ns = START_NS - S
        self._blocked_ns = blocked_ns

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
        if self.now_ns >= self._blocked_ns:
            raise Killed


class Refused:
    """The adapter of a target that takes no connection: each request stays unanswered until the stop."""

    name = "refused"
    timeout_s = 5.0
    endpoint = Endpoint("127.0.0.1", 1)

    def request(self, message: PlannedMessage) -> TargetRequest:
        raise AssertionError("the load only encodes")

    def encode(self, message: PlannedMessage) -> bytes:
        return b""

    def judge(self, status: int, body: bytes) -> Judgement:
        raise AssertionError("no answer comes")


def refuse(*_: object) -> None:
    raise ConnectionRefusedError


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int, int], tuple[LoadStatus, int]]:
    def stop(blocked_ns: int, asked_ns: int, ended_ns: int) -> tuple[LoadStatus, int]:
        """Nothing runs from ``blocked_ns`` to ``ended_ns``, and the stop is asked for at ``asked_ns``. The
        status, and the number of arrivals due by the plan alone.
        """
        clock, schedule = VirtualTime(START_NS + blocked_ns), Schedule(PLAN)
        opened = SimpleNamespace(sleep=clock.sleep, spawn=lambda *_: None, joinall=gevent.joinall)
        monkeypatch.setattr(dispatcher, "time", clock)
        monkeypatch.setattr(dispatcher, "connect", refuse)
        load = LoadDispatcher(
            schedule,
            range(len(schedule)),
            Refused(),
            DispatcherSettings(0, 1_000, START_NS),
            LoadRecorder(None, 0),
            lambda done: None,
        )
        monkeypatch.setattr(load, "_warm", lambda: None)
        monkeypatch.setattr(dispatcher, "gevent", opened)
        with pytest.raises(Killed):
            load.run()
        clock.now_ns = START_NS + ended_ns
        load.stop(0.0, START_NS + asked_ns)
        status = load.status()
        load.close()
        return status, arrivals_due(PLAN, {0: status}, 1, complete=False)

    return stop


@pytest.mark.parametrize("asked_ms", [1_001, 1_040, 1_095])
def test_arrivals_that_the_stop_itself_delays_are_not_planned(
    stopped: Callable[[int, int, int], tuple[LoadStatus, int]], asked_ms: int
) -> None:
    status, due = stopped(1_000 * MS, asked_ms * MS, asked_ms * MS + 80 * MS)
    assert status.sent >= 99
    assert status.dropped == 0
    assert status.due == status.sent == due
    assert status.end_ns <= START_NS + asked_ms * MS


def test_arrivals_of_a_load_that_was_late_before_the_stop_are_dropped(
    stopped: Callable[[int, int, int], tuple[LoadStatus, int]],
) -> None:
    status, due = stopped(1_000 * MS, 1_500 * MS, 1_580 * MS)
    assert status.dropped >= 49
    assert status.due == status.sent + status.dropped == due
    assert status.end_ns == START_NS + 1_500 * MS


def test_the_instant_is_taken_before_locusts_own_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if another request to stop follows; the next test has its own."""
    clock = VirtualTime(10**18)
    monkeypatch.setattr(stop_instant, "time", clock)
    instant, seen = StopInstant(), []

    class Runner:
        def stop(self, send_stop_to_client: bool = True) -> None:
            clock.sleep(0.08)
            seen.append(instant.asked_ns)

        def quit(self) -> None:
            self.stop(send_stop_to_client=False)  # as Locust's master does

    runner: Any = Runner()
    instant.watch(runner)
    began_ns = clock.now_ns
    runner.stop()
    runner.quit()
    instant.forget()
    assert instant.asked_ns is None
    again_ns = clock.now_ns
    runner.quit()
    assert seen == [began_ns, began_ns, again_ns]
