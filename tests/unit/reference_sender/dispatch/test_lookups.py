"""A message without an answer on a route whose provider refuses no repeats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from dispatch_steps import Make, MakeDispatcher, MakeLimits
from msgspec.structs import replace
from nanoseconds import LATER, S

from loadtests.storm.tables import Tables
from reference_sender.dispatch import Dispatcher
from reference_sender.dispatch.values import (
    Change,
    Effect,
    LookUp,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    State,
    SubmitBatch,
)

UNKNOWN = [Result(Outcome.UNKNOWN, reason="no_answer")]


@pytest.fixture
def core(dispatcher: MakeDispatcher, limits: MakeLimits) -> Dispatcher:
    first = limits(max_batch=1, idempotency_window_s=0.0, lookup_window_s=100.0)
    return dispatcher(first, limits("b"), equal_within=0.9)  # failures do not change the route


def left_unknown(core: Dispatcher, one: Message, at_ns: int = S) -> None:
    (batch,) = core.offer(at_ns, [one])
    assert isinstance(batch, SubmitBatch)
    (bound,) = core.answered(at_ns, batch.batch_id, UNKNOWN)
    assert isinstance(bound, Change)
    assert (bound.state, bound.route, bound.tried_ns) == (State.QUEUED, "a", at_ns)


def asked(core: Dispatcher, until_ns: int) -> tuple[int, LookUp]:
    """The next lookup, and when it is made."""
    while (due_ns := core.next_deadline()) is not None and due_ns <= until_ns:
        for effect in core.advance(due_ns):
            assert isinstance(effect, LookUp), effect
            return due_ns, effect
    raise AssertionError("no lookup")


def next_lookup(core: Dispatcher) -> tuple[int, LookUp]:
    """As ``asked``; messages may end before it."""
    while (due_ns := core.next_deadline()) is not None:
        found = [effect for effect in core.advance(due_ns) if isinstance(effect, LookUp)]
        if found:
            return due_ns, found[0]
    raise AssertionError("no lookup")


def ends(effects: Sequence[Effect]) -> list[tuple[str, str, str]]:
    return [(e.key, e.state.value, e.reason) for e in effects if isinstance(e, Change)]


def test_an_unknown_outcome_is_looked_up_and_found(core: Dispatcher, message: Make) -> None:
    one = message()
    left_unknown(core, one)
    at_ns, lookup = asked(core, 10 * S)
    assert (lookup.route, lookup.message, lookup.since_ns) == ("a", one, S)
    found = [Report("p", one.key, State.SENT, "queued")]
    assert ends(core.looked_up(at_ns, one.key, found)) == [(one.key, "sent", "")]
    assert core.state(LATER).awaiting_report == 1


def test_a_report_without_key_that_overtakes_the_answer_to_a_lookup_is_kept(
    core: Dispatcher, message: Make
) -> None:
    """Found by storms: the lookup had seen the message before it ended, and its report came once."""
    one = message()
    left_unknown(core, one)
    at_ns, _ = asked(core, 10 * S)
    assert ends(core.reported(at_ns + 1, [Report("p", None, State.DELIVERED, "")])) == []
    found = [Report("p", one.key, State.SENT, "queued")]
    assert ends(core.looked_up(at_ns + 2, one.key, found)) == [(one.key, "delivered", "")]
    state = core.state(LATER)
    assert (state.open, len(core.early), state.totals["orphan_reports"]) == (0, 0, 0)


def test_a_report_that_no_lookup_claims_is_dropped(core: Dispatcher, message: Make) -> None:
    one = message()
    left_unknown(core, one)
    at_ns, _ = asked(core, 10 * S)
    core.reported(at_ns + 1, [Report("of another account", None, State.DELIVERED, "")])
    core.looked_up(at_ns + 2, one.key, [])
    assert (len(core.early), core.state(LATER).totals["orphan_reports"]) == (0, 1)


def test_a_lookup_may_find_that_it_has_ended(core: Dispatcher, message: Make) -> None:
    one = message()
    left_unknown(core, one)
    at_ns, _ = asked(core, 10 * S)
    found = [Report("p", one.key, State.FAILED, "twilio_30003")]
    assert ends(core.looked_up(at_ns, one.key, found)) == [(one.key, "failed", "twilio_30003")]


def test_lookups_become_rarer_and_end_with_an_unknown_outcome(core: Dispatcher, message: Make) -> None:
    one = message()
    left_unknown(core, one, at_ns=0)
    times: list[float] = []
    effects: Sequence[Effect] = []
    while not ends(effects):
        due_ns = core.next_deadline()
        assert due_ns is not None
        effects = core.advance(due_ns)
        if any(isinstance(effect, LookUp) for effect in effects):
            times.append(due_ns / S)
            assert core.looked_up(due_ns, one.key, [] if len(times) % 2 else None) == []
    assert times == [2, 6, 14, 30, 62]
    assert ends(effects) == [(one.key, "expired", "outcome_unknown")]
    late = core.reported(200 * S, [Report("p", one.key, State.DELIVERED, "")])
    assert ends(late) == [(one.key, "delivered", "")]


def test_a_report_ends_the_search(core: Dispatcher, message: Make) -> None:
    one = message()
    left_unknown(core, one)
    at_ns, _ = asked(core, 10 * S)
    assert ends(core.reported(at_ns, [Report("p", one.key, State.DELIVERED, "")])) == [
        (one.key, "delivered", "")
    ]
    assert core.looked_up(at_ns, one.key, [Report("p", one.key, State.SENT, "")]) == []
    assert core.state(LATER).open == 0


def test_the_id_of_another_message_is_not_taken_for_its_own(core: Dispatcher, message: Make) -> None:
    """Two equal messages: the provider's list holds both, and only one of them was answered."""
    known, one, third = message(), message(), message()
    (batch,) = core.offer(S, [known])
    assert isinstance(batch, SubmitBatch)
    core.answered(S, batch.batch_id, [Result(Outcome.ACCEPTED, "p-known")])
    core.reported(S, [Report("p-third", third.key, State.DELIVERED, "")])
    left_unknown(core, one)
    at_ns, _ = asked(core, 10 * S)
    others = [Report("p-known", one.key, State.SENT, ""), Report("p-third", one.key, State.SENT, "")]
    assert core.looked_up(at_ns, one.key, others) == []
    at_ns, _ = asked(core, 20 * S)
    (change,) = core.looked_up(at_ns, one.key, [*others, Report("p-own", one.key, State.SENT, "")])
    assert isinstance(change, Change)
    assert change.provider_id == "p-own"


