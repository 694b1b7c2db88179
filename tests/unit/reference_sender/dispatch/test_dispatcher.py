"""The dispatcher as its driver sees it: what goes in when, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.expiry import GRAIN_NS
from reference_sender.dispatch.values import (
    Lane,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    RouteLimits,
    State,
    SubmitBatch,
)

SECOND = 1_000_000_000
MS = 1_000_000

Make = Callable[..., Message]
MakeDispatcher = Callable[..., Dispatcher]
MakeLimits = Callable[..., RouteLimits]
Pick = Callable[..., list[Any]]


def all_with(outcome: Outcome, batch: SubmitBatch, **fields: Any) -> list[Result]:
    return [Result(outcome, **fields) for _ in batch.messages]


def accepted(batch: SubmitBatch) -> list[Result]:
    return [Result(Outcome.ACCEPTED, provider_id=f"p-{message.key}") for message in batch.messages]


def only(effects: Sequence[Any]) -> Any:
    (effect,) = effects
    return effect


def run_until(dispatcher: Dispatcher, until_ns: int) -> list[tuple[int, Any]]:
    """Advance by the dispatcher's own deadlines; returns the effects with their times."""
    seen: list[tuple[int, Any]] = []
    while (deadline_ns := dispatcher.next_deadline()) is not None and deadline_ns <= until_ns:
        seen.extend((deadline_ns, effect) for effect in dispatcher.advance(deadline_ns))
    seen.extend((until_ns, effect) for effect in dispatcher.advance(until_ns))
    return seen


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
    assert run_until(core, 73 * 3600 * SECOND) == []
    assert core.next_deadline() is None
    assert core.state().open == 0


def test_a_batch_is_what_waits_when_the_route_may_send(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1, max_batch=10))
    (first,) = batches(core.offer(0, [message()]))
    assert batches(core.offer(1, [message() for _ in range(4)])) == []
    (second,) = batches(core.answered(2, first.batch_id, accepted(first)))
    assert len(second.messages) == 4


def test_an_otp_never_shares_a_request_and_goes_first(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1, max_batch=10))
    (first,) = batches(core.offer(0, [message(Lane.MARKETING) for _ in range(25)]))
    core.offer(1, [message(), message(Lane.OTP), message(), message(Lane.OTP)])
    lanes = []
    batch = first
    while batch is not None:
        lanes.append({each.lane for each in batch.messages})
        batch = next(iter(batches(core.answered(2, batch.batch_id, accepted(batch)))), None)
    marketing = {Lane.MARKETING}
    assert lanes == [marketing, {Lane.OTP}, {Lane.TRANSACTIONAL}, marketing, marketing]


