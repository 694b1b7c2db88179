"""Rates, reserves, shares and pauses: when the dispatcher sends, and how much."""

from __future__ import annotations

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits, Pick, accepted, all_with, only, run_until
from nanoseconds import MS, S

from reference_sender.dispatch.values import (
    Lane,
    Outcome,
    SubmitBatch,
)


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


def test_a_reserve_of_one_lane_does_not_stop_the_route(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    tight = limits(requests_burst=1, requests_per_s=1, segments_burst=6, segments_per_s=6, max_in_flight=1)
    core = dispatcher(tight)
    (batch,) = batches(core.offer(0, [message(Lane.MARKETING, segments=6) for _ in range(3)]))
    times = [0]
    for _ in range(2):
        core.answered(times[-1], batch.batch_id, accepted(batch))
        times.append(times[-1] + S)
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
        ((at_ns, batch),) = run_until(core, now_ns + 9 * S)[:1]
        pauses.append((at_ns - now_ns) / S)
        now_ns += 9 * S
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
    assert core.state(1).routes[0].paused_s <= 1


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
            now_ns += 2 * S
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
    times = [at_ns for at_ns, effect in run_until(core, 4 * S) if type(effect) is SubmitBatch]
    assert min(times) >= 3 * S + 2
    assert len(times) == 7  # 7.6/s from then on, with nothing saved up


def test_linger_gathers_a_batch_but_not_longer_than_said(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_batch=3), marketing_linger_s=0.5)
    assert core.offer(0, [message(Lane.MARKETING)]) == []
    assert core.next_deadline() == S // 2
    (full,) = batches(core.offer(1, [message(Lane.MARKETING, created_ns=1) for _ in range(2)]))
    assert len(full.messages) == 3
    core.offer(2, [message(Lane.MARKETING, created_ns=2)])
    ((at_ns, batch),) = run_until(core, S)
    assert (at_ns, len(batch.messages)) == (S // 2 + 2, 1)


def test_short_segment_tokens_are_saved_up_for_fewer_requests(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(
        limits(segments_per_s=200, segments_burst=100), token_wait_s=0.05, otp_reserved_segments=0
    )
    (first,) = batches(core.offer(0, [message() for _ in range(200)]))
    core.answered(0, first.batch_id, accepted(first))
    seen = run_until(core, S // 5)
    assert [(at_ns, len(batch.messages)) for at_ns, batch in seen] == [
        (50 * MS, 10),  # 200/s * 0.05 s
        (100 * MS, 10),
        (150 * MS, 10),
        (200 * MS, 10),
    ]
