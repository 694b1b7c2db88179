"""What an earlier process left: who may repeat it, where, until when, and by which clock."""

from __future__ import annotations

from typing import Any

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits
from nanoseconds import LATER, S

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import (
    Change,
    Effect,
    Lane,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    State,
    SubmitBatch,
)

HOUR = 3600 * S


def left(
    message: Message, route: str | None = None, tried_ns: int | None = None, attempts: int = 1
) -> Recovered:
    return Recovered(message, State.QUEUED, attempts if route else 0, None, None, route, tried_ns)


def submitted(effects: Any) -> list[tuple[str, str]]:
    """Key and route of every message submitted."""
    return [(m.key, each.route) for each in effects if isinstance(each, SubmitBatch) for m in each.messages]


def changed(effects: Any) -> list[tuple[str, str]]:
    return [(each.state.value, each.reason) for each in effects if isinstance(each, Change)]


def run_until(core: Dispatcher, until_ns: int) -> list[tuple[int, Effect]]:
    seen: list[tuple[int, Effect]] = []
    while (deadline_ns := core.next_deadline()) is not None and deadline_ns <= until_ns:
        seen += [(deadline_ns, effect) for effect in core.advance(deadline_ns)]
    return seen


@pytest.mark.parametrize(("early_ns", "repeated"), [(1, True), (0, False), (-1, False)])
def test_a_message_is_repeated_only_while_the_provider_knows_its_key(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, early_ns: int, repeated: bool
) -> None:
    core = dispatcher(limits(idempotency_window_s=60))
    one = message()
    effects = core.recover(100 * S + 60 * S - early_ns, [left(one, "a", 100 * S)])
    assert submitted(effects) == ([(one.key, "a")] if repeated else [])
    assert changed(effects) == ([] if repeated else [("expired", "outcome_unknown")])


def test_the_window_runs_from_the_attempt_and_not_from_the_message_s_birth(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits(idempotency_window_s=60))
    old = message(created_ns=0)
    assert submitted(core.recover(HOUR, [left(old, "a", HOUR - 59 * S)])) == [(old.key, "a")]


def test_an_unanswered_repeat_does_not_lengthen_the_window(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits(idempotency_window_s=60), max_attempts=1000, breaker_failures=1000)
    effects = core.recover(50 * S, [left(message(), "a", 0)])
    now_ns, repeats = 50 * S, 0
    while not changed(effects):
        for batch in effects:
            assert isinstance(batch, SubmitBatch)
            assert now_ns < 60 * S
            repeats += 1
            core.answered(now_ns, batch.batch_id, [Result(Outcome.UNKNOWN)])
        due_ns = core.next_deadline()
        assert due_ns is not None
        now_ns = due_ns
        effects = core.advance(now_ns)
    assert changed(effects) == [("expired", "outcome_unknown")]
    assert repeats > 1
    assert 60 * S <= now_ns <= 60 * S + S // 10


def test_what_was_never_submitted_keeps_its_own_deadline_and_goes_anywhere(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("dead", idempotency_window_s=60), limits("alive"), route_down_pause_s=600)
    old = message(created_ns=0)
    (batch,) = core.recover(2 * HOUR, [left(old)])
    assert isinstance(batch, SubmitBatch)
    assert batch.route == "dead"
    effects = core.answered(2 * HOUR, batch.batch_id, [Result(Outcome.ROUTE_DOWN)])
    assert submitted(effects) == [(old.key, "alive")]


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_a_route_is_known_by_its_name_whatever_its_place(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, order: tuple[str, str]
) -> None:
    core = dispatcher(*map(limits, order))
    at_a, at_b, free = message(), message(), message()
    effects = core.recover(S, [left(at_a, "a", 0), left(at_b, "b", 0), left(free)])
    assert set(submitted(effects)) >= {(at_a.key, "a"), (at_b.key, "b"), (free.key, order[0])}
    assert len(submitted(effects)) == 3


def test_a_message_bound_to_a_route_waits_for_it_while_another_is_idle(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("a"), limits("b"), route_down_pause_s=100)
    one = message()
    (batch,) = core.recover(0, [left(one, "b", 0)])
    assert isinstance(batch, SubmitBatch)
    assert core.answered(0, batch.batch_id, [Result(Outcome.ROUTE_DOWN)]) == []
    (again,) = [effect for _, effect in run_until(core, 200 * S)]
    assert submitted([again]) == [(one.key, "b")]