def test_bulk_leaves_tokens_and_a_place_for_an_otp(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    for tight in ({"requests_burst": 4}, {"max_in_flight": 4}):
        core = dispatcher(limits(**{"requests_per_s": 1, "max_in_flight": 50, "max_batch": 10, **tight}))
        assert len(batches(core.offer(0, [message(Lane.MARKETING) for _ in range(500)]))) == 3
        assert len(batches(core.offer(0, [message(Lane.OTP)]))) == 1
    core = dispatcher(limits(segments_burst=40, segments_per_s=10))
    (bulk,) = batches(core.offer(0, [message(Lane.MARKETING) for _ in range(500)]))
    assert len(bulk.messages) == 30
    (urgent,) = batches(core.offer(0, [message(Lane.OTP, segments=10)]))
    assert urgent.messages[0].lane is Lane.OTP


def test_a_reserve_is_no_standstill(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    tight = limits(requests_burst=1, requests_per_s=1, segments_burst=6, segments_per_s=6, max_in_flight=1)
    core = dispatcher(tight)
    (batch,) = batches(core.offer(0, [message(Lane.MARKETING, segments=6) for _ in range(3)]))
    times = [0]
    for _ in range(2):
        core.answered(times[-1], batch.batch_id, accepted(batch))
        times.append(times[-1] + SECOND)
        batch = only([effect for _, effect in run_until(core, times[-1])])
    assert len(batch.messages) == 1


def test_marketing_keeps_its_share_in_a_flood_above(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_batch=10, max_in_flight=2), transactional_share=0.2, marketing_share=0.1)
    effects = [*core.offer(0, [message(lane) for lane in Lane for _ in range(2000)])]
    sent = dict.fromkeys(Lane, 0)
    open_batches = batches(effects)
    for now_ns in range(1, 400):
        batch = open_batches.pop(0)
        for each in batch.messages:
            sent[each.lane] += 1
        open_batches += batches(core.answered(now_ns, batch.batch_id, accepted(batch)))
        if sent[Lane.OTP] >= 1500:
            break
    total = sum(sent.values())
    assert sent[Lane.TRANSACTIONAL] / total == pytest.approx(0.2, abs=0.03)
    assert sent[Lane.MARKETING] / total == pytest.approx(0.1, abs=0.03)


def test_throttling_slows_the_route_and_costs_no_attempts(
    dispatcher: MakeDispatcher, message: Make, batches: Pick
) -> None:
    core = dispatcher(max_attempts=1, throttle_base_s=1, throttle_cap_s=8)
    messages = [message() for _ in range(3)]
    (batch,) = batches(core.offer(0, messages))
    now_ns, pauses = 0, []
    for _ in range(5):
        assert core.answered(now_ns, batch.batch_id, all_with(Outcome.THROTTLED, batch)) == []
        assert batches(core.offer(now_ns, [message()])) == []  # new ones wait too
        ((at_ns, batch),) = run_until(core, now_ns + 9 * SECOND)[:1]
        pauses.append((at_ns - now_ns) / SECOND)
        now_ns += 9 * SECOND
        assert batch.messages[:3] == tuple(messages)  # in their old order, before the newer ones
    for pause_s, ceiling_s in zip(pauses, [1, 2, 4, 8, 8], strict=True):
        assert ceiling_s / 2 <= pause_s <= ceiling_s + 0.01


def test_requests_throttled_together_pause_the_route_once(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_batch=1), throttle_base_s=1, throttle_cap_s=1000)
    together = batches(core.offer(0, [message(Lane.OTP) for _ in range(8)]))
    assert len(together) == 8
    for batch in together:
        core.answered(1, batch.batch_id, all_with(Outcome.THROTTLED, batch))
    assert core.state().routes[0].paused_s <= 1


def test_batches_that_are_always_too_large_shrink_and_grow_again(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1), throttle_base_s=1, throttle_cap_s=1)
    found = batches(core.offer(0, [message(Lane.MARKETING) for _ in range(1000)]))
    now_ns, sizes = 0, []
    for _ in range(12):
        sizes.append(len(found[0].messages))
        results = accepted(found[0]) if sizes[-1] <= 30 else all_with(Outcome.THROTTLED, found[0])
        found = batches(core.answered(now_ns, found[0].batch_id, results))
        if not found:
            now_ns += 2 * SECOND
            found = [effect for _, effect in run_until(core, now_ns)]
    # Full size three times, then halves until one is taken; from there two more (100 / 50) each time.
    assert sizes == [100, 100, 100, 50, 25, 27, 29, 31, 31, 31, 15, 17]


def test_a_route_s_retry_after_is_kept_and_leaves_no_burst(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(requests_per_s=10, requests_burst=50, max_batch=1, max_in_flight=100))
    first, *others = batches(core.offer(0, [message(Lane.OTP) for _ in range(90)]))
    for batch in others:
        core.answered(1, batch.batch_id, accepted(batch))
    core.answered(2, first.batch_id, all_with(Outcome.THROTTLED, first, retry_after_s=3.0))
    times = [at_ns for at_ns, effect in run_until(core, 4 * SECOND) if type(effect) is SubmitBatch]
    assert min(times) >= 3 * SECOND + 2
    assert len(times) == 9  # 10/s from then on, with nothing saved up


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
    ((at_ns, again),) = run_until(core, 200 * SECOND)
    assert (again.route, again.messages) == ("a", (one,))
    assert at_ns >= 100 * SECOND


