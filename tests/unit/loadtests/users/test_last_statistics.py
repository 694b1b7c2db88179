"""The master waits for the answers of the workers that are there, and no longer than its limit."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from loadtests.users.last_statistics import END_MESSAGE, ENDED_MESSAGE, WorkerAnswers, answer


class Master:
    """Locust's master with two workers that run."""

    def __init__(self) -> None:
        self.clients = {name: SimpleNamespace(state="running") for name in ("a", "b")}
        self.sent: list[tuple[str, str]] = []
        self._listeners: dict[str, Callable[..., None]] = {}

    def register_message(self, kind: str, listener: Callable[..., None]) -> None:
        self._listeners[kind] = listener

    def send_message(self, kind: str, data: Any, worker: str) -> None:
        self.sent.append((kind, worker))

    def arrives(self, worker: str) -> None:
        self._listeners[ENDED_MESSAGE](environment=None, msg=SimpleNamespace(node_id=worker))


def test_the_master_waits_until_every_worker_has_answered() -> None:
    master = Master()
    answers = WorkerAnswers(master)
    gevent.spawn_later(0.05, master.arrives, "a")
    gevent.spawn_later(0.1, master.arrives, "b")
    assert answers.collect(("a", "b"), "missing", 30) == []
    assert master.sent == [(END_MESSAGE, "a"), (END_MESSAGE, "b")]


def test_a_worker_that_does_not_answer_is_named_at_the_limit() -> None:
    master = Master()
    answers = WorkerAnswers(master)
    master.arrives("a")  # without being sent, as after Ctrl-C
    assert answers.collect(("a", "b"), "missing", 0.05) == ["b"]
    assert master.sent == [(END_MESSAGE, "b")]


@pytest.mark.parametrize("state", ["missing", None])
def test_the_master_does_not_wait_for_a_worker_that_is_missing_or_has_left(state: str | None) -> None:
    master = Master()
    answers = WorkerAnswers(master)

    def goes() -> None:
        if state is None:
            del master.clients["b"]
        else:
            master.clients["b"].state = state

    gevent.spawn_later(0.05, goes)
    gevent.spawn_later(0.05, master.arrives, "a")
    with gevent.Timeout(20):
        left = answers.collect(("a", "b"), "missing", 600)
    assert left == ([] if state is None else ["b"]), "the report of a missing one is not there"


def test_worker_answers_of_the_previous_round_are_ignored() -> None:
    master = Master()
    answers = WorkerAnswers(master)
    master.arrives("a")
    answers.forget()
    assert answers.collect(("a",), "missing", 0.05) == ["a"]


def test_a_worker_sends_its_statistics_before_its_answer() -> None:
    sent: list[tuple[Any, ...]] = []
    fired = SimpleNamespace(fire=lambda client_id, data: data.update(stats=client_id))
    runner = SimpleNamespace(client_id="a", send_message=lambda *message: sent.append(message))
    answer(SimpleNamespace(runner=runner, events=SimpleNamespace(report_to_master=fired)))
    assert sent == [("stats", {"stats": "a"}), (ENDED_MESSAGE,)]
