"""A message for which this machine has no file or local port left was not sent: no failure of the target."""

from __future__ import annotations

import errno
import time
from typing import Any

import pytest

from loadtests.arrivals import Constant, Mix, Plan, PlannedMessage, Schedule, Stream
from loadtests.recording import LoadRecorder
from loadtests.users import dispatcher
from loadtests.users.adapters import Endpoint, Judgement, TargetRequest
from loadtests.users.dispatcher import DispatcherSettings, LoadDispatcher

PLAN = Plan(streams=(Stream(Constant(1_000.0, 0.01), mix=Mix(1.0, 0.0, 0.0)),), seed=1, key_tag="room")


class UnreachableAdapter:
    name = "none"
    timeout_s = 5.0
    endpoint = Endpoint("127.0.0.1", 1)

    def request(self, message: PlannedMessage) -> TargetRequest:
        raise AssertionError("the load only encodes")

    def encode(self, message: PlannedMessage) -> bytes:
        return b""

    def judge(self, status: int, body: bytes) -> Judgement:
        raise AssertionError("no answer comes")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(errno.EMFILE, "dropped"), (errno.EADDRNOTAVAIL, "dropped"), (errno.ECONNREFUSED, "failed")],
)
def test_only_an_error_of_the_target_is_its_failure(
    monkeypatch: pytest.MonkeyPatch, code: int, outcome: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, "no connection")

    rows: list[tuple[Any, ...]] = []
    recorder = LoadRecorder(None, 0)
    monkeypatch.setattr(recorder, "row", rows.append)
    monkeypatch.setattr(dispatcher, "connect", fail)
    schedule = Schedule(PLAN)
    settings = DispatcherSettings(0, 64, time.monotonic_ns() + 1_000_000)
    load = LoadDispatcher(
        schedule, range(len(schedule)), UnreachableAdapter(), settings, recorder, lambda done: None
    )
    load.run()
    status = load.status()
    load.close()
    assert {row[7] for row in rows} == {outcome}
    assert len(rows) == status.planned == status.due == 10
    assert (status.dropped, status.failed) == ((10, 0) if outcome == "dropped" else (0, 10))
    assert status.sent == status.failed
    assert all((row[5] is None) == (outcome == "dropped") for row in rows)  # a dropped message was not sent