def test_an_unknown_outcome_is_not_repeated_once_the_provider_forgets_keys(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(idempotency_window_s=60), route_down_pause_s=100)
    one = message()
    (batch,) = batches(core.offer(SECOND, [one]))
    core.answered(2 * SECOND, batch.batch_id, all_with(Outcome.UNKNOWN, batch))
    seen = run_until(core, 30 * SECOND)
    again = seen[0][1]
    core.answered(30 * SECOND, again.batch_id, all_with(Outcome.ROUTE_DOWN, again))
    ((at_ns, change),) = run_until(core, 500 * SECOND)
    assert (change.state, change.reason) == (State.EXPIRED, "outcome_unknown")
    assert 61 * SECOND <= at_ns <= 61 * SECOND + GRAIN_NS
    late = only(core.reported(501 * SECOND, [Report("p", one.key, State.DELIVERED, "")]))
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
    assert core.state().between_attempts == 1
    ((at_ns, again),) = run_until(core, 40 * SECOND)
    assert (at_ns, again.messages) == (30 * SECOND, (one,))


def test_the_breaker_stops_the_route_and_probes_with_one_message(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(
        limits(max_in_flight=3), breaker_failures=3, breaker_open_s=10, otp_reserved_in_flight=0
    )
    failing = [batches(core.offer(0, [message() for _ in range(100)]))[0] for _ in range(3)]
    for batch in failing:
        core.answered(1, batch.batch_id, all_with(Outcome.RETRYABLE, batch))
    assert core.state().routes[0].breaker == "open"
    assert batches(core.offer(2, [message()])) == []
    ((at_ns, probe),) = run_until(core, 10 * SECOND + 1)
    assert at_ns >= 5 * SECOND
    assert len(probe.messages) == 1
    rest = batches(core.answered(11 * SECOND, probe.batch_id, accepted(probe)))
    assert sum(len(batch.messages) for batch in rest) == 300
    assert core.state().routes[0].breaker == "closed"


def test_an_expired_message_is_never_sent(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1))
    (first,) = batches(core.offer(0, [message(Lane.OTP)]))
    late, fine = message(Lane.OTP, expires_ns=SECOND + 1), message(Lane.OTP)
    core.offer(1, [late, fine])
    effects = core.answered(SECOND + 1, first.batch_id, accepted(first))  # before the index would notice
    assert changes(effects)[1] == (late.key, "expired", "expired")
    assert [batch.messages for batch in batches(effects)] == [(fine,)]


def test_expiry_is_noticed_while_nothing_can_be_sent(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1))
    core.offer(0, [message()])
    core.offer(0, [message(Lane.OTP, expires_ns=5 * SECOND) for _ in range(3)])
    seen = run_until(core, 10 * SECOND)
    assert [effect.state for _, effect in seen] == [State.EXPIRED] * 3
    assert {at_ns for at_ns, _ in seen} == {5 * SECOND}
    assert core.state().queue_otp == 0


def test_a_retry_past_the_expiry_is_never_made(
    dispatcher: MakeDispatcher, message: Make, batches: Pick
) -> None:
    core = dispatcher()
    (batch,) = batches(core.offer(0, [message(Lane.OTP, expires_ns=10 * SECOND)]))
    core.answered(1, batch.batch_id, [Result(Outcome.RETRYABLE, retry_after_s=60.0)])
    ((at_ns, change),) = run_until(core, 100 * SECOND)
    assert (at_ns, change.state) == (10 * SECOND, State.EXPIRED)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.RETRYABLE])
