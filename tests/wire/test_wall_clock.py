"""The wall clock is set an hour ahead while a provider runs (NTP after a resume, a laptop that slept)."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from report_receiver import ReportReceiver
from waiting import eventually
from wire_provider import StartProvider, send_sms

HOUR_S = 3_600


class ProcessWallClock:
    """That of this process, and so of the provider in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead_ns = 0
        true_ns = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: true_ns() + self._ahead_ns)
        monkeypatch.setattr(time, "time", lambda: time.time_ns() / 1e9)

    def set_ahead(self, seconds: int) -> None:
        self._ahead_ns = seconds * 1_000_000_000


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> ProcessWallClock:
    return ProcessWallClock(monkeypatch)


def test_dates_and_scheduled_messages_go_by_the_clock_as_it_is(
    start: StartProvider, receiver: ReportReceiver, wall: ProcessWallClock
) -> None:
    provider = start(delivery={"latency": {"kind": "fixed", "value_s": 0.0}})
    before = send_sms(provider)["list"][0]
    eventually(lambda: provider.state()["open"] == 0)
    # The last hour of the schedule passes at once.
    send_sms(provider, date=str(int(time.time()) + HOUR_S), notify_url=receiver.url, idx="later")
    wall.set_ahead(HOUR_S)
    eventually(lambda: receiver.paths)
    ((done_s,),) = [parse_qs(urlsplit(path).query)["donedate"] for path in receiver.paths]
    assert abs(int(done_s) - time.time()) < 60

    after = send_sms(provider, notify_url=receiver.url)["list"][0]
    eventually(lambda: len(receiver.paths) == 2)
    assert abs(int(parse_qs(urlsplit(receiver.paths[1]).query)["donedate"][0]) - time.time()) < 60
    for sent in (before, after):  # also what was dated before goes by the clock as it is
        _, found = provider.admin(f"/messages/{sent['id']}")
        timestamps = {timestamp["name"]: timestamp["unix_s"] for timestamp in found["journey"]["timestamps"]}
        assert abs(timestamps["final"] - time.time()) < 60
        assert abs(found["message"]["final_unix_s"] - time.time()) < 60
