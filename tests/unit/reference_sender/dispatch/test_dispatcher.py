"""The dispatcher as its driver sees it: what goes in when, and what comes out."""

from __future__ import annotations

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits, Pick, accepted, all_with, only, run_until
from nanoseconds import LATER, S

from reference_sender.dispatch.expiry import GRAIN_NS
from reference_sender.dispatch.values import (
    Lane,
    Outcome,
    Recovered,
    Report,
    Result,
    State,
)


def test_from_offer_to_delivered(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core, one = dispatcher(), message()
    (batch,) = batches(core.offer(0, [one]))
    assert (batch.route, batch.messages) == ("a", (one,))
    assert changes(core.answered(5, batch.batch_id, accepted(batch))) == [(one.key, "sent", "")]
    change = only(core.reported(9, [Report(f"p-{one.key}", None, State.DELIVERED, "ok")]))
    assert (change.state, change.reason, change.provider_id) == (State.DELIVERED, "ok", f"p-{one.key}")
    assert (change.message_id, change.attempts, change.at_ns) == (one.message_id, 1, 9)
    assert core.next_deadline() is not None  # a stale look at report timeouts, and then nothing
    assert run_until(core, 73 * 3600 * S) == []
    assert core.next_deadline() is None
    assert core.state(LATER).open == 0


def test_a_batch_is_what_waits_when_the_route_may_send(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1, max_batch=10))
    (first,) = batches(core.offer(0, [message()]))
    assert batches(core.offer(1, [message() for _ in range(4)])) == []
    (second,) = batches(core.answered(2, first.batch_id, accepted(first)))
    assert len(second.messages) == 4


def test_an_unknown_outcome_is_repeated_with_its_key_on_its_route_only(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits("a"), limits("b"), route_down_pause_s=100)
    one, other = message(), message()
    (batch,) = batches(core.offer(0, [one]))
    core.answered(1, batch.batch_id, all_with(Outcome.UNKNOWN, batch))
    (down,) = batches(core.offer(2, [other]))
    (moved,) = batches(core.answered(3, down.batch_id, all_with(Outcome.ROUTE_DOWN, down)))
    assert (moved.route, moved.messages) == ("b", (other,))  # nobody took it: any route may
    core.answered(4, moved.batch_id, accepted(moved))
    ((at_ns, again),) = run_until(core, 200 * S)
    assert (again.route, again.messages) == ("a", (one,))
    assert at_ns >= 100 * S


def test_an_unknown_outcome_is_not_repeated_once_the_provider_forgets_keys(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(idempotency_window_s=60), route_down_pause_s=100)
    one = message()
    (batch,) = batches(core.offer(S, [one]))
    core.answered(2 * S, batch.batch_id, all_with(Outcome.UNKNOWN, batch))
    seen = run_until(core, 30 * S)
    again = seen[0][1]
    core.answered(30 * S, again.batch_id, all_with(Outcome.ROUTE_DOWN, again))
    ((at_ns, change),) = run_until(core, 500 * S)
    assert (change.state, change.reason) == (State.EXPIRED, "outcome_unknown")
    assert 61 * S <= at_ns <= 61 * S + GRAIN_NS
    late = only(core.reported(501 * S, [Report("p", one.key, State.DELIVERED, "")]))
    assert late.state is State.DELIVERED


def test_a_refused_batch_is_tried_one_by_one(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher()
    messages = [message() for _ in range(3)]
    (batch,) = batches(core.offer(0, messages))
    singles = batches(core.answered(1, batch.batch_id, all_with(Outcome.SPLIT, batch)))
    assert [single.messages for single in singles] == [(each,) for each in messages]
    effects = core.answered(2, singles[1].batch_id, [Result(Outcome.SPLIT, reason="13")])
    assert changes(effects) == [(messages[1].key, "failed", "13")]


def test_a_deferred_message_waits_alone(dispatcher: MakeDispatcher, message: Make, batches: Pick) -> None:
    core = dispatcher(max_attempts=1)
    one = message()
    (batch,) = batches(core.offer(0, [one]))
    core.answered(0, batch.batch_id, [Result(Outcome.DEFERRED, retry_after_s=30.0)])
    assert len(batches(core.offer(1, [message()]))) == 1
    assert core.state(LATER).between_attempts == 1
    ((at_ns, again),) = run_until(core, 40 * S)
    assert (at_ns, again.messages) == (30 * S, (one,))


def test_the_breaker_stops_the_route_and_probes_with_one_message(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(
        limits(max_in_flight=3), breaker_failures=3, breaker_open_s=10, otp_reserved_in_flight=0
    )
    failing = [batches(core.offer(0, [message() for _ in range(100)]))[0] for _ in range(3)]
    for batch in failing:
        core.answered(1, batch.batch_id, all_with(Outcome.RETRYABLE, batch))
    assert core.state(1).routes[0].breaker == "open"
    assert batches(core.offer(2, [message()])) == []
    ((at_ns, probe),) = run_until(core, 10 * S + 1)
    assert at_ns >= 5 * S
    assert len(probe.messages) == 1
    rest = batches(core.answered(11 * S, probe.batch_id, accepted(probe)))
    assert sum(len(batch.messages) for batch in rest) == 300
    assert core.state(11 * S).routes[0].breaker == "closed"


def test_an_expired_message_is_never_sent(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1))
    (first,) = batches(core.offer(0, [message(Lane.OTP)]))
    late, fine = message(Lane.OTP, expires_ns=S + 1), message(Lane.OTP)
    core.offer(1, [late, fine])
    effects = core.answered(S + 1, first.batch_id, accepted(first))  # before the index would notice
    assert changes(effects)[1] == (late.key, "expired", "expired")
    assert [batch.messages for batch in batches(effects)] == [(fine,)]


def test_expiry_is_noticed_while_nothing_can_be_sent(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1))
    core.offer(0, [message()])
    core.offer(0, [message(Lane.OTP, expires_ns=5 * S) for _ in range(3)])
    seen = run_until(core, 10 * S)
    assert [effect.state for _, effect in seen] == [State.EXPIRED] * 3
    assert {at_ns for at_ns, _ in seen} == {5 * S}
    assert core.state(LATER).queue_otp == 0