def sent_as(effects: Sequence[Effect]) -> list[str | None]:
    return [effect.provider_id for effect in effects if isinstance(effect, Change)]


def equal(message: Make) -> tuple[Message, Message]:
    return message(to="48500100200", text="down"), message(to="48500100200", text="down")


def test_of_two_equal_messages_none_is_found_before_the_provider_has_two(
    core: Dispatcher, message: Make
) -> None:
    """Both answers are lost. One message that the provider has may be of either, and the other one lost."""
    first, second = equal(message)
    left_unknown(core, first)
    left_unknown(core, second)
    at_ns, _ = asked(core, 10 * S)
    assert core.looked_up(at_ns, first.key, [Report("p-1", None, State.SENT, "")]) == []
    both = [Report("p-1", None, State.SENT, ""), Report("p-2", None, State.SENT, "")]
    assert sent_as(core.looked_up(at_ns, second.key, both)) == ["p-1"]
    at_ns, _ = asked(core, 10 * S)
    assert core.looked_up(at_ns, first.key, both[:1]) == [], "that one is found"
    at_ns, _ = asked(core, 20 * S)
    assert sent_as(core.looked_up(at_ns, first.key, both)) == ["p-2"]


def test_a_message_in_flight_may_be_the_one_that_a_lookup_finds(core: Dispatcher, message: Make) -> None:
    first, second = equal(message)
    left_unknown(core, first)
    at_ns, _ = asked(core, 10 * S)
    (batch,) = core.offer(at_ns, [second])
    assert isinstance(batch, SubmitBatch)
    found = [Report("p", None, State.SENT, "")]
    assert core.looked_up(at_ns, first.key, found) == []
    core.answered(at_ns, batch.batch_id, [Result(Outcome.ACCEPTED, "p")])
    at_ns, _ = asked(core, 20 * S)
    assert core.looked_up(at_ns, first.key, found) == []