def test_a_report_may_come_before_its_answer(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick, outcome: Outcome
) -> None:
    core = dispatcher()
    one, two = message(), message()
    (batch,) = batches(core.offer(0, [one, two]))
    early = [Report("p-1", one.key, State.DELIVERED, ""), Report("p-2", two.key, State.SENT, "")]
    assert changes(core.reported(1, early)) == [(one.key, "delivered", ""), (two.key, "sent", "")]
    assert core.answered(2, batch.batch_id, all_with(outcome, batch)) == []
    assert batches([effect for _, effect in run_until(core, 3600 * SECOND)]) == []
    assert changes(core.reported(3600 * SECOND, [Report("p-2", None, State.FAILED, "405")])) == [
        (two.key, "failed", "405")
    ]


def test_an_early_report_without_our_key_waits_for_the_answer_that_places_it(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher()
    one = message()
    (batch,) = batches(core.offer(0, [one]))
    assert core.reported(1, [Report(f"p-{one.key}", None, State.DELIVERED, "")]) == []
    assert core.reported(1, [Report("nobody's", None, State.DELIVERED, "")]) == []
    assert core.early_reports == 2
    assert changes(core.answered(2, batch.batch_id, accepted(batch))) == [(one.key, "delivered", "")]
    assert core.early_reports == 0
    assert core.state().totals["orphan_reports"] == 1


def test_a_report_that_settles_an_unanswered_attempt_ends_its_repeats(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher()
    one = message()
    (batch,) = batches(core.offer(0, [one]))
    core.answered(1, batch.batch_id, all_with(Outcome.UNKNOWN, batch))
    assert changes(core.reported(2, [Report("p", one.key, State.DELIVERED, "")])) == [
        (one.key, "delivered", "")
    ]
    assert run_until(core, 3600 * SECOND) == []
    assert core.state().open == 0


def test_repeated_regressing_late_and_unknown_reports(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher()
    one = message()
    (batch,) = batches(core.offer(0, [one]))
    core.answered(1, batch.batch_id, accepted(batch))

    def reports(*states: State) -> Sequence[Any]:
        return changes(core.reported(2, [Report(f"p-{one.key}", one.key, state, "") for state in states]))

    assert reports(State.SENT) == []
    assert reports(State.FAILED, State.FAILED, State.SENT, State.EXPIRED) == [(one.key, "failed", "")]
    assert reports(State.DELIVERED, State.FAILED, State.DELIVERED) == [(one.key, "delivered", "")]
    assert core.reported(2, [Report("p", "never-seen", State.DELIVERED, "")]) == []
    totals = core.state().totals
    assert (totals["late"], totals["repeated_reports"], totals["orphan_reports"]) == (1, 4, 3)


def test_a_report_that_never_comes_ends_the_wait(
    dispatcher: MakeDispatcher, message: Make, batches: Pick
) -> None:
    core = dispatcher(report_timeout_s=100)
    kept: list[SubmitBatch] = []
    for second in range(3):
        kept += batches(core.offer(second * SECOND, [message()]))
        core.answered(second * SECOND, kept[-1].batch_id, accepted(kept[-1]))
    core.reported(3 * SECOND, [Report("p-" + kept[0].messages[0].key, None, State.DELIVERED, "")])
    seen = run_until(core, 200 * SECOND)
    assert [(effect.key, effect.state, effect.reason) for _, effect in seen] == [
        (batch.messages[0].key, State.EXPIRED, "no_report") for batch in kept[1:]
    ]
    for second, (at_ns, _) in enumerate(seen, start=1):
        assert (100 + second) * SECOND <= at_ns <= (100 + second) * SECOND + SECOND // 10


def test_what_an_earlier_life_left_is_taken_up_again(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher(report_timeout_s=1000)
    queued, old, sent = message(), message(), message()
    now_ns = 10 * SECOND
    effects = core.recover(
        now_ns,
        [
            Recovered(queued, State.QUEUED, 3, None, None, "a", 9 * SECOND),
            Recovered(sent, State.SENT, 1, "p-2", 5 * SECOND),
            Recovered(old, State.SENT, 1, "p-1", 1 * SECOND),
        ],
    )
    (batch,) = batches(effects)
    assert batch.messages == (queued,)
    change = only(core.answered(now_ns, batch.batch_id, [Result(Outcome.ALREADY_ACCEPTED)]))
    assert (change.state, change.attempts) == (State.SENT, 4)
    assert changes(core.reported(now_ns, [Report("p-2", None, State.DELIVERED, "")])) == [
        (sent.key, "delivered", "")
    ]
    ((at_ns, change),) = run_until(core, 1005 * SECOND)
    assert (change.key, change.reason) == (old.key, "no_report")
    assert at_ns == 1001 * SECOND


def test_a_report_for_a_recovered_message_proves_that_it_was_sent(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, changes: Pick, batches: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1))
    first, second = message(), message(sender_id="Other")
    effects = core.recover(
        0, [Recovered(each, State.QUEUED, 0, None, None, "a", 0) for each in (first, second)]
    )
    assert changes(core.reported(1, [Report("p", second.key, State.DELIVERED, "")])) == [
        (second.key, "delivered", "")
    ]
    (batch,) = batches(effects)
    assert core.answered(2, batch.batch_id, accepted(batch))[1:] == []


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
    assert core.state().open == 0


def test_the_same_key_again_is_ignored(dispatcher: MakeDispatcher, message: Make, batches: Pick) -> None:
    core = dispatcher()
    one = message()
    (batch,) = batches(core.offer(0, [one, one]))
    assert batch.messages == (one,)
    core.answered(1, batch.batch_id, accepted(batch))
    assert core.offer(2, [one]) == []
    assert core.state().totals["duplicate_offers"] == 2


def test_linger_gathers_a_batch_but_not_longer_than_said(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_batch=3), marketing_linger_s=0.5)
    assert core.offer(0, [message(Lane.MARKETING)]) == []
    assert core.next_deadline() == SECOND // 2
    (full,) = batches(core.offer(1, [message(Lane.MARKETING, created_ns=1) for _ in range(2)]))
    assert len(full.messages) == 3
    core.offer(2, [message(Lane.MARKETING, created_ns=2)])
    ((at_ns, batch),) = run_until(core, SECOND)
    assert (at_ns, len(batch.messages)) == (SECOND // 2 + 2, 1)


def test_short_segment_tokens_are_saved_up_for_fewer_requests(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(
        limits(segments_per_s=200, segments_burst=100), token_wait_s=0.05, otp_reserved_segments=0
    )
    (first,) = batches(core.offer(0, [message() for _ in range(200)]))
    core.answered(0, first.batch_id, accepted(first))
    seen = run_until(core, SECOND // 5)
    assert [(at_ns, len(batch.messages)) for at_ns, batch in seen] == [
        (50 * MS, 10),  # 200/s * 0.05 s
        (100 * MS, 10),
        (150 * MS, 10),
        (200 * MS, 10),
    ]


def test_a_wrong_answer_changes_nothing(dispatcher: MakeDispatcher, message: Make, batches: Pick) -> None:
    core = dispatcher()
    (batch,) = batches(core.offer(7, [message(), message()]))
    before = core.state()
    with pytest.raises(ValueError, match="has 2 messages, not 1"):
        core.answered(8, batch.batch_id, [Result(Outcome.ACCEPTED)])
    with pytest.raises(ValueError, match="not in flight"):
        core.answered(8, batch.batch_id + 1, [])
    with pytest.raises(ValueError, match="time went back"):
        core.advance(6)
    assert core.state() == before
    core.answered(8, batch.batch_id, accepted(batch))
    with pytest.raises(ValueError, match="not in flight"):
        core.answered(9, batch.batch_id, accepted(batch))


def test_routes_that_allow_nothing_are_refused_all_faults_at_once(
    dispatcher: MakeDispatcher, limits: MakeLimits
) -> None:
    with pytest.raises(ValueError, match=r"different names.*requests_per_s.*max_batch"):
        dispatcher(limits(requests_per_s=0), limits(max_batch=0))
