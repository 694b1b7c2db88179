"""The freeze test, on real sockets: what a frozen server does to the figures of each load model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from commands import StartLocust
from locust_loads import SMOKE, finish, load_rows, statistics, write_plan
from stub_sender import StubSender

CLOSED = """
from locust import constant_throughput
from loadtests import catalogue
from loadtests.users.closed_model import ClosedModelSession, ClosedModelUser

class Closed(ClosedModelUser):
    session = ClosedModelSession(catalogue.scenario("smoke"))
    wait_time = constant_throughput(10)
"""


def test_a_frozen_server_shows_in_the_open_model_and_hides_from_the_closed_one(
    sender: StubSender, locust: StartLocust, tmp_path: Path
) -> None:
    (tmp_path / "closed.py").write_text(CLOSED)
    sender.freeze_after_s = 2.5
    closed = locust(
        *("-f", str(tmp_path / "closed.py"), "--host", sender.url, "--headless"),
        *("-u", "10", "-r", "10", "-t", "6s", "--csv", str(tmp_path / "closed")),
    )
    finish(closed)
    closed_row = statistics(tmp_path / "closed")["Aggregated"]
    assert int(closed_row["Request Count"]) < 560
    assert float(closed_row["95%"]) <= 250

    sender.bodies.clear()
    sender.count_from_the_next()
    sender.freeze_after_s = 2.5
    ours = locust(
        *("-f", SMOKE, "--host", sender.url, "--headless", "--plan", write_plan(tmp_path, 100.0, 6.0)),
        *("--run-dir", str(tmp_path), "--csv", str(tmp_path / "open")),
    )
    finish(ours)
    rows = statistics(tmp_path / "open")
    response = rows["otp: response time (from intended start)"]
    service = rows["service time (from actual start)"]
    assert float(response["95%"]) >= 700
    # Each message counts once in the totals; its service time is next to it.
    assert rows["Aggregated"]["Request Count"] == response["Request Count"] == "600"
    assert service["Request Count"] == "600"
    assert len(sender.bodies) == 600
    table = load_rows(tmp_path)
    assert Counter(table.column("outcome").to_pylist()) == {"accepted": 600}
    waited_ns = [
        answered - intended
        for answered, intended in zip(
            table.column("t_replied_ns").to_pylist(), table.column("t_intended_ns").to_pylist(), strict=True
        )
    ]
    assert sorted(waited_ns)[570 - 1] >= 700_000_000


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
