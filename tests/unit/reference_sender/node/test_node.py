"""The order of a node: nothing goes out or is acknowledged before its cause is durable."""

from __future__ import annotations

from typing import Any

import pytest
from messages import made_message
from msgspec.structs import replace
from nanoseconds import LATER

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import (
    EndedMessage,
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
    return made_message(number, key=key, lane=lane)


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
    assert made.state(LATER).open == 0
    assert made.committed(5, {}) == [SubmitNow(1, "r", (message(1),)), Acknowledge("client", None)]


def test_an_attempt_that_was_not_predicted_has_a_commit_of_its_own() -> None:
    made = node()
    made.take_many([message(1, Lane.TRANSACTIONAL), message(2, Lane.MARKETING)], "client")
    assert not begun(made).attempts
    assert kinds(made.committed(0, {})) == ["Acknowledge"]
    assert [each.message_ids for each in begun(made).attempts] == [(1,), (2,)]
    assert kinds(made.committed(0, {})) == ["SubmitNow", "SubmitNow"]


def test_a_request_is_in_flight_only_once_its_attempt_is_durable() -> None:
    made = node()

    def counts() -> tuple[int, ...]:
        state = made.state(LATER)
        (route,) = state.routes
        return (
            state.queue_transactional,
            state.queue_marketing,
            state.in_flight,
            state.in_flight_messages,
            route.in_flight,
        )

    made.take_many([message(1, Lane.TRANSACTIONAL), message(2, Lane.MARKETING)], "client")
    begun(made)
    made.committed(0, {})
    assert counts() == (1, 1, 0, 0, 0)
    begun(made)
    assert counts() == (1, 1, 0, 0, 0)
    made.commit_failed(0, FAILED)
    assert (counts(), made.state(LATER).open) == ((1, 1, 0, 0, 0), 2), "also while the store is down"
    begun(made, 50)
    made.committed(50, {})
    begun(made, 100)
    made.committed(100, {})
    assert counts() == (0, 0, 2, 2, 2)


def test_an_otp_is_submitted_with_its_first_commit_while_bulk_messages_wait() -> None:
    made = Node(Dispatcher(DispatchSettings(), (replace(LIMITS, segments_burst=11.0),), 1), TIMES)
    made.take_many([message(number, Lane.MARKETING) for number in (1, 2)], "bulk")
    begun(made)
    made.committed(0, {})
    begun(made)
    made.committed(0, {})
    assert made.state(LATER).totals["sent"] == 0
    made.take_many([message(number, Lane.MARKETING) for number in range(3, 9)], "bulk")
    made.take(message(9), "client")
    assert [each.message_ids for each in begun(made).attempts] == [(9,)]
    effects = made.committed(0, {})
    assert [each.messages for each in effects if isinstance(each, SubmitNow)] == [(message(9),)]


def test_a_key_in_use_is_reported_and_not_sent() -> None:
    existing = Existing(1, "48500100200", "x", Lane.OTP, State.SENT)
    made = node()
    made.take(message(2), "client")
    assert begun(made).attempts
    assert made.committed(0, {2: existing}) == [Acknowledge("client", existing)]
    assert begun(made).ended == [1]  # the attempt that was predicted is not made


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
    made.take_many([message(1, Lane.TRANSACTIONAL), message(2, Lane.MARKETING)], "client")
    begun(made)
    made.committed(0, {})
    begun(made)
    made.take(message(3), "another")
    assert made.commit_failed(0, FAILED) == []
    assert made.commit_due_ns() == 50
    work = begun(made, 50)
    assert (work.attempts, work.messages, work.ended) == ([], [], [1, 2])
    assert made.commit_failed(50, FAILED) == [Refuse("another", FAILED)]
    assert made.unanswered == 2  # queued again, in a commit after the next
    assert begun(made, 100).ended == [1, 2]
    made.committed(100, {})
    assert [each.message_ids for each in begun(made, 100).attempts] == [(1,), (2,)]


def test_a_message_that_expires_while_its_attempt_is_committed_is_not_submitted() -> None:
    """Found by storms with a slow disk: the request went out after the commit, however long that took."""
    made = node()
    short = replace(message(1, Lane.TRANSACTIONAL), expires_ns=1_000_000_000)
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
    assert (work.refused, work.messages) == ([1, 2], [])
    assert made.committed(60, {}) == []
    assert (begun(made, 60).messages, made.waiting) == ([message(3, key="k-1")], 1)
    assert Acknowledge("again", None) in made.committed(70, {})
    assert made.commit_due_ns() is None


def test_what_a_store_that_is_down_must_remove_later_does_not_grow() -> None:
    made = node()
    made.take_many([message(1, Lane.TRANSACTIONAL), message(4, Lane.MARKETING)], "client")
    begun(made)
    made.committed(0, {})
    made.take(message(2), "refused")
    assert len(begun(made, 1).attempts) == 3
    made.commit_failed(1, FAILED)
    for number in range(5, 100):
        now_ns = 100 * number
        made.take(message(number), f"client {number}")
        work = begun(made, now_ns)
        assert (work.refused, work.ended, work.messages, work.attempts) == ([2], [1, 2, 3], [], [])
        assert made.commit_failed(now_ns, FAILED) == [Refuse(f"client {number}", FAILED)]
        assert made.waiting == 0
    begun(made, 10**6)
    made.committed(10**6, {})
    assert [each.message_ids for each in begun(made, 10**6).attempts] == [(1,), (4,)]
    assert kinds(made.committed(10**6, {})) == ["SubmitNow", "SubmitNow"]


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
    # It may be about a message that ended long ago.
    assert made.begin_commit(10).late == [Report("p-1", None, State.DELIVERED, "")]
    assert made.committed(10, {}) == []
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
    made.begin_commit(120)
    made.committed(120, {})
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


def test_an_attempt_that_becomes_durable_after_the_last_request_is_withdrawn() -> None:
    """It ended as ``outcome_unknown`` on a route that is asked about it, although it never went out."""
    made = node()
    made.take_many([message(1, Lane.TRANSACTIONAL), message(2, Lane.MARKETING)], "client")
    begun(made)
    made.committed(0, {})
    assert [each.attempt_id for each in begun(made).attempts] == [1, 2]
    made.stop()
    made.requesting = False
    assert made.committed(1, {}) == []
    assert (begun(made, 1).ended, made.unanswered) == ([1, 2], 0)


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
def test_a_predicted_attempt_counts_only_for_the_same_messages_on_the_same_route(
    route: str, ids: tuple[int, ...], same: bool
) -> None:
    batch = SubmitBatch(1, "r", (message(1), message(2)))
    assert is_attempt_of(SubmitAttempt(9, route, 0, ids), batch) is same


LATE = Report("p-1", "k-1", State.DELIVERED, "late")
GONE = EndedMessage(message(1), State.EXPIRED, 2, None, "r")


def test_a_late_report_about_a_message_that_an_earlier_process_ended_is_applied_once() -> None:
    made = node()
    for provider in ("provider", "again", "and again"):
        made.reported(1, [LATE], provider)
    commit = made.begin_commit(1)
    assert (commit.work, list(commit.late)) == (None, [LATE] * 3)
    assert made.committed(2, {}, [GONE]) == []
    (change,) = begun(made, 2).changes
    assert (change.message_id, change.state, change.attempts) == (1, State.DELIVERED, 2)
    assert (change.reason, change.provider_id, change.route) == ("late", "p-1", "r")
    made.reported(3, [LATE], "during the commit")
    acknowledged = [Acknowledge(each, True) for each in ("provider", "again", "and again")]
    assert made.committed(4, {}) == acknowledged, "not before the change is durable"
    assert list(made.begin_commit(4).late) == [LATE], "the store knows the change by then"
    made.committed(5, {}, [replace(GONE, state=State.DELIVERED)])
    totals = made.state(LATER).totals
    assert (totals["late"], totals["delivered"], totals["repeated_reports"]) == (1, 1, 3)
    assert totals["orphan_reports"] == 0
    assert made.state(LATER).open == 0


def test_a_duplicate_report_of_a_delivered_message_is_no_report_about_an_unknown_one() -> None:
    made = node()
    unknown = replace(LATE, key="of another sender")
    made.reported(1, [LATE, unknown, LATE], "provider")
    made.begin_commit(1)
    made.committed(2, {}, [replace(GONE, state=State.DELIVERED)])
    made.begin_commit(2)
    assert made.committed(3, {}) == [Acknowledge("provider", True)]
    totals = made.state(LATER).totals
    assert (totals["repeated_reports"], totals["orphan_reports"], totals["delivered"]) == (2, 1, 0)


def test_a_late_report_that_cannot_be_matched_must_come_again() -> None:
    made = node()
    made.reported(1, [LATE], "provider")
    made.begin_commit(1)
    assert made.commit_failed(2, FAILED) == []
    assert list(made.begin_commit(60).late) == [LATE], "with the next commit"
    assert made.committed(61, {}, None) == [Acknowledge("provider", False)]


def test_a_late_report_of_a_second_message_delivers_the_first_one_too() -> None:
    made = Node(
        Dispatcher(DispatchSettings(hedge_otp_after_s=5), (LIMITS, replace(LIMITS, name="s")), 1), TIMES
    )
    second = replace(message(2), key="k-1~2")
    made.reported(1, [replace(LATE, key="k-1~2")], "provider")
    made.begin_commit(1)
    made.committed(2, {}, [EndedMessage(second, State.EXPIRED, 1, "p-1", "s")])
    commit = made.begin_commit(2)
    assert (commit.work, [each.key for each in commit.late]) == (None, ["k-1"])
    made.committed(3, {}, [GONE])
    second_end, first_end = begun(made, 3).changes
    assert (second_end.key, second_end.state) == ("k-1~2", State.DELIVERED)
    assert (first_end.key, first_end.state, first_end.reason) == (
        "k-1",
        State.DELIVERED,
        "delivered_by_second",
    )
