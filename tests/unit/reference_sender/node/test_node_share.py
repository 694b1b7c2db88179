"""A node as one of several: nothing goes out without a lease; what it cannot send soon is left to others."""

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
)
from reference_sender.node.effects import Acknowledge, SubmitNow
from reference_sender.node.node import Node
from reference_sender.node.node_share import ClaimLimit, NodeShare
from reference_sender.node.times import NodeTimes
from reference_sender.store import HandedOver, Renewal, StoreError, Work
from reference_sender.store.sharing import WHOLE

LIMITS = RouteLimits("r", 1e6, 1e6, 1e6, 1e6, max_batch=10, max_in_flight=8, idempotency_window_s=86_400.0)
TIMES = NodeTimes(linger_ns=0, retry_ns=50, early_report_ns=100)


def message(number: int, lane: Lane = Lane.MARKETING) -> Message:
    return made_message(number, lane=lane)


def node(window: int = 100, max_backlog: int = 500_000) -> Node:
    settings = DispatchSettings(max_backlog=max_backlog, otp_reserved_backlog=0)
    made = Node(Dispatcher(settings, (LIMITS,), 1), TIMES)
    made.join(NodeShare(window))
    return made


def begun(made: Node, now_ns: int) -> Work:
    assert made.commit_due_ns() is not None
    work = made.begin_commit(now_ns).work
    assert work is not None
    return work


def submits(effects: list[Any]) -> list[SubmitNow]:
    return [each for each in effects if isinstance(each, SubmitNow)]


AT, UNTIL = 10**9, 2 * 10**9  # long enough after the first renewal for tokens


