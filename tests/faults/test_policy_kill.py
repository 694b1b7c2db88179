"""What a campaign's owner ordered survives a kill -9; old messages are removed while work continues."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from waiting import eventually

POLICY = """
keep_days = {keep_days}
[recipients]
messages = 0
otp_messages = 0
[spending]
cost_per_segment = 0.5
"""
# No server listens there: accepted messages stay queued.
ROUTE = "smsapi+http://token@127.0.0.1:1"


class PolicySender:
    """A sender's process with a policy file, and a client."""

    def __init__(self, directory: Path, keep_days: float) -> None:
        policy = directory / "policy.toml"
        policy.write_text(POLICY.format(keep_days=keep_days))
        command = [sys.executable, "-m", "reference_sender", "--token", "t", "--route", ROUTE]
        command += ["--store", f"sqlite:///{directory}/s.db", "--policy", str(policy)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]

    def call(self, path: str, body: object = None, method: str | None = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "Bearer t", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)


StartSender = Callable[[], PolicySender]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., PolicySender]]:
    started: list[PolicySender] = []

    def run(keep_days: float = 30.0) -> PolicySender:
        started.append(PolicySender(tmp_path, keep_days))
        return started[-1]

    yield run
    for each in started:
        if each.process.poll() is None:
            each.kill()


def campaign(sender: PolicySender, name: str, count: int, **fields: Any) -> Any:
    rows = [{"to": f"48500{number:06d}"} for number in range(count)]
    body = {"campaign": name, "message_class": "marketing", "text": "Sale"} | fields
    status, answer = sender.call("/v1/campaigns", body | {"recipients": rows})
    assert status == 202, answer
    return answer


def test_pause_limit_cancel_and_opt_outs_survive_a_kill(start: StartSender) -> None:
    sender = start()
    campaign(sender, "paused", 3)
    campaign(sender, "limited", 5, spending_limit=1.5)
    campaign(sender, "cancelled", 4)
    assert sender.call("/v1/campaigns/paused/pause", {})[0] == 200
    assert sender.call("/v1/campaigns/cancelled/cancel", {})[0] == 200
    assert sender.call("/v1/opt-outs", {"numbers": ["48500999999"]})[0] == 200
    sender.kill()

    sender = start()
    paused, limited, cancelled = (
        sender.call(f"/v1/campaigns/{name}")[1] for name in ("paused", "limited", "cancelled")
    )
    assert (paused["state"], paused["messages"]) == ("paused", 3)
    assert (limited["reserved"], limited["spending_limit"], limited["held"]["over_limit"]) == (1.5, 1.5, 2)
    assert (cancelled["state"], cancelled["messages"]) == ("cancelled", 4)
    status, answer = sender.call(
        "/v1/messages", {"to": "48500999999", "text": "x", "message_class": "marketing"}
    )
    assert (status, answer["error"]["code"]) == (403, "opted_out")
    # Messages whose attempt was unanswered at the kill are repeated; the others end.
    held = campaign(sender, "limited", 1, text="Second sale")["held"]
    assert held["over_limit"] == 3, "the counter of the first process counts"


def test_old_messages_are_removed_while_new_ones_come(
    start: Callable[..., PolicySender], tmp_path: Path
) -> None:
    sender = start()
    campaign(sender, "old", 2_000)
    assert sender.call("/v1/campaigns/old/cancel", {})[0] == 200
    eventually(lambda: sender.call("/v1/campaigns/old")[1]["states"]["failed"] > 1_000)
    sender.kill()

    sender = start(keep_days=1e-6)
    campaign(sender, "new", 50)
    eventually(lambda: sender.call("/v1/campaigns/old")[1]["states"]["failed"] <= 1)
    answer = sender.call("/v1/campaigns/new")[1]
    assert (answer["messages"], answer["states"]["failed"]) == (50, 0)
    sender.kill()
    with closing(sqlite3.connect(tmp_path / "s.db")) as store:
        left = store.execute("SELECT count(*) FROM progress WHERE state = 'failed'").fetchone()[0]
    assert left <= 1, "the message with the highest id may stay"