def test_a_message_bound_to_a_removed_route_is_submitted_nowhere_and_ends_at_its_deadline(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("a"))
    one, brief, free = message(expires_ns=HOUR // 2), message(expires_ns=30 * S), message()
    effects = core.recover(S, [left(one, "gone", 0), left(brief, "gone", 0), left(free)])
    assert submitted(effects) == [(free.key, "a")]
    assert core.state(LATER).queue_transactional == 2
    seen = run_until(core, HOUR)
    assert [(at_ns, *changed([effect])) for at_ns, effect in seen] == [
        (30 * S, ("expired", "route_removed")),
        (HOUR // 2, ("expired", "route_removed")),
    ]
    late = core.reported(HOUR, [Report("p", one.key, State.DELIVERED, "")])
    assert changed(late) == [("delivered", "")]


def test_a_report_finishes_a_message_bound_to_a_removed_route(
    dispatcher: MakeDispatcher, message: Make
) -> None:
    core = dispatcher()
    one = message()
    core.recover(S, [left(one, "gone", 0)])
    (change,) = core.reported(2 * S, [Report("p", one.key, State.DELIVERED, "")])
    assert isinstance(change, Change)
    assert (change.state, change.route) == (State.DELIVERED, "gone")
    assert core.state(LATER).open == 0


def test_messages_for_removed_routes_do_not_block_others(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("a", segments_burst=4.0))
    free, bound, small = message(segments=5), message(segments=5), message()
    effects = core.recover(0, [left(free), left(bound, "a", 0), left(small)])
    assert submitted(effects) == [(small.key, "a")]
    assert changed(effects) == [("failed", "more_segments_than_any_route_allows")]
    for route in ("a", None):
        largest = message(segments=4)
        other = dispatcher(limits("a", segments_burst=4.0))
        assert submitted(other.recover(0, [left(largest, route, 0)])) == [(largest.key, "a")]


def test_a_clock_set_back_delays_nothing_and_lengthens_no_life(
    dispatcher: MakeDispatcher, message: Make
) -> None:
    core = dispatcher(transactional_linger_s=0.5, report_timeout_s=1000)
    ahead = HOUR
    queued = message(created_ns=ahead, expires_ns=ahead + 20 * S)
    later = message(created_ns=ahead, expires_ns=ahead + 20 * S)
    sent = message(created_ns=ahead)
    found = [left(queued), left(later, "gone", ahead), Recovered(sent, State.SENT, 1, "p", ahead)]
    assert core.recover(0, found) == []
    seen = run_until(core, 2 * HOUR)
    assert [(at_ns, submitted([each]) or changed([each])) for at_ns, each in seen] == [
        (S // 2, [(queued.key, "a")]),
        (20 * S, [("expired", "route_removed")]),
        (1000 * S, [("expired", "no_report")]),
    ]


def test_a_clock_set_back_does_not_stretch_the_window(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("a", idempotency_window_s=60), route_down_pause_s=HOUR // S)
    (batch,) = core.recover(0, [left(message(), "a", HOUR)])
    assert isinstance(batch, SubmitBatch)
    core.answered(0, batch.batch_id, [Result(Outcome.ROUTE_DOWN)])
    assert [at_ns for at_ns, _ in run_until(core, 2 * HOUR)] == [60 * S]


def test_an_unanswered_attempt_binds_durably_and_once(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("a"), limits("b"), backoff_base_s=1, backoff_cap_s=1)
    (batch,) = core.offer(5 * S, [message()])
    assert isinstance(batch, SubmitBatch)
    (change,) = core.answered(6 * S, batch.batch_id, [Result(Outcome.UNKNOWN, reason="no_answer")])
    assert isinstance(change, Change)
    assert (change.state, change.route, change.tried_ns) == (State.QUEUED, "a", 5 * S)
    assert (change.attempts, change.reason, change.at_ns) == (1, "no_answer", 6 * S)
    ((at_ns, again),) = run_until(core, 10 * S)
    assert isinstance(again, SubmitBatch)
    assert again.route == "a"
    assert core.answered(at_ns, again.batch_id, [Result(Outcome.UNKNOWN)]) == []


@pytest.mark.parametrize(
    "outcome", [Outcome.RETRYABLE, Outcome.THROTTLED, Outcome.DEFERRED, Outcome.ROUTE_DOWN]
)
def test_a_refused_attempt_binds_nothing(dispatcher: MakeDispatcher, message: Make, outcome: Outcome) -> None:
    core = dispatcher()
    (batch,) = core.offer(0, [message()])
    assert isinstance(batch, SubmitBatch)
    assert changed(core.answered(0, batch.batch_id, [Result(outcome)])) == []


def test_the_route_is_in_every_change_that_follows_an_attempt(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("a", max_in_flight=1, max_batch=1), limits("b"))
    first, second = message(), message()
    one, two = core.offer(0, [first, second])
    assert isinstance(one, SubmitBatch)
    assert isinstance(two, SubmitBatch)
    changes = [
        *core.answered(1, two.batch_id, [Result(Outcome.ACCEPTED, "p2")]),
        *core.reported(2, [Report("p2", None, State.DELIVERED, "")]),
        *core.answered(3, one.batch_id, [Result(Outcome.PERMANENT)]),
    ]
    assert [(each.state, each.route) for each in changes if isinstance(each, Change)] == [
        (State.SENT, "b"),
        (State.DELIVERED, "b"),
        (State.FAILED, "a"),
    ]


def test_a_withdrawn_batch_goes_again_in_order_and_has_cost_no_attempt(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits(max_in_flight=1))
    messages = [message() for _ in range(3)]
    (batch,) = core.offer(0, messages)
    assert isinstance(batch, SubmitBatch)
    (again,) = core.withdrawn(1, batch.batch_id)
    assert isinstance(again, SubmitBatch)
    assert list(again.messages) == messages
    assert core.state(LATER).in_flight == core.state(LATER).routes[0].in_flight == 1
    effects = core.answered(2, again.batch_id, [Result(Outcome.ACCEPTED, each.key) for each in messages])
    assert {each.attempts for each in effects if isinstance(each, Change)} == {1}
    with pytest.raises(ValueError, match="not in flight"):
        core.withdrawn(3, again.batch_id)


def test_a_withdrawn_message_that_has_run_out_of_time_is_not_submitted(
    dispatcher: MakeDispatcher, message: Make
) -> None:
    core = dispatcher()
    (batch,) = core.offer(0, [message(Lane.OTP, expires_ns=5 * S)])
    assert isinstance(batch, SubmitBatch)
    assert changed(core.withdrawn(5 * S, batch.batch_id)) == [("expired", "expired")]


def test_what_a_report_has_ended_meanwhile_is_not_given_back(
    dispatcher: MakeDispatcher, message: Make
) -> None:
    core = dispatcher()
    one = message()
    (batch,) = core.recover(0, [left(one, "a", 0)])
    assert isinstance(batch, SubmitBatch)
    core.reported(1, [Report("p", one.key, State.DELIVERED, "")])
    assert core.withdrawn(2, batch.batch_id) == []
    assert core.state(LATER).open == 0


@pytest.mark.parametrize(("attempts", "ends"), [(1, False), (2, True)])
def test_attempts_of_an_earlier_process_count(
    dispatcher: MakeDispatcher, message: Make, attempts: int, ends: bool
) -> None:
    core = dispatcher(max_attempts=3)
    (batch,) = core.recover(0, [left(message(), "a", 0, attempts=attempts)])
    assert isinstance(batch, SubmitBatch)
    effects = core.answered(0, batch.batch_id, [Result(Outcome.RETRYABLE, reason="201")])
    assert changed(effects) == ([("expired", "outcome_unknown")] if ends else [])


def test_a_route_continues_when_another_takes_the_message_it_could_not(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits("small", segments_burst=4.0), limits("large", max_batch=1, max_in_flight=1))
    large, small = message(segments=5), message()
    assert submitted(core.offer(0, [large, small])) == [(large.key, "large"), (small.key, "small")]


def test_an_attempt_of_unknown_time_may_be_as_old_as_its_message(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits(idempotency_window_s=60))
    one = message(created_ns=0)
    assert changed(core.recover(61 * S, [left(one, "a", None)])) == [("expired", "outcome_unknown")]


@pytest.mark.parametrize("reason", ["recipient_opted_out", ""])
def test_a_repeat_that_is_refused_leaves_the_outcome_unknown(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, reason: str
) -> None:
    """The provider accepted the first attempt, perhaps, and the recipient answered STOP to it."""
    core = dispatcher(limits())
    one = message()
    (batch,) = core.offer(S, [one])
    assert isinstance(batch, SubmitBatch)
    core.answered(S, batch.batch_id, [Result(Outcome.UNKNOWN)])
    due_ns = core.next_deadline()
    assert due_ns is not None
    (again,) = core.advance(due_ns)
    assert isinstance(again, SubmitBatch)
    (ended,) = core.answered(due_ns, again.batch_id, [Result(Outcome.PERMANENT, reason=reason)])
    assert isinstance(ended, Change)
    assert (ended.state, ended.reason) == (State.EXPIRED, "outcome_unknown")
    (delivered,) = core.reported(due_ns, [Report("p", one.key, State.DELIVERED, "")])
    assert isinstance(delivered, Change)
    assert delivered.state is State.DELIVERED
