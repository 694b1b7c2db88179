"""The order of a node: nothing goes out or is acknowledged before its cause is durable."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import (
    Lane,
    Message,
    Outcome,
    Report,
    Result,
    RouteLimits,
    State,
    SubmitAttempt,
    SubmitBatch,
)
from reference_sender.node.commits import is_attempt_of
from reference_sender.node.effects import Acknowledge, Refuse, SubmitNow
from reference_sender.node.node import Node
from reference_sender.node.times import NodeTimes
from reference_sender.store import Existing, StoreError, Work

LIMITS = RouteLimits("r", 1e6, 1e6, 1e6, 1e6, max_batch=10, max_in_flight=4, idempotency_window_s=86_400.0)
TIMES = NodeTimes(linger_ns=0, retry_ns=50, early_report_ns=100)
FAILED = StoreError("disk full")


def message(number: int, lane: Lane = Lane.OTP, key: str = "") -> Message:
    return Message(number, key or f"k-{number}", "48500100200", "x", lane, "Test", "", 1, 0, 2**62)


def node() -> Node:
    return Node(Dispatcher(DispatchSettings(), (LIMITS,), 1), TIMES)


def begun(made: Node, now_ns: int = 0) -> Work:
    assert made.commit_due_ns() is not None
    work = made.begin_commit(now_ns).work
    assert work is not None
    return work


def kinds(effects: list[Any]) -> list[str]:
    return [type(each).__name__ for each in effects]


def test_a_message_goes_out_and_is_acknowledged_only_after_its_commit() -> None:
    made = node()
    made.take(message(1), "client")
    work = begun(made)
    assert (work.messages, list(work.attempts)) == ([message(1)], [SubmitAttempt(1, "r", 0, (1,))])
    assert made.state().open == 0
    assert made.committed(5, {}) == [SubmitNow(1, "r", (message(1),)), Acknowledge("client", None)]


def test_an_attempt_that_was_not_foreseen_has_a_commit_of_its_own() -> None:
    made = node()
    made.take_many([message(1), message(2, Lane.MARKETING)], "client")
    assert not begun(made).attempts
    assert kinds(made.committed(0, {})) == ["Acknowledge"]
    assert [each.message_ids for each in begun(made).attempts] == [(1,), (2,)]
    assert kinds(made.committed(0, {})) == ["SubmitNow", "SubmitNow"]


def test_a_key_in_use_is_reported_and_not_sent() -> None:
    existing = Existing(1, "48500100200", "x", Lane.OTP, State.SENT)
    made = node()
    made.take(message(2), "client")
    assert begun(made).attempts
    assert made.committed(0, {2: existing}) == [Acknowledge("client", existing)]
    assert begun(made).ended == [1]  # the attempt that was foreseen is not made


def test_the_changes_of_an_answer_and_the_end_of_its_attempt_share_a_commit() -> None:
    made = node()
    made.take(message(1), "client")
    begun(made)
    made.committed(0, {})
    assert made.answered(1, 1, [Result(Outcome.ACCEPTED, "p-1")]) == []
    work = begun(made)
    assert ([each.state for each in work.changes], work.ended) == ([State.SENT], [1])


def test_a_failed_commit_refuses_its_messages_and_queues_those_of_its_attempts_again() -> None:
    made = node()
    made.take_many([message(1), message(2, Lane.MARKETING)], "client")
    begun(made)
    made.committed(0, {})
    begun(made)
    made.take(message(3), "another")
    assert made.commit_failed(0, FAILED) == []
    assert made.commit_due_ns() == 50
    work = begun(made, 50)
    assert ([each.message_ids for each in work.attempts], work.ended) == ([(1,), (2,), (3,)], [1, 2])
    assert made.commit_failed(50, FAILED) == [Refuse("another", FAILED)]
    assert made.unanswered == 2  # queued again, in the next commit


def test_a_message_that_expires_while_its_attempt_is_committed_is_not_submitted() -> None:
    """Found by storms with a slow disk: the request went out after the commit, however long that took."""
    made = node()
    short = replace(message(1), expires_ns=1_000_000_000)
    made.take_many([short, message(2, Lane.MARKETING)], "client")
    begun(made)
    made.committed(0, {})
    assert [each.message_ids for each in begun(made).attempts] == [(1,), (2,)]
    effects = made.committed(1_000_000_000, {})
    assert [each.messages for each in effects if isinstance(each, SubmitNow)] == [
        (message(2, Lane.MARKETING),)
    ]
    work = begun(made, 1_000_000_000)
    assert [(each.message_id, each.state, each.reason) for each in work.changes] == [
        (1, State.EXPIRED, "expired")
    ]
    assert work.ended == [1]


def test_a_message_that_a_failed_commit_kept_is_removed_since_its_client_was_refused() -> None:
    """Found by storms: the repeat was acknowledged, since the key was taken, and nobody sent the message."""
    made = node()
    made.take_many([message(1), message(2)], "client")
    begun(made)
    made.commit_failed(0, FAILED)
    made.take(message(3, key="k-1"), "again")
    work = begun(made, 50)
    assert (work.refused, work.messages) == ([1, 2], [message(3, key="k-1")])
    made.commit_failed(50, FAILED)
    assert begun(made, 100).refused == [1, 2, 3]
    made.committed(100, {})
    assert made.commit_due_ns() is None


def test_a_report_is_acknowledged_when_its_change_is_durable() -> None:
    made = node()
    made.take(message(1), "client")
    begun(made)
    made.committed(0, {})
    made.answered(1, 1, [Result(Outcome.ACCEPTED, "p-1")])
    assert made.reported(2, [Report("p-1", "k-1", State.DELIVERED, "")], "provider") == []
    assert [each.state for each in begun(made).changes] == [State.SENT, State.DELIVERED]
    assert made.commit_failed(3, FAILED) == []
    begun(made)
    assert made.committed(4, {}) == [Acknowledge("provider", True)]


def early() -> Node:
    made = node()
    made.take(message(1), "client")
    begun(made)
    made.committed(0, {})
    assert made.reported(10, [Report("p-1", None, State.DELIVERED, "")], "provider") == []
    assert made.commit_due_ns() is None
    assert made.next_deadline() == 110
    return made


def test_a_report_without_key_waits_for_the_answer_it_overtook() -> None:
    made = early()
    made.answered(50, 1, [Result(Outcome.ACCEPTED, "p-1")])
    assert [each.state for each in begun(made).changes] == [State.DELIVERED]
    assert made.committed(60, {}) == [Acknowledge("provider", True)]


def test_a_report_that_waits_too_long_must_come_again() -> None:
    made = early()
    assert made.advance(110) == [Acknowledge("provider", False)]
    made.reported(120, [Report("p-1", None, State.DELIVERED, "")], "again")
    assert made.early_calls == 1
    made.answered(130, 1, [Result(Outcome.ACCEPTED, "p-1")])
    begun(made)
    assert made.committed(140, {}) == [Acknowledge("again", True)]


def test_a_node_that_stops_submits_nothing_more_and_takes_answers() -> None:
    made = node()
    made.take(message(1), "client")
    begun(made)
    made.committed(0, {})
    made.stop()
    made.take(message(2), "another")
    made.answered(1, 1, [Result(Outcome.ACCEPTED, "p-1")])
    work = begun(made)
    assert (work.attempts, work.ended, made.unanswered) == ([], [1], 0)
    assert made.committed(2, {}) == [Acknowledge("another", None)]


@pytest.mark.parametrize(
    ("route", "ids", "same"),
    [
        ("r", (1, 2), True),
        ("r", (2, 1), True),
        ("r", (1, 3), False),
        ("r", (1,), False),
        ("r", (1, 2, 3), False),
        ("s", (1, 2), False),
    ],
)
def test_a_foreseen_attempt_counts_only_for_the_same_messages_on_the_same_route(
    route: str, ids: tuple[int, ...], same: bool
) -> None:
    batch = SubmitBatch(1, "r", (message(1), message(2)))
    assert is_attempt_of(SubmitAttempt(9, route, 0, ids), batch) is same
