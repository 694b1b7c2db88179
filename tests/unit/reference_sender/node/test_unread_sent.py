"""While SENT messages of an earlier process are not read yet, nothing is decided that may be about them."""

from __future__ import annotations

import pytest
from messages import made_message
from nanoseconds import LATER, S

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import (
    AskReport,
    Change,
    Lane,
    LookUp,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    RouteLimits,
    State,
    key_of_second,
)
from reference_sender.node.effects import Acknowledge, NodeEffect, SubmitNow
from reference_sender.node.node import Node
from reference_sender.node.times import NodeTimes

TIMES = NodeTimes(linger_ns=0, early_report_ns=5 * S)
LIMITS = RouteLimits(
    "a",
    1e6,
    1e6,
    1e6,
    1e6,
    max_batch=1,
    max_in_flight=9,
    idempotency_window_s=0.0,
    lookup_window_s=600.0,
    answers_status=True,
)
DELIVERED = State.DELIVERED


def message(number: int, key: str = "", lane: Lane = Lane.OTP) -> Message:
    return made_message(number, key=key, lane=lane, sender_id="", campaign="may", created_ns=1)


def sent(number: int, at_ns: int) -> Recovered:
    return Recovered(message(number), State.SENT, 1, f"p-{number}", at_ns, "a")


def node(unread: int = 2, **settings: object) -> Node:
    """A node that has begun at 100 s, and has SENT messages to read."""
    routes = (LIMITS, RouteLimits("b", 1e6, 1e6, 1e6, 1e6, 1, 9, 0.0, 600.0))
    made = Node(Dispatcher(DispatchSettings.model_validate(settings), routes, 1), TIMES)
    assert made.recover(100 * S, [], 0, unread) == []
    return made


def changes(made: Node, now_ns: int) -> list[tuple[str, State]]:
    """What the next commit keeps."""
    work = made.begin_commit(now_ns).work
    return [] if work is None else [(each.key, each.state) for each in work.changes if type(each) is Change]


def test_a_report_waits_until_its_message_is_read_and_is_confirmed_once_that_is_durable() -> None:
    made = node()
    assert made.reported(101 * S, [Report("p-1", None, DELIVERED, "")], "call") == []
    assert made.commit_due_ns() is None
    assert made.recover_sent(102 * S, [sent(2, 50 * S)], 1) == []
    assert made.state(LATER).unread == 2, "until all are read"
    assert made.recover_sent(103 * S, [sent(1, 60 * S)], 0) == []
    assert (made.state(LATER).unread, made.state(LATER).awaiting_report) == (0, 1)
    assert changes(made, 103 * S) == [("k-1", DELIVERED)]
    assert made.committed(104 * S, {}) == [Acknowledge("call", True)]


def test_a_report_that_waits_too_long_must_come_again() -> None:
    made = node()
    made.reported(101 * S, [Report("p-1", None, DELIVERED, "")], "call")
    assert made.next_deadline() == 106 * S
    assert made.advance(106 * S - 1) == []
    assert made.advance(106 * S) == [Acknowledge("call", False)]
    made.recover_sent(107 * S, [sent(2, 50 * S), sent(1, 60 * S)])
    assert made.state(LATER).awaiting_report == 2
    made.reported(108 * S, [Report("p-1", None, DELIVERED, "")], "again")
    assert changes(made, 108 * S) == [("k-1", DELIVERED)]


def test_a_sender_that_stops_lets_reports_come_again() -> None:
    made = node()
    made.reported(101 * S, [Report("p-1", None, DELIVERED, "")], "first")
    made.stop()
    assert made.reported(101 * S, [Report("p-1", None, DELIVERED, "")], "second") == []
    made.begin_commit(101 * S)
    assert made.committed(102 * S, {}) == [Acknowledge("first", False), Acknowledge("second", False)]


def test_no_lookup_is_made_before_the_sent_messages_are_known() -> None:
    made = node(1)
    left = Recovered(message(3), State.QUEUED, 1, None, None, "a", 90 * S)
    made.recover(101 * S, [left])
    asked: list[NodeEffect] = []
    for second in range(102, 110):
        asked += made.advance(second * S)
    assert asked == []
    (lookup,) = made.recover_sent(111 * S, [sent(1, 50 * S)])
    assert isinstance(lookup, LookUp)
    made.looked_up(112 * S, "k-3", [Report("p-3", None, State.SENT, "")])
    work = made.begin_commit(112 * S).work
    assert work is not None
    assert [(each.key, each.provider_id) for each in work.changes] == [("k-3", "p-3")]


