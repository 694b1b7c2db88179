"""The wall clock is set while a whole sender runs."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sender_thread import SenderThread
from waiting import eventually

from reference_sender.routes.url import read_route

ROUTE = read_route("smsapi+http://t@127.0.0.1:9?name=main")  # nothing listens there
HOUR_S = 3_600


def message(key: str, **fields: Any) -> dict[str, Any]:
    shared = {"to": "+48500100200", "text": "hello", "message_class": "otp", "campaign": "may"}
    return shared | {"key": key} | fields


def held(sender: SenderThread) -> int:
    return int(sender.call("GET", "/v1/campaigns/may")["held"]["total"])


def in_s(seconds: float) -> str:
    return datetime.fromtimestamp(time.time_ns() / 1e9 + seconds, UTC).isoformat()


def age_s(date: str) -> float:
    return time.time_ns() / 1e9 - datetime.fromisoformat(date).timestamp()


def test_a_schedule_and_the_dates_of_later_messages_follow_the_wall_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SenderThread(tmp_path / "sender.db", routes=(ROUTE,)) as sender:
        taken = sender.call("POST", "/v1/messages", message("k-1", send_at=in_s(HOUR_S)))
        later = sender.call("POST", "/v1/messages", message("k-2", send_at=in_s(3 * HOUR_S)))
        assert held(sender) == 2
        true_ns = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: true_ns() + HOUR_S * 10**9)
        eventually(lambda: held(sender) == 1)
        shown = sender.call("GET", f"/v1/messages/{later['id']}")
        assert abs(age_s(shown["send_at"]) + 2 * HOUR_S) < 60
        assert abs(age_s(shown["created_at"]) - HOUR_S) < 60, "by the wall clock of that moment"
        now = sender.call("POST", "/v1/messages", message("k-3", send_at=in_s(-1)))
        shown = sender.call("GET", f"/v1/messages/{now['id']}")
        assert shown["send_at"] is None, "the past by the new clock"
        assert abs(age_s(shown["created_at"])) < 60
        assert abs(age_s(shown["expires_at"]) + 300) < 60
        assert sender.call("GET", f"/v1/messages/{taken['id']}")["send_at"] is not None
