"""Queries for missing reports do a bounded amount of work at a time, however many reports are missing."""

from __future__ import annotations

import heapq
from typing import Any

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits, accepted, only, run_until
from nanoseconds import S

from reference_sender.dispatch import unreported
from reference_sender.dispatch.route import RouteState
from reference_sender.dispatch.values import AskReport, Recovered, Report, State


def test_the_messages_of_a_route_that_cannot_be_asked_wait_as_one(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = limits("a", answers_status=True, requests_per_s=0.01, requests_burst=2, max_batch=500)
    core = dispatcher(short, report_query_s=10)
    batch = only(core.offer(0, [message() for _ in range(500)]))
    core.answered(0, batch.batch_id, accepted(batch))
    looked_at: list[int] = []
    blocked_until = RouteState.blocked_until

    def counted(route: RouteState, now_ns: int) -> int:
        looked_at.append(now_ns)
        return blocked_until(route, now_ns)

    monkeypatch.setattr(RouteState, "blocked_until", counted)
    assert not run_until(core, 15 * S)
    assert 5 <= len(looked_at) < 20, "some times in each second, and not for each message"
    asked = [(at_ns, each) for at_ns, each in run_until(core, 100 * S) if isinstance(each, AskReport)]
    assert [(at_ns, each.key) for at_ns, each in asked] == [(100 * S, batch.messages[0].key)]


def test_messages_whose_reports_came_all_at_once_are_dropped_some_at_a_time(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = dispatcher(limits("a", answers_status=True, max_batch=3_000), report_query_s=10)
    batch = only(core.offer(0, [message() for _ in range(3_000)]))
    core.answered(0, batch.batch_id, accepted(batch))
    asked = [each for _, each in run_until(core, 11 * S) if isinstance(each, AskReport)]
    keys = [each.key for each in batch.messages]
    core.reported(12 * S, [Report(f"p-{key}", key, State.DELIVERED, "") for key in keys[4:-1]])
    dropped: list[Any] = []

    def drop(heap: list[Any]) -> Any:
        dropped.append(heapq.heappop(heap))
        return dropped[-1]

    monkeypatch.setattr(unreported, "heappop", drop)
    core.status_found(13 * S, asked[0].key, None)
    assert len(dropped) == 1_000
    rest = [(at_ns, each) for at_ns, each in run_until(core, 13 * S) if isinstance(each, AskReport)]
    assert [(at_ns, each.key) for at_ns, each in rest] == [(13 * S, keys[-1])]


def test_a_route_that_cannot_be_asked_does_not_keep_the_others_from_it(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    slow = {"requests_per_s": 0.001, "requests_burst": 2}
    core = dispatcher(
        limits("a", answers_status=True, **slow), limits("b", answers_status=True), report_query_s=10
    )
    made = [message() for _ in range(3)]
    sent = [Recovered(each, State.SENT, 1, f"p-{each.key}", 0, "a") for each in made]
    sent.append(Recovered(message(), State.SENT, 1, "p-b", 0, "b"))
    core.recover(0, sent)
    asked = [(each.route, each.key) for _, each in run_until(core, 15 * S) if isinstance(each, AskReport)]
    assert asked == [("a", made[0].key), ("b", sent[3].message.key)]


def test_a_route_with_a_burst_of_one_request_is_asked_while_no_message_waits(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(
        limits("a", answers_status=True, requests_per_s=0.1, requests_burst=1, max_batch=2), report_query_s=30
    )
    batch = only(core.offer(0, [message(), message()]))
    core.answered(0, batch.batch_id, accepted(batch))
    core.advance(29 * S)
    effects = [(29 * S, each) for each in core.offer(29 * S, [message() for _ in range(4)])]
    effects += run_until(core, 60 * S)
    seen = [(at_ns // S, "query" if isinstance(each, AskReport) else "submit") for at_ns, each in effects]
    assert seen == [(29, "submit"), (39, "submit"), (49, "query"), (59, "query")]


@pytest.mark.parametrize("taken_over_s", [16, 60])
def test_a_message_of_another_node_that_is_older_than_the_last_scan_is_asked_about(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, taken_over_s: int
) -> None:
    """The message of a dead node was sent before those whose reports this node has already."""
    core = dispatcher(limits("a", answers_status=True), report_query_s=10)
    for at_s in (1, 4):
        batch = only(core.offer(at_s * S, [message()]))
        core.answered(at_s * S, batch.batch_id, accepted(batch))
    for _, each in run_until(core, 15 * S):
        if isinstance(each, AskReport):
            core.status_found(15 * S, each.key, Report(each.provider_id, each.key, State.DELIVERED, ""))
    assert core.open_messages == 0
    theirs = Recovered(message(), State.SENT, 1, "p-theirs", 3 * S, "a")
    effects = [(taken_over_s * S, each) for each in core.recover(taken_over_s * S, [theirs])]
    effects += run_until(core, (taken_over_s + 15) * S)
    asked = [(at_ns, each.key) for at_ns, each in effects if isinstance(each, AskReport)]
    assert asked == [(taken_over_s * S, theirs.message.key)]


def test_a_message_of_another_node_waits_its_time_before_it_is_asked_about(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("a", answers_status=True), report_query_s=10)
    theirs = Recovered(message(), State.SENT, 1, "p-theirs", 3 * S, "a")
    effects = [(5 * S, each) for each in core.recover(5 * S, [theirs])] + run_until(core, 15 * S)
    asked = [(at_ns, each.key) for at_ns, each in effects if isinstance(each, AskReport)]
    assert asked == [(13 * S, theirs.message.key)]