@pytest.mark.parametrize("first_is_sent", [True, False])
def test_a_second_message_waits_until_its_first_one_is_known(first_is_sent: bool) -> None:
    made = node(1, hedge_otp_after_s=30.0, equal_within=0.9)
    second = Recovered(message(5, key_of_second("k-1")), State.QUEUED, 0, None, None)
    other = Recovered(message(6), State.QUEUED, 0, None, None)
    made.recover(101 * S, [second, other])
    state = made.state(LATER)
    assert (made.unanswered, state.unread, state.open) == (1, 2, 3), "the other one is submitted"
    made.recover_sent(102 * S, [sent(1 if first_is_sent else 2, 95 * S)])
    state = made.state(LATER)
    assert (made.unanswered, state.unread) == (2 if first_is_sent else 1, 0)
    assert state.totals["expired"] == (0 if first_is_sent else 1)


def test_earlier_sent_messages_come_before_those_of_this_process_in_time() -> None:
    made = node(report_timeout_s=300.0, report_query_s=100.0)
    made.take(message(7), "client")
    made.begin_commit(101 * S)
    (submit, _) = made.committed(101 * S, {})
    assert isinstance(submit, SubmitNow)
    made.answered(102 * S, submit.batch_id, [Result(Outcome.ACCEPTED, "p-7")])
    assert made.next_deadline() is None, "nothing is asked or given up before all are read"
    made.recover_sent(103 * S, [sent(2, 10 * S), sent(1, 400 * S)], 0)  # the clock was set back meanwhile
    asked = [each for at_s in range(104, 310) for each in made.advance(at_s * S)]
    assert [each.key for each in asked if isinstance(each, AskReport)] == ["k-2", "k-1", "k-7"]
    made.advance(310 * S + 300_000_000)
    assert made.state(LATER).totals["expired"] == 1, "k-2"
    made.advance(403 * S)
    assert made.state(LATER).totals["expired"] == 3


@pytest.mark.parametrize("of_this_process", [False, True])
def test_reports_that_waited_count_before_a_message_is_given_up(of_this_process: bool) -> None:
    """Two calls wait at 104 s. The reports are overdue at 105 s, and the last page is read at 106 s."""
    made = node(2, report_timeout_s=3.0 if of_this_process else 95.0)
    keys = ["k-1", "k-2"]
    if of_this_process:
        keys = ["k-3", "k-4"]
        made.take_many([message(3), message(4)], "client")
        made.begin_commit(101 * S)
        made.committed(101 * S, {})
        made.begin_commit(101 * S)
        for each in made.committed(101 * S, {}):
            assert isinstance(each, SubmitNow)
            (of,) = each.messages
            made.answered(102 * S, each.batch_id, [Result(Outcome.ACCEPTED, f"p-{of.message_id}")])
        changes(made, 102 * S)
    for key in keys:
        made.reported(104 * S, [Report(f"p{key[1:]}", None, State.FAILED, "rejected")], key)
    assert made.advance(105 * S + 1) == []
    made.recover_sent(106 * S, [sent(1, 10 * S), sent(2, 10 * S)])
    found = changes(made, 106 * S)
    assert [each for each in found if each[0] in keys] == [(key, State.FAILED) for key in keys]
    made.advance(106 * S + 1)
    assert made.state(LATER).awaiting_report == 0


def test_a_message_that_is_not_read_yet_takes_no_room() -> None:
    made = Node(Dispatcher(DispatchSettings(max_backlog=10, otp_reserved_backlog=0), (LIMITS,), 1), TIMES)
    made.recover(0, [], 4, 1_000)
    assert made.has_room(6, Lane.OTP)
    assert not made.has_room(7, Lane.OTP), "four untried ones do"
    assert made.state(LATER).unread == 1_004


def test_overdue_messages_are_given_up_a_few_at_a_time() -> None:
    made = node(1_600, report_timeout_s=10.0)
    made.recover_sent(100 * S, [sent(number, number) for number in range(1_600)])
    given_up = []
    now_ns = 100 * S + 1
    while made.next_deadline() == now_ns:
        made.advance(now_ns)
        given_up.append(made.state(LATER).totals["expired"])
    assert given_up == [500, 1_000, 1_500, 1_600]
    assert made.state(LATER).awaiting_report == 0