@pytest.mark.parametrize("valid_s", [1, 5])
def test_an_equal_message_that_ended_unknown_may_be_the_one_that_a_lookup_finds(
    core: Dispatcher, message: Make, valid_s: int
) -> None:
    """Until its lookup window has ended. ``valid_s``: it ends with its answer, or later."""
    first, second = equal(message)
    first = replace(first, expires_ns=(1 + valid_s) * S)
    (batch,) = core.offer(S, [first])
    assert isinstance(batch, SubmitBatch)
    core.answered(3 * S, batch.batch_id, UNKNOWN)
    left_unknown(core, second, 4 * S)
    for _ in range(4):
        at_ns, lookup = next_lookup(core)
        found = [Report("p", None, State.SENT, "")] if at_ns > 6 * S else []
        assert sent_as(core.looked_up(at_ns, lookup.message.key, found)) == []
    assert (at_ns, lookup.message) == (34 * S if valid_s == 1 else 18 * S, second)


def test_after_a_crash_it_is_looked_up_and_not_repeated(core: Dispatcher, message: Make) -> None:
    one = message()
    assert core.recover(50 * S, [Recovered(one, State.QUEUED, 1, None, None, "a", 40 * S)]) == []
    _, lookup = asked(core, 60 * S)
    assert (lookup.message, lookup.since_ns) == (one, 40 * S)


def test_after_a_crash_it_is_not_looked_up_for_longer_than_before(core: Dispatcher, message: Make) -> None:
    one = message()
    effects = core.recover(141 * S, [Recovered(one, State.QUEUED, 1, None, None, "a", 40 * S)])
    assert ends(effects) == [(one.key, "expired", "outcome_unknown")]


def test_without_lookups_the_outcome_is_unknown_at_once(
    dispatcher: MakeDispatcher, limits: MakeLimits, message: Make
) -> None:
    core = dispatcher(limits(idempotency_window_s=0.0))
    one = message()
    (batch,) = core.offer(S, [one])
    assert isinstance(batch, SubmitBatch)
    assert ends(core.answered(S, batch.batch_id, UNKNOWN)) == [(one.key, "expired", "outcome_unknown")]


def test_few_lookups_are_made_at_once(core: Dispatcher, message: Make) -> None:
    many = [message() for _ in range(10)]
    for one in many:
        left_unknown(core, one)
    seen: list[Any] = []
    while (due_ns := core.next_deadline()) is not None and due_ns <= 3 * S:
        seen += core.advance(due_ns)
    assert len(seen) == 4
    assert len(core.looked_up(3 * S, seen[0].message.key, [])) == 1


def test_an_answer_that_was_not_asked_for_changes_nothing(core: Dispatcher) -> None:
    with pytest.raises(ValueError, match="not being looked up"):
        core.looked_up(S, "k", [])


def test_a_message_that_ended_unknown_is_forgotten_when_its_window_is_over(
    core: Dispatcher, message: Make
) -> None:
    tables = Tables(core)
    left_unknown(core, message(expires_ns=10 * S))
    while (due_ns := core.next_deadline()) is not None:
        for effect in core.advance(due_ns):
            if isinstance(effect, LookUp):
                core.looked_up(due_ns, effect.message.key, [])
    assert core.state(LATER).totals["expired"] == 1
    (batch,) = core.offer(200 * S, [message(expires_ns=201 * S)])
    assert isinstance(batch, SubmitBatch)
    core.answered(200 * S, batch.batch_id, [Result(Outcome.RETRYABLE, reason="busy")])
    due_ns = core.next_deadline()
    assert due_ns is not None
    core.advance(due_ns)
    kept = {name: entries for name, entries, _ in tables.grown() if "_lookups" in name}
    assert kept == {}
