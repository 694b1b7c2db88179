"""A start does no slow work: the arrivals are calculated before, once for all starts of a process."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

from loadtests.arrivals import Constant, Mix, Plan, PlannedMessage, Schedule, Stream
from loadtests.users import worker_load
from loadtests.users.adapters import Endpoint, Judgement, TargetRequest
from loadtests.users.dispatcher import LoadDispatcher
from loadtests.users.start_signal import WorkerStart
from loadtests.users.worker_load import WorkerLoad

PLAN = Plan(streams=(Stream(Constant(100.0, 5.0), mix=Mix(1.0, 0.0, 0.0)),), seed=1, key_tag="t")


class _Environment:
    """What the load uses of Locust's: the runner, which gets the status."""

    def __init__(self) -> None:
        self.runner = self

    def send_message(self, name: str, data: object) -> None:
        pass


class _NoTarget:
    """The adapter of a target that takes no connection. The load is stopped before the first arrival."""

    name = "none"
    timeout_s = 5.0
    endpoint = Endpoint("127.0.0.1", 1)

    def request(self, message: PlannedMessage) -> TargetRequest:
        raise AssertionError("no message is sent")

    def encode(self, message: PlannedMessage) -> bytes:
        raise AssertionError("no message is sent")

    def judge(self, status: int, body: bytes) -> Judgement:
        raise AssertionError("no message is sent")


def test_each_start_has_its_keys_and_calculates_no_arrivals(monkeypatch: pytest.MonkeyPatch) -> None:
    calculated: list[Plan] = []
    used: list[Schedule] = []

    class CountedSchedule(Schedule):
        def __init__(self, plan: Plan) -> None:
            calculated.append(plan)
            super().__init__(plan)

    class WatchedDispatcher(LoadDispatcher):
        def __init__(self, schedule: Schedule, *others: Any) -> None:
            used.append(schedule)
            super().__init__(schedule, *others)

    monkeypatch.setattr(worker_load, "Schedule", CountedSchedule)
    monkeypatch.setattr(worker_load, "LoadDispatcher", WatchedDispatcher)
    monkeypatch.setattr(worker_load, "rehearse", lambda plan, adapter: None)
    for setting in ("collect", "freeze", "set_threshold"):  # it would last for the tests after this one
        monkeypatch.setattr(gc, setting, lambda *_: None)
    load = WorkerLoad(_Environment(), None)
    for ordinal in (1, 2, 3):
        load.prepare(PLAN, _NoTarget())
        load.start(WorkerStart(time.monotonic_ns() + 3_600_000_000_000, 0, 1), _NoTarget(), ordinal)
        load.stop(0.0)
    assert len(calculated) == 1
    assert [each.message(7).key for each in used] == ["t-0000007", "t.2-0000007", "t.3-0000007"]
    assert len({each.message(7).to for each in used}) == 1
    load.prepare(Plan(streams=PLAN.streams, seed=2, key_tag="t"), _NoTarget())
    assert len(calculated) == 2
