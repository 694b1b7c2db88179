"""A second route for an OTP whose first route gives no answer, such as a provider that hangs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits, accepted, all_with, run_until
from msgspec.structs import replace
from nanoseconds import LATER, S

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import (
    Change,
    Effect,
    Hedge,
    Lane,
    Message,
    Outcome,
    Recovered,
    Report,
    State,
    SubmitBatch,
)


@pytest.fixture
def core(dispatcher: MakeDispatcher, limits: MakeLimits) -> Dispatcher:
    return dispatcher(limits("a"), limits("b"), hedge_otp_after_s=10)


def batch_of(effects: Sequence[Effect]) -> SubmitBatch:
    (batch,) = [each for each in effects if isinstance(each, SubmitBatch)]
    return batch


def states(effects: Sequence[Effect]) -> list[tuple[str, State, str]]:
    return [(each.key, each.state, each.reason) for each in effects if isinstance(each, Change)]


def no_answer_on_a(core: Dispatcher, first: Message) -> SubmitBatch:
    batch = batch_of(core.offer(0, [first]))
    assert batch.route == "a"
    assert core.next_deadline() == 10 * S
    return batch


def second_of(core: Dispatcher, effects: Sequence[Effect], message: Make, now_ns: int) -> SubmitBatch:
    """The second message that ``effects`` ask for, stored and offered."""
    (hedge,) = [each for each in effects if isinstance(each, Hedge)]
    stored = message(Lane.OTP, key=hedge.message.key, expires_ns=hedge.message.expires_ns)
    return batch_of(core.offer(now_ns, [stored]))


def test_an_otp_in_flight_gets_a_second_route(core: Dispatcher, message: Make) -> None:
    first = message(Lane.OTP, expires_ns=300 * S)
    batch = no_answer_on_a(core, first)
    effects = core.advance(10 * S)
    (bound,) = [each for each in effects if isinstance(each, Change)]
    assert (bound.state, bound.reason, bound.route, bound.tried_ns) == (State.QUEUED, "hedged", "a", 0)
    second = second_of(core, effects, message, 10 * S)
    assert second.route == "b"
    core.answered(11 * S, second.batch_id, accepted(second))
    (key,) = [each.key for each in second.messages]
    effects = core.reported(12 * S, [Report(f"p-{key}", key, State.DELIVERED, "")])
    assert states(effects) == [
        (key, State.DELIVERED, ""),
        (first.key, State.DELIVERED, "delivered_by_second"),
    ]
    assert [each.provider_id for each in effects if isinstance(each, Change)] == [f"p-{key}", None]
    assert core.answered(15 * S, batch.batch_id, all_with(Outcome.UNKNOWN, batch)) == []
    assert not core.open_messages
    assert run_until(core, 1_000 * S) == []


def test_an_otp_whose_attempt_has_no_answer_gets_one_second_route(core: Dispatcher, message: Make) -> None:
    first = message(Lane.OTP, expires_ns=300 * S)
    batch = no_answer_on_a(core, first)
    core.answered(3 * S, batch.batch_id, all_with(Outcome.UNKNOWN, batch, reason="no_answer"))
    hedges: list[int] = []
    while (due_ns := core.next_deadline()) is not None:
        for each in core.advance(due_ns):
            if isinstance(each, Hedge):
                hedges.append(due_ns)
            if isinstance(each, SubmitBatch):
                assert each.route == "a"
                core.answered(due_ns, each.batch_id, all_with(Outcome.UNKNOWN, each))
    assert hedges == [10 * S]


def test_a_refused_attempt_does_not_count(core: Dispatcher, message: Make) -> None:
    """No provider has it then. The time begins with the next attempt."""
    batch = no_answer_on_a(core, message(Lane.OTP, expires_ns=300 * S))
    core.answered(5 * S, batch.batch_id, all_with(Outcome.DEFERRED, batch, retry_after_s=2.0))
    again = batch_of(core.advance(7 * S))
    core.answered(8 * S, again.batch_id, accepted(again))
    hedges = [at_ns for at_ns, each in run_until(core, 300 * S) if isinstance(each, Hedge)]
    assert hedges == [17 * S]


def test_a_request_that_was_not_sent_does_not_count(core: Dispatcher, message: Make) -> None:
    batch = no_answer_on_a(core, message(Lane.OTP, expires_ns=300 * S))
    again = batch_of(core.withdrawn(4 * S, batch.batch_id))
    core.answered(8 * S, again.batch_id, accepted(again))
    assert [at_ns for at_ns, each in run_until(core, 300 * S) if isinstance(each, Hedge)] == [14 * S]


def test_a_request_that_must_not_go_out_yet_may_not_go_when_its_second_route_is_due(
    core: Dispatcher, message: Make
) -> None:
    """The attempt waits for its commit, and the wall clock was set back to before its time."""
    batch = no_answer_on_a(core, message(Lane.OTP, expires_ns=300 * S, not_before_ns=1))
    core.set_wall(5 * S, -3600 * S, lambda each: (replace(each, expires_ns=3_900 * S), 5 * S))
    assert not core.may_still_go(6 * S, batch.batch_id)
    assert not [each for each in core.advance(10 * S) if isinstance(each, Hedge)]
    assert not core.may_still_go(11 * S, batch.batch_id)


def test_no_provider_gets_both_if_the_first_one_is_refused_after_all(core: Dispatcher, message: Make) -> None:
    batch = no_answer_on_a(core, message(Lane.OTP, expires_ns=300 * S))
    second = second_of(core, core.advance(10 * S), message, 10 * S)
    core.answered(11 * S, second.batch_id, accepted(second))
    effects = list(core.answered(12 * S, batch.batch_id, all_with(Outcome.ROUTE_DOWN, batch)))
    effects += [each for _, each in run_until(core, 280 * S)]
    assert {each.route for each in effects if isinstance(each, SubmitBatch)} <= {"a"}


def test_after_a_crash_the_second_one_is_sent_by_the_other_route(core: Dispatcher, message: Make) -> None:
    first, second = message(Lane.OTP, key="k"), message(Lane.OTP, key="k~2")
    kept = [
        Recovered(second, State.QUEUED, 0, None, None),
        Recovered(first, State.QUEUED, 1, None, None, "a", 5 * S),
    ]
    routes = {
        each.messages[0].key: each.route
        for each in core.recover(20 * S, kept)
        if isinstance(each, SubmitBatch)
    }
    assert routes == {"k": "a", "k~2": "b"}


def test_a_first_one_that_no_provider_has_needs_no_second(core: Dispatcher, message: Make) -> None:
    """It was refused before the second was stored, and any route may send it."""
    first = message(Lane.OTP, key="k", expires_ns=300 * S)
    batch = no_answer_on_a(core, first)
    core.answered(1 * S, batch.batch_id, all_with(Outcome.DEFERRED, batch, retry_after_s=50.0))
    (ended,) = core.offer(2 * S, [message(Lane.OTP, key="k~2")])
    assert isinstance(ended, Change)
    assert (ended.state, ended.reason) == (State.EXPIRED, "second_not_needed")
    assert core.state(LATER).totals["hedged"] == 0
