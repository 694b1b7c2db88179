"""A dispatcher that has a share of the limits of its routes, since other senders use the same contract."""

from __future__ import annotations

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits, Pick, accepted, run_until
from nanoseconds import LATER, S

from reference_sender.dispatch.values import Lane, Recovered, Report, State, SubmitBatch


def test_nothing_is_submitted_without_a_share_and_the_first_share_starts_without_tokens(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(requests_per_s=10, requests_burst=10, max_batch=1))
    assert core.divide(0, 0.0) == []
    assert batches(core.offer(0, [message(Lane.OTP) for _ in range(20)])) == []
    assert run_until(core, 10 * S) == []
    core.divide(10 * S, 0.5)
    sent = [effect for _, effect in run_until(core, 11 * S) if isinstance(effect, SubmitBatch)]
    assert len(sent) == 4, "5 a second, but half of 8 requests may be unanswered"
    assert core.state(LATER).routes[0].requests_per_s == 5


def test_a_share_too_small_for_one_request_is_refused(dispatcher: MakeDispatcher, limits: MakeLimits) -> None:
    core = dispatcher(limits(max_in_flight=3))
    with pytest.raises(ValueError, match="max_in_flight 3 is below 1"):
        core.divide(0, 0.3)
    assert core.state(LATER).routes[0].max_in_flight == 3


def test_a_dispatcher_knows_reports_of_its_own_messages_only(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits())
    queued = message(Lane.OTP)
    (batch,) = batches(core.offer(0, [queued]))
    assert core.knows(Report("p", queued.key, State.DELIVERED, "")), "by the key, before the answer"
    assert not core.knows(Report(f"p-{queued.key}", None, State.DELIVERED, ""))
    core.answered(1, batch.batch_id, accepted(batch))
    assert core.knows(Report(f"p-{queued.key}", None, State.DELIVERED, ""))
    assert not core.knows(Report("p", "of another node", State.DELIVERED, ""))


def test_messages_of_another_sender_are_taken_at_any_time(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(), report_timeout_s=100)
    own = message(Lane.OTP)
    (batch,) = batches(core.offer(50 * S, [own]))
    core.answered(50 * S, batch.batch_id, accepted(batch))
    older = Recovered(message(Lane.OTP), State.SENT, 1, "p-older", 10 * S, "r")
    waiting = Recovered(message(Lane.OTP), State.QUEUED, 0, None, None)
    (batch,) = batches(core.recover(60 * S, [older, waiting]))
    assert batch.messages == (waiting.message,)
    assert core.ready(Lane.OTP) == 0
    ended = [effect for _, effect in run_until(core, 149 * S)]
    assert ended == [], "its report may take as long as that of the message sent last"
    ended = [effect.key for _, effect in run_until(core, 152 * S)]
    assert ended == [own.key, older.message.key]
