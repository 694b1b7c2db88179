"""Delivery reports in any order, and those that never come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits, Pick, accepted, all_with, run_until
from nanoseconds import LATER, S

from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import (
    Change,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    State,
    SubmitBatch,
)


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
    assert batches([effect for _, effect in run_until(core, 3600 * S)]) == []
    assert changes(core.reported(3600 * S, [Report("p-2", None, State.FAILED, "405")])) == [
        (two.key, "failed", "405")
    ]


@pytest.mark.parametrize("state", [State.DELIVERED, State.FAILED])
def test_a_message_gets_its_provider_id_from_its_report_if_no_answer_gave_one(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, state: State
) -> None:
    """The answer to its first submit is lost, and its repeat is refused as already accepted."""
    core = dispatcher()
    one, two = message(), message()
    (batch,) = batches(core.offer(0, [one, two]))
    core.answered(1, batch.batch_id, [Result(Outcome.ACCEPTED), Result(Outcome.ACCEPTED, "p-2")])
    found = core.reported(2, [Report("p-1", one.key, state, ""), Report("x-2", two.key, state, "")])
    ids = {effect.key: effect.provider_id for effect in found if isinstance(effect, Change)}
    assert ids == {one.key: "p-1", two.key: "p-2"}


def test_an_early_report_without_our_key_waits_for_the_answer_that_places_it(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher()
    one = message()
    (batch,) = batches(core.offer(0, [one]))
    assert core.reported(1, [Report(f"p-{one.key}", None, State.DELIVERED, "")]) == []
    assert core.reported(1, [Report("unknown", None, State.DELIVERED, "")]) == []
    assert len(core.early) == 2
    assert changes(core.answered(2, batch.batch_id, accepted(batch))) == [(one.key, "delivered", "")]
    assert len(core.early) == 0
    assert core.state(LATER).totals["orphan_reports"] == 1


def test_a_report_of_no_message_in_flight_is_kept_only_until_the_batches_of_its_time_are_answered(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    """Under load a batch is in flight at every moment."""
    core = dispatcher()
    (batch,) = batches(core.offer(0, [message()]))
    for number in range(1, 100):
        now_ns = number * S
        one = message()
        (later,) = batches(core.offer(now_ns, [one]))
        repeat = Report(f"repeat-{number}", None, State.DELIVERED, "")
        core.reported(now_ns, [repeat, Report(f"p-{one.key}", None, State.DELIVERED, "")])
        core.answered(now_ns, batch.batch_id, accepted(batch))
        batch = later
        assert len(core.early) <= 3
        if number > 1:
            assert core.state(now_ns).totals["delivered"] == number - 1
    core.answered(100 * S, batch.batch_id, accepted(batch))
    totals = core.state(100 * S).totals
    assert (len(core.early), totals["delivered"], totals["orphan_reports"]) == (0, 99, 99)


def test_a_report_on_an_unanswered_attempt_ends_its_repeats(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher()
    one = message()
    (batch,) = batches(core.offer(0, [one]))
    core.answered(1, batch.batch_id, all_with(Outcome.UNKNOWN, batch))
    assert changes(core.reported(2, [Report("p", one.key, State.DELIVERED, "")])) == [
        (one.key, "delivered", "")
    ]
    assert run_until(core, 3600 * S) == []
    assert core.state(LATER).open == 0


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
    totals = core.state(LATER).totals
    assert (totals["late"], totals["repeated_reports"], totals["orphan_reports"]) == (1, 4, 3)


def test_a_report_that_never_comes_ends_the_wait(
    dispatcher: MakeDispatcher, message: Make, batches: Pick
) -> None:
    core = dispatcher(report_timeout_s=100)
    kept: list[SubmitBatch] = []
    for second in range(3):
        kept += batches(core.offer(second * S, [message()]))
        core.answered(second * S, kept[-1].batch_id, accepted(kept[-1]))
    core.reported(3 * S, [Report("p-" + kept[0].messages[0].key, None, State.DELIVERED, "")])
    seen = run_until(core, 200 * S)
    assert [(effect.key, effect.state, effect.reason) for _, effect in seen] == [
        (batch.messages[0].key, State.EXPIRED, "no_report") for batch in kept[1:]
    ]
    for second, (at_ns, _) in enumerate(seen, start=1):
        assert (100 + second) * S <= at_ns <= (100 + second) * S + S // 10


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


def test_reports_of_one_call_take_effect_in_their_order(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher()
    one, two, three, four = (message() for _ in range(4))
    (batch,) = batches(core.offer(0, [one, two, three, four]))
    core.answered(1, batch.batch_id, accepted(batch))
    call = [
        Report(f"p-{two.key}", two.key, State.DELIVERED, ""),
        Report(f"p-{one.key}", None, State.DELIVERED, "by id"),
        Report(f"p-{three.key}", three.key, State.FAILED, "406"),
        Report(f"p-{four.key}", four.key, State.DELIVERED, ""),
        Report(f"p-{two.key}", two.key, State.DELIVERED, "again"),
        Report(f"p-{three.key}", three.key, State.DELIVERED, "late"),
    ]
    assert changes(core.reported(2, call)) == [
        (two.key, "delivered", ""),
        (one.key, "delivered", "by id"),
        (three.key, "failed", "406"),
        (four.key, "delivered", ""),
        (three.key, "delivered", "late"),
    ]
    totals = core.state(LATER).totals
    assert (totals["delivered"], totals["failed"], totals["late"]) == (4, 1, 1)


def test_results_of_one_answer_take_effect_in_their_order(
    dispatcher: MakeDispatcher, message: Make, batches: Pick, changes: Pick
) -> None:
    core = dispatcher()
    made = [message() for _ in range(5)]
    (batch,) = batches(core.offer(0, made))
    refused = Result(Outcome.PERMANENT, reason="no")
    results = [Result(Outcome.ACCEPTED, f"p-{number}") for number in range(5)]
    results[1] = results[4] = refused
    assert changes(core.answered(1, batch.batch_id, results)) == [
        (made[0].key, "sent", ""),
        (made[1].key, "failed", "no"),
        (made[2].key, "sent", ""),
        (made[3].key, "sent", ""),
        (made[4].key, "failed", "no"),
    ]
    assert core.open_messages == 3


def sent_by_two_providers(core: Dispatcher, message: Make) -> tuple[Message, Message]:
    """Two messages with one id, since the ids of providers are their own."""
    one, two = message(), message()
    for each in (one, two):
        (batch,) = core.offer(0, [each])
        assert isinstance(batch, SubmitBatch)
        core.answered(0, batch.batch_id, [Result(Outcome.ACCEPTED, "17")])
    return one, two


def test_a_report_that_names_a_key_is_about_that_message_only(
    dispatcher: MakeDispatcher, message: Make, changes: Pick
) -> None:
    core = dispatcher()
    one, two = sent_by_two_providers(core, message)
    report = Report("17", one.key, State.FAILED, "no")
    assert changes(core.reported(1, [report])) == [(one.key, "failed", "no")]
    assert core.reported(2, [report]) == []
    delivered = Report("17", one.key, State.DELIVERED, "")
    assert changes(core.reported(3, [delivered, delivered])) == [(one.key, "delivered", "")]
    assert core.reported(4, [delivered, Report("17", "never-seen", State.DELIVERED, "")]) == []
    assert core.state(LATER).awaiting_report == 1
    assert changes(core.reported(5, [Report("17", None, State.DELIVERED, "")])) == [
        (two.key, "delivered", "")
    ]
