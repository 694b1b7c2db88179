"""Messages that must not be sent for now: they leave the dispatcher, and come back with their attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits, Pick, accepted, all_with, only, run_until
from nanoseconds import S

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import (
    Change,
    Effect,
    Hedge,
    Lane,
    Message,
    Outcome,
    SetAside,
    State,
    SubmitBatch,
)


def set_aside(effects: Sequence[Effect]) -> list[Message]:
    return [each.message for each in effects if isinstance(each, SetAside)]


def test_attempts_from_before_a_pause_count(dispatcher: MakeDispatcher, message: Make) -> None:
    core: Dispatcher = dispatcher(max_attempts=3)
    one = message(Lane.MARKETING)
    held = False
    core.bar(lambda _: held)
    effects, tries, now_ns = list(core.offer(0, [one])), 0, 0
    ended: list[Change] = []
    while not ended:
        for effect in effects:
            if isinstance(effect, SubmitBatch):
                tries += 1
                effects = list(core.answered(now_ns, effect.batch_id, all_with(Outcome.RETRYABLE, effect)))
        ended = [each for each in effects if isinstance(each, Change)]
        if not ended:
            held = True
            (back,) = set_aside(core.set_aside(now_ns))
            held = False
            now_ns += S
            effects = list(core.offer(now_ns, [back]))
    assert (tries, ended[0].state, ended[0].attempts) == (3, State.FAILED, 3)
    assert not any(core.kept().values())


def test_a_message_that_ends_while_it_is_set_aside_keeps_its_attempts(
    dispatcher: MakeDispatcher, message: Make, batches: Pick
) -> None:
    core: Dispatcher = dispatcher()
    (batch,) = batches(core.offer(0, [message(Lane.MARKETING)]))
    core.answered(0, batch.batch_id, all_with(Outcome.RETRYABLE, batch))
    core.bar(lambda _: True)
    (back,) = set_aside(core.set_aside(0))
    change = only(core.end(S, [(back, State.FAILED, "cancelled")]))
    assert (change.state, change.attempts) == (State.FAILED, 1)
    assert not any(core.kept().values())


def waiting_second(core: Dispatcher, make: Make, batches: Pick, **fields: Any) -> tuple[int, Message]:
    """The second message of an OTP, which waits for a token of route b, and the time."""
    firsts = [make(Lane.OTP, **fields) for _ in range(2)]
    for batch in batches(core.offer(0, firsts)):
        core.answered(0, batch.batch_id, accepted(batch))
    hedges = [each.message for _, each in run_until(core, S) if isinstance(each, Hedge)]
    assert len(hedges) == 2
    for number, second in enumerate(hedges):
        fields = {"message_id": 100 + number}
        effects = core.offer(S, [make(**{**as_fields(second), **fields})], {100: 5 * S, 101: 5 * S})
        for batch in batches(effects):
            core.answered(S, batch.batch_id, accepted(batch))
    return S, make(**{**as_fields(hedges[1]), "message_id": 101})


def as_fields(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


@pytest.fixture
def hedging(dispatcher: MakeDispatcher, limits: MakeLimits) -> Dispatcher:
    core: Dispatcher = dispatcher(
        limits("a"),
        limits("b", requests_per_s=0.01, requests_burst=1.0, max_batch=1),
        hedge_otp_after_s=1.0,
        otp_reserved_requests=0,
    )
    return core


def test_a_second_message_that_waits_is_set_aside_by_the_rules(
    hedging: Dispatcher, message: Make, batches: Pick
) -> None:
    now_ns, second = waiting_second(hedging, message, batches)
    hedging.bar(lambda _: True)
    assert [each.key for each in set_aside(hedging.set_aside(now_ns))] == [second.key]


def test_a_second_message_keeps_opening_hours(hedging: Dispatcher, message: Make, batches: Pick) -> None:
    now_ns, second = waiting_second(hedging, message, batches)
    effects = [each for _, each in run_until(hedging, now_ns + 10 * S)]
    assert [each.key for each in set_aside(effects)] == [second.key]


def test_a_second_message_follows_a_step_of_the_wall_clock(
    hedging: Dispatcher, message: Make, batches: Pick
) -> None:
    now_ns, second = waiting_second(hedging, message, batches)
    effects = hedging.set_wall(now_ns, 3_600 * S, lambda each: (each, now_ns))
    assert [each.key for each in set_aside(effects)] == [second.key]