def all_of(nodes: int = 1, unclaimed: int = 0) -> Renewal:
    return Renewal(nodes, WHOLE // nodes, unclaimed)


def test_a_node_without_a_share_keeps_nothing_for_itself() -> None:
    made = node()
    made.take(message(1, Lane.OTP), "client")
    work = begun(made, 0)
    assert (set(work.unclaimed), list(work.attempts)) == ({1}, [])
    assert made.committed(1, {}) == [Acknowledge("client", None)]
    assert made.state(LATER).open == 0
    assert made.wants(1) is None


def test_what_does_not_fit_the_window_is_left_to_any_node_and_an_otp_is_not() -> None:
    made = node(window=100)
    made.renewed(0, 1_000, all_of(nodes=2))
    made.take_many([message(n) for n in range(1, 201)], "campaign")
    made.take(message(201, Lane.OTP), "client")
    work = begun(made, 0)
    assert len(work.messages) == 201
    assert set(work.unclaimed) == set(range(51, 201))
    effects = made.committed(1, {})
    assert sum(len(each.messages) for each in submits(effects)) + made.state(LATER).open > 0
    made.take(message(202, Lane.OTP), "client")
    assert set(begun(made, 2).unclaimed) == set()


def test_the_lease_is_looked_at_again_between_the_commit_of_an_attempt_and_its_request() -> None:
    made = node()
    made.renewed(0, UNTIL, all_of())
    made.take(message(1), "client")
    assert begun(made, AT).attempts
    effects = made.committed(UNTIL, {})
    assert submits(effects) == []
    assert made.unanswered == 1, "a new attempt waits for its commit"
    work = begun(made, UNTIL)
    assert (list(work.ended), [attempt.attempt_id for attempt in work.attempts]) == ([1], [2])
    made.renewed(UNTIL + 1, 2 * UNTIL, all_of())
    assert [each.messages for each in submits(made.committed(UNTIL + 2, {}))] == [(message(1),)]


def test_a_node_claims_what_it_has_room_for_while_it_holds_its_lease() -> None:
    made = node(window=100)
    assert made.wants(0) is None
    made.renewed(0, 1_000, all_of(nodes=2, unclaimed=30))
    assert made.wants(0) == ClaimLimit(50)
    assert made.wants(1_000) is None
    large = node(window=100_000)
    large.renewed(0, 1_000, all_of())
    assert large.wants(0) == ClaimLimit(500)


def full_of(lane: Lane, otp_reserved_backlog: int = 0) -> Node:
    """A node with a window full of messages of ``lane``, before it has tokens for any."""
    settings = DispatchSettings(max_backlog=300, otp_reserved_backlog=otp_reserved_backlog)
    made = Node(Dispatcher(settings, (LIMITS,), 1), TIMES)
    made.join(NodeShare(100))
    made.renewed(0, UNTIL, all_of())
    made.take_many([message(n, lane) for n in range(1, 101)], "campaign")
    begun(made, 0)
    assert submits(made.committed(0, {})) == []
    assert made.state(0).open == 100
    return made


def test_a_node_that_is_full_of_a_class_keeps_and_claims_more_urgent_messages() -> None:
    made = full_of(Lane.MARKETING)
    assert made.wants(0) == ClaimLimit(100, Lane.TRANSACTIONAL)
    lanes = [Lane.MARKETING, Lane.TRANSACTIONAL, Lane.OTP]
    made.take_many([message(n, lane) for n, lane in enumerate(lanes, start=101)], "campaign")
    assert set(begun(made, 0).unclaimed) == {101}
    made.committed(0, {})
    assert full_of(Lane.TRANSACTIONAL).wants(0) == ClaimLimit(100, Lane.OTP)
    assert full_of(Lane.OTP).wants(0) == ClaimLimit(0)


def test_claims_of_marketing_leave_the_reserved_part_of_the_backlog_to_otps() -> None:
    made = full_of(Lane.TRANSACTIONAL, otp_reserved_backlog=150)
    assert made.wants(0) == ClaimLimit(100, Lane.OTP)
    made = full_of(Lane.MARKETING, otp_reserved_backlog=150)
    assert made.wants(0) == ClaimLimit(100, Lane.OTP), "100 of another class would need a part of the reserve"


@pytest.mark.parametrize("outcome", [Outcome.DEFERRED, Outcome.UNKNOWN, Outcome.RETRYABLE])
def test_messages_that_cannot_be_sent_now_do_not_fill_the_window(outcome: Outcome) -> None:
    """They wait for the hours of a country, for a route that gave no answer, or for the next attempt."""
    routes = tuple(replace(LIMITS, name=name, max_batch=100, max_in_flight=1) for name in ("a", "b"))
    made = Node(Dispatcher(DispatchSettings(), routes, 1), TIMES)
    made.join(NodeShare(100))
    made.renewed(0, 100 * AT, all_of())
    made.take_many([message(n) for n in range(1, 101)], "campaign")
    begun(made, AT)
    effects = made.committed(AT, {})
    if not submits(effects):
        begun(made, AT)
        effects = made.committed(AT, {})
    (submit,) = submits(effects)
    results = [Result(outcome, reason="why")] * len(submit.messages)
    made.answered(AT, submit.batch_id, results)
    assert made.state(AT).queue_marketing == 100
    assert made.wants(AT) == ClaimLimit(100)
    made.take_many([message(n) for n in range(101, 151)], "campaign")
    assert set(begun(made, AT).unclaimed) == set()


def failing(nodes: int) -> Node:
    """A node whose only route fails."""
    settings = DispatchSettings(breaker_failures=1)
    made = Node(Dispatcher(settings, (replace(LIMITS, max_batch=5, max_in_flight=2),), 1), TIMES)
    made.join(NodeShare(100))
    made.renewed(0, 100 * AT, all_of(nodes=nodes))
    made.take_many([message(n, Lane.OTP) for n in range(1, 6)], "campaign")
    begun(made, AT)
    effects = made.committed(AT, {})
    if not submits(effects):
        begun(made, AT)
        effects = made.committed(AT, {})
    (submit,) = submits(effects)
    made.answered(AT, submit.batch_id, [Result(Outcome.RETRYABLE, reason="refused")] * 5)
    return made


def test_a_node_whose_routes_all_fail_leaves_new_work_to_others() -> None:
    made = failing(nodes=2)
    assert made.wants(AT) == ClaimLimit(0)
    made.take_many([message(n, Lane.OTP) for n in range(11, 21)], "campaign")
    assert len(begun(made, AT).unclaimed) == 10


def test_a_node_whose_routes_all_fail_takes_one_message_when_a_route_may_be_tried_again() -> None:
    made = failing(nodes=2)
    later_ns = AT + int(DispatchSettings().breaker_open_s * 1e9)
    assert made.wants(later_ns) == ClaimLimit(1)
    made.take_many([message(n) for n in range(11, 21)], "campaign")
    assert set(begun(made, later_ns).unclaimed) == set(range(12, 21))


def waiting_behind_failures(nodes: int) -> Node:
    """A node with 95 messages that it never tried, whose only route has failed for 5 others."""
    settings = DispatchSettings(breaker_failures=1)
    made = Node(Dispatcher(settings, (replace(LIMITS, max_batch=5, max_in_flight=2),), 1), TIMES)
    made.join(NodeShare(100))
    made.renewed(0, 100 * AT, all_of(nodes=1))
    made.take_many([message(n) for n in range(1, 101)], "campaign")
    begun(made, AT)
    made.committed(AT, {})
    begun(made, AT)
    (submit,) = submits(made.committed(AT, {}))
    made.renewed(AT, 100 * AT, all_of(nodes=nodes))
    made.give_back(AT)
    assert made.commit_due_ns() is None, "the route works"
    made.answered(AT, submit.batch_id, [Result(Outcome.RETRYABLE, reason="refused")] * 5)
    return made


def test_a_node_whose_routes_all_fail_gives_back_what_it_has() -> None:
    made = waiting_behind_failures(nodes=2)
    assert made.give_back(AT) == []
    assert made.wants(AT) is None, "what is given back would be claimed again"
    given = begun(made, AT).given_back
    assert len(given) == 95
    made.commit_failed(AT + 1, StoreError("no answer"))
    assert (made.wants(AT + 1), made.give_back(AT + 1)) == (None, [])
    assert begun(made, AT + 100).given_back == given, "it is repeated"
    made.committed(AT + 101, {})
    assert made.wants(AT + 101) == ClaimLimit(0)
    assert made.state(AT + 101).open == 5


def test_a_node_whose_routes_fail_gives_nothing_back_if_no_other_node_is_there() -> None:
    made = waiting_behind_failures(nodes=1)
    made.give_back(AT)
    assert begun(made, AT).given_back == ()


def test_a_node_that_stops_gives_back_what_waits_and_not_what_a_provider_may_have() -> None:
    made = node(window=100)
    made.renewed(0, UNTIL, all_of(nodes=2))
    made.take_many([message(n) for n in range(1, 51)], "campaign")
    begun(made, AT)
    tried = submits(made.committed(AT, {}))
    while made.commit_due_ns() is not None:
        begun(made, AT)
        tried += submits(made.committed(AT, {}))
    in_flight = {each.message_id for submit in tried for each in submit.messages}
    assert 0 < len(in_flight) < 50
    made.stop()
    made.give_back(AT)
    assert set(begun(made, AT).given_back) == set(range(1, 51)) - in_flight
    made.committed(AT, {})
    made.give_back(AT)
    assert made.commit_due_ns() is None, "once"


def test_messages_that_were_given_back_leave_no_entries() -> None:
    dispatcher = Dispatcher(DispatchSettings(breaker_failures=1), (LIMITS,), 1)
    made = Node(dispatcher, TIMES)
    made.join(NodeShare(100))
    made.renewed(0, 100 * AT, all_of(nodes=2))
    made.take(replace(message(1), campaign="may"), "client")
    begun(made, AT)
    (submit,) = submits(made.committed(AT, {}))
    made.answered(AT, submit.batch_id, [Result(Outcome.RETRYABLE, reason="refused")])
    made.stop()
    made.give_back(AT)
    assert begun(made, AT).given_back == [1]
    made.committed(AT, {})
    assert not any(dispatcher.kept().values()), dispatcher.kept()
    assert dispatcher.campaigns.total.messages == 0
    assert not dispatcher.campaigns.newest(1)


def test_a_node_whose_routes_fail_keeps_its_work_if_no_other_node_is_there() -> None:
    assert failing(nodes=1).wants(AT) == ClaimLimit(100)


def test_a_node_claims_no_more_than_its_backlog_holds() -> None:
    made = node(window=100, max_backlog=60)
    made.renewed(0, UNTIL, all_of())
    assert made.wants(AT) == ClaimLimit(0), "only what ends"
    made = node(window=100, max_backlog=100)
    made.renewed(0, UNTIL, all_of())
    assert made.wants(AT) == ClaimLimit(100)


def test_campaigns_are_left_to_others_in_turns_unless_messages_go_in_the_order_of_arrival() -> None:
    for in_turns in (True, False):
        made = Node(Dispatcher(DispatchSettings(), (LIMITS,), 1), TIMES)
        made.join(NodeShare(0, in_turns))
        made.renewed(0, UNTIL, Renewal(1, 0, 0, {Lane.MARKETING: 40}))
        made.take_many([message(n) for n in (1, 2)], "campaign")
        made.take_many([replace(message(3), campaign="may")], "campaign")
        assert begun(made, 0).unclaimed == ({1: 40, 2: 41, 3: 40} if in_turns else {1: 0, 2: 0, 3: 0})


def test_messages_that_wait_for_a_node_count_as_backlog() -> None:
    made = node(max_backlog=100)
    made.renewed(0, 1_000, all_of(unclaimed=90))
    assert made.has_room(10, Lane.MARKETING)
    assert not made.has_room(11, Lane.MARKETING)


def submitted(number: int) -> Node:
    """A node with a request in flight for that message."""
    made = node()
    made.renewed(0, UNTIL, all_of())
    made.take(message(number), "client")
    begun(made, AT)
    assert len(submits(made.committed(AT, {}))) == 1
    return made


def test_reports_of_other_nodes_are_handed_over_and_acknowledged_when_durable() -> None:
    made = submitted(1)
    own, strange = Report("p1", "k-1", State.DELIVERED, ""), Report("p9", "k-9", State.DELIVERED, "")
    nameless = Report("p2", None, State.DELIVERED, "")
    assert made.reported(AT, [own, strange, nameless], "provider") == []
    work = begun(made, AT)
    assert list(work.handed_over) == [strange, nameless]
    assert [change.key for change in work.changes] == ["k-1"]
    assert made.committed(AT, {}) == [Acknowledge("provider", True)]


def test_a_report_handed_over_is_removed_with_its_changes() -> None:
    made = submitted(1)
    made.handed_over(AT, [HandedOver(7, Report("p1", "k-1", State.DELIVERED, ""))])
    work = begun(made, AT)
    assert ([change.state for change in work.changes], list(work.read)) == ([State.DELIVERED], [7])


def test_a_report_handed_over_for_a_message_that_ended_is_removed_with_its_change() -> None:
    made = submitted(1)
    late = Report("p9", "k-9", State.DELIVERED, "late")
    made.handed_over(AT, [HandedOver(7, late)])
    commit = made.begin_commit(AT)
    assert (commit.work, list(commit.late)) == (None, [late]), "it is not removed yet"
    made.committed(AT, {}, [EndedMessage(message(9), State.EXPIRED, 1, "p9", "r")])
    work = begun(made, AT)
    assert [(change.key, change.state) for change in work.changes] == [("k-9", State.DELIVERED)]
    assert list(work.read) == [7]


def test_reports_that_the_store_counted_are_in_the_totals_of_the_node() -> None:
    made = node()
    made.renewed(0, UNTIL, replace(all_of(), repeated_reports=3, orphan_reports=1))
    made.renewed(1, UNTIL, replace(all_of(), repeated_reports=1))
    totals = made.state(1).totals
    assert (totals["repeated_reports"], totals["orphan_reports"]) == (4, 1)
