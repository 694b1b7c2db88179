"""A start in Locust's web UI: held while the previous test stops, refused with the reason if that lasts."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from flask import Flask
from flask.testing import FlaskClient

from loadtests.users.start_guard import StartGuard, guard_starts


def environment(ready: int, expected: int) -> SimpleNamespace:
    return SimpleNamespace(
        runner=SimpleNamespace(worker_count=ready), parsed_options=SimpleNamespace(expect_workers=expected)
    )


def page(refused_because: Callable[[], str], limit_s: float) -> FlaskClient:
    app = Flask(__name__)
    app.add_url_rule("/swarm", "swarm", view_func=lambda: {"success": True}, methods=["POST"])
    app.add_url_rule("/stop", "stop", view_func=lambda: {"success": True}, methods=["POST"])
    web_ui = SimpleNamespace(app=app, environment=SimpleNamespace(host="http://127.0.0.1:1"))
    guard_starts(web_ui, refused_because, limit_s)
    return app.test_client()


def test_the_gate_is_closed_during_a_stop_and_until_the_workers_are_back() -> None:
    guard = StartGuard()
    assert guard.refused_because(environment(2, 2)) == ""
    guard.stop_begins()
    assert guard.refused_because(environment(2, 2)) == "the previous test is still stopping"
    guard.stop_ends()
    assert guard.refused_because(environment(0, 2)) == "0 of 2 workers are ready"
    assert guard.refused_because(environment(2, 2)) == ""


def test_a_start_waits_until_the_gate_opens() -> None:
    reasons = ["0 of 2 workers are ready", "1 of 2 workers are ready", ""]
    client = page(lambda: reasons.pop(0), limit_s=60)
    assert client.post("/swarm").json == {"success": True}
    assert reasons == []


def test_a_start_is_refused_with_the_reason_at_the_limit() -> None:
    client = page(lambda: "1 of 2 workers are ready", limit_s=0)
    answer = client.post("/swarm").json
    assert answer is not None
    assert answer["success"] is False
    assert answer["message"].startswith("Not started: 1 of 2 workers are ready. ")
    assert client.post("/stop").json == {"success": True}