def test_a_retry_past_the_expiry_is_never_made(
    dispatcher: MakeDispatcher, message: Make, batches: Pick
) -> None:
    core = dispatcher()
    (batch,) = batches(core.offer(0, [message(Lane.OTP, expires_ns=10 * S)]))
    core.answered(1, batch.batch_id, [Result(Outcome.RETRYABLE, retry_after_s=60.0)])
    ((at_ns, change),) = run_until(core, 100 * S)
    assert (at_ns, change.state) == (10 * S, State.EXPIRED)


def test_unfinished_messages_of_an_earlier_process_are_continued(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher(report_timeout_s=1000)
    queued, old, sent = message(), message(), message()
    now_ns = 10 * S
    effects = core.recover(
        now_ns,
        [
            Recovered(queued, State.QUEUED, 3, None, None, "a", 9 * S),
            Recovered(sent, State.SENT, 1, "p-2", 5 * S),
            Recovered(old, State.SENT, 1, "p-1", 1 * S),
        ],
    )
    (batch,) = batches(effects)
    assert batch.messages == (queued,)
    change = only(core.answered(now_ns, batch.batch_id, [Result(Outcome.ALREADY_ACCEPTED)]))
    assert (change.state, change.attempts) == (State.SENT, 4)
    assert changes(core.reported(now_ns, [Report("p-2", None, State.DELIVERED, "")])) == [
        (sent.key, "delivered", "")
    ]
    ((at_ns, change),) = run_until(core, 1005 * S)
    assert (change.key, change.reason) == (old.key, "no_report")
    assert at_ns == 1001 * S


def test_the_backlog_is_bounded_and_keeps_room_for_otps(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits(max_in_flight=1, max_batch=1), max_backlog=10, otp_reserved_backlog=3)
    core.offer(0, [message() for _ in range(6)])
    assert core.has_room(1, Lane.MARKETING)
    assert not core.has_room(2, Lane.TRANSACTIONAL)
    assert core.has_room(4, Lane.OTP)
    assert not core.has_room(5, Lane.OTP)


def test_a_message_no_route_could_ever_take_fails_at_once(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, changes: Pick
) -> None:
    core = dispatcher(limits(segments_burst=5))
    one = message(segments=6)
    assert changes(core.offer(0, [one])) == [(one.key, "failed", "more_segments_than_any_route_allows")]
    assert core.state(LATER).open == 0


def test_the_same_key_again_is_ignored(dispatcher: MakeDispatcher, message: Make, batches: Pick) -> None:
    core = dispatcher()
    one = message()
    (batch,) = batches(core.offer(0, [one, one]))
    assert batch.messages == (one,)
    core.answered(1, batch.batch_id, accepted(batch))
    assert core.offer(2, [one]) == []
    assert core.state(LATER).totals["duplicate_offers"] == 2


def test_a_wrong_answer_changes_nothing(dispatcher: MakeDispatcher, message: Make, batches: Pick) -> None:
    core = dispatcher()
    (batch,) = batches(core.offer(7, [message(), message()]))
    before = core.state(8)
    with pytest.raises(ValueError, match="has 2 messages, not 1"):
        core.answered(8, batch.batch_id, [Result(Outcome.ACCEPTED)])
    with pytest.raises(ValueError, match="not in flight"):
        core.answered(8, batch.batch_id + 1, [])
    with pytest.raises(ValueError, match="time went back"):
        core.advance(6)
    assert core.state(8) == before
    core.answered(8, batch.batch_id, accepted(batch))
    with pytest.raises(ValueError, match="not in flight"):
        core.answered(9, batch.batch_id, accepted(batch))


def test_routes_that_allow_nothing_are_refused_all_faults_at_once(
    dispatcher: MakeDispatcher, limits: MakeLimits
) -> None:
    with pytest.raises(ValueError, match=r"different names.*requests_per_s.*max_batch"):
        dispatcher(limits(requests_per_s=0), limits(max_batch=0))
