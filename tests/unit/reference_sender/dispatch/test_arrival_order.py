"""``order = "arrival"``: a sender without priorities, to see what priorities are worth."""

from __future__ import annotations

from collections.abc import Callable

from nanoseconds import LATER, S

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.arrival_queue import ArrivalQueue
from reference_sender.dispatch.ticket import Ticket
from reference_sender.dispatch.values import (
    Lane,
    Message,
    Outcome,
    Result,
    RouteLimits,
    State,
    SubmitBatch,
)

BUSY = Result(Outcome.RETRYABLE, reason="busy")


def test_nothing_overtakes(
    dispatcher: Callable[..., Dispatcher],
    message: Callable[..., Message],
    batches: Callable[..., list[SubmitBatch]],
    limits: Callable[..., RouteLimits],
) -> None:
    slow = limits(requests_per_s=1.0, requests_burst=1.0, max_in_flight=100)
    mixed = [message(lane) for lane in (Lane.MARKETING, Lane.OTP, Lane.TRANSACTIONAL, Lane.OTP) * 5]
    submitted = {}
    for order in ("arrival", "priority"):
        core = dispatcher(slow, order=order)
        effects = list(core.offer(0, mixed))
        for second in range(1, 30):
            effects += core.advance(second * S)
        submitted[order] = [each.key for batch in batches(effects) for each in batch.messages]
    assert submitted["arrival"] == [each.key for each in mixed]
    assert submitted["priority"] != submitted["arrival"]


def test_a_request_holds_one_class_and_one_sender(
    dispatcher: Callable[..., Dispatcher],
    message: Callable[..., Message],
    batches: Callable[..., list[SubmitBatch]],
    limits: Callable[..., RouteLimits],
) -> None:
    core = dispatcher(limits(max_in_flight=1), order="arrival")
    (first,) = batches(core.offer(0, [message(Lane.MARKETING)]))
    waiting = [message(Lane.MARKETING, campaign="a"), message(Lane.MARKETING, campaign="b")]
    waiting += [message(Lane.OTP), message(Lane.OTP, sender_id="Bank"), message(Lane.MARKETING)]
    core.offer(0, waiting)
    sizes: list[int] = []
    batch: SubmitBatch | None = first
    while batch is not None:
        effects = core.answered(0, batch.batch_id, [Result(Outcome.ACCEPTED, "1")] * len(batch.messages))
        batch = next(iter(batches(effects)), None)
        sizes += [] if batch is None else [len(batch.messages)]
    assert sizes == [2, 1, 1, 1]


def test_bulk_leaves_nothing_for_otps(
    dispatcher: Callable[..., Dispatcher],
    message: Callable[..., Message],
    batches: Callable[..., list[SubmitBatch]],
    limits: Callable[..., RouteLimits],
) -> None:
    # With priorities one of two places stays free for an OTP.
    for order, requests in (("arrival", 2), ("priority", 1)):
        core = dispatcher(limits(max_in_flight=2, max_batch=1), order=order)
        assert len(batches(core.offer(0, [message(Lane.MARKETING) for _ in range(3)]))) == requests


def test_the_backlog_is_open_to_all_alike(
    dispatcher: Callable[..., Dispatcher], message: Callable[..., Message]
) -> None:
    settings = {"max_backlog": 3, "otp_reserved_backlog": 2}
    assert dispatcher(order="arrival", **settings).has_room(3, Lane.MARKETING)
    assert not dispatcher(**settings).has_room(3, Lane.MARKETING)


def test_what_waits_is_counted_by_class(
    dispatcher: Callable[..., Dispatcher],
    message: Callable[..., Message],
    batches: Callable[..., list[SubmitBatch]],
    limits: Callable[..., RouteLimits],
) -> None:
    core = dispatcher(limits(max_in_flight=1), order="arrival")
    (batch,) = batches(core.offer(0, [message(Lane.OTP)]))
    core.offer(0, [message(lane) for lane in (Lane.MARKETING, Lane.TRANSACTIONAL, Lane.MARKETING)])
    state = core.state(LATER)
    assert (state.queue_otp, state.queue_transactional, state.queue_marketing) == (0, 1, 2)
    core.answered(0, batch.batch_id, [BUSY])
    # The OTP waits between attempts; what came after it continued meanwhile.
    state = core.state(LATER)
    assert (state.queue_otp, state.between_attempts, state.in_flight_messages) == (1, 1, 1)


def test_an_expired_message_is_passed_over(
    dispatcher: Callable[..., Dispatcher],
    message: Callable[..., Message],
    batches: Callable[..., list[SubmitBatch]],
    changes: Callable[..., list[tuple[str, str, str]]],
    limits: Callable[..., RouteLimits],
) -> None:
    core = dispatcher(limits(max_in_flight=1, max_batch=2), order="arrival")
    (batch,) = batches(core.offer(0, [message()]))
    old, fresh = message(expires_ns=S), message()
    core.offer(0, [old, fresh])
    effects = core.answered(S, batch.batch_id, [Result(Outcome.ACCEPTED, "1")])
    assert (old.key, "expired", "expired") in changes(effects)
    assert [each.key for each in batches(effects)[0].messages] == [fresh.key]


def test_many_that_end_while_nothing_is_taken_are_forgotten(
    dispatcher: Callable[..., Dispatcher], message: Callable[..., Message], limits: Callable[..., RouteLimits]
) -> None:
    core = dispatcher(limits(max_in_flight=1, max_batch=1), order="arrival")
    core.offer(0, [message() for _ in range(10)])
    core.offer(0, [message(expires_ns=S) for _ in range(3_000)])
    core.advance(2 * S)
    assert core.state(LATER).totals["expired"] == 3_000


def test_the_memory_of_tickets_that_ended_is_given_back(ticket: Callable[..., Ticket]) -> None:
    queue = ArrivalQueue()
    lasting, ending = [ticket() for _ in range(9)], [ticket() for _ in range(3_000)]
    for each in (*lasting, *ending):
        queue.put(each)
    assert queue.kept == 3_009
    for each in ending:
        each.state = State.EXPIRED
        queue.forget()
    assert queue.live == 9 and queue.kept <= 9 + 1_024 + 1
