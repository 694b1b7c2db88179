"""For how long ready messages were held back, and by what."""

from __future__ import annotations

from dispatch_steps import Make, MakeDispatcher, MakeLimits, Pick
from nanoseconds import S

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import Lane, Outcome, Result


def waited(dispatcher: Dispatcher, now_ns: int) -> dict[str, float]:
    return {what: seconds for what, seconds in dispatcher.state(now_ns).waited_s.items() if seconds}


def test_own_rate_limits(dispatcher: MakeDispatcher, limits: MakeLimits, message: Make) -> None:
    core = dispatcher(limits(requests_per_s=1.0, requests_burst=1.0, max_batch=1), otp_reserved_requests=0)
    core.offer(0, [message(Lane.OTP) for _ in range(3)])
    assert waited(core, 0) == {}
    assert waited(core, S // 2) == {"pacing": 0.5}, "no call came meanwhile"
    core.advance(S)
    core.advance(2 * S)
    assert waited(core, 2 * S) == {"pacing": 2.0}
    assert waited(core, 9 * S) == {"pacing": 2.0}, "nothing waits any more"


def test_requests_that_are_not_answered(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_in_flight=1, max_batch=1))
    (batch,) = batches(core.offer(0, [message(Lane.OTP) for _ in range(2)]))
    core.answered(3 * S, batch.batch_id, [Result(Outcome.ACCEPTED, "p-1")])
    assert waited(core, 3 * S) == {"in_flight": 3.0}


def test_nothing_waits_after_the_last_message_expired(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits(requests_per_s=1.0, requests_burst=1.0, max_batch=1), otp_reserved_requests=0)
    core.offer(0, [message(Lane.OTP), message(Lane.OTP, expires_ns=55 * S // 100)])
    core.advance(57 * S // 100)  # before the expiry is due, by its grain
    assert core.open_messages == 1
    assert waited(core, 9 * S) == {"pacing": 0.57}


def test_a_pause_after_a_refusal(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make, batches: Pick
) -> None:
    core = dispatcher(limits(max_batch=1))
    (batch,) = batches(core.offer(0, [message(Lane.OTP)]))
    core.answered(0, batch.batch_id, [Result(Outcome.THROTTLED, retry_after_s=2.0)])
    due_ns = core.next_deadline()
    core.offer(S, [message(Lane.OTP)])
    core.advance(max(due_ns, 2 * S))
    assert set(waited(core, max(due_ns, 2 * S))) == {"pause"}


def test_the_routes_limits_are_reported(dispatcher: MakeDispatcher, limits: MakeLimits) -> None:
    gauges = dispatcher(limits("a", requests_per_s=7.0)).state(0).gauges()
    assert (gauges["route_a_requests_per_s"], gauges["route_a_max_in_flight"]) == (7.0, 8)
    assert gauges["waited_pacing_s"] == 0.0
