"""Fault storms: no seed loses or doubles a message, each replays, and bugs put in on purpose are found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from storm_failures import BACKLOG, MOST_MESSAGES, Bug, found_and_reduced

from loadtests.storm import purge, replay, store
from loadtests.storm.faults import NAMES
from loadtests.storm.outcome import storm
from loadtests.storm.plan import draw_plan
from loadtests.storm.store import ModelStore
from reference_sender.api.replay import replayed
from reference_sender.dispatch import dispatcher
from reference_sender.dispatch.awaiting import SentIndex
from reference_sender.dispatch.backlog import Backlog
from reference_sender.dispatch.message_states import AfterStep, MessageStates
from reference_sender.dispatch.shares import Shares
from reference_sender.dispatch.ticket import TRANSACTIONAL, Ticket
from reference_sender.dispatch.values import Effect, EndedMessage, Lane, Message, Recovered, Report, State
from reference_sender.node.effects import NodeEffect, Waiter
from reference_sender.node.node import Node
from reference_sender.policy.gate import Gate
from reference_sender.policy.recipients import RecipientLimits
from reference_sender.policy.spending import Spending, Spent
from reference_sender.policy.wall_offset import WallOffset
from reference_sender.store.protocol import Existing, Work

SEEDS = range(1, 201)


@pytest.fixture(scope="module")
def occurrences() -> Counter[str]:
    """Of all storms of ``SEEDS``, which must not fail."""
    found: Counter[str] = Counter()
    for seed in SEEDS:
        outcome = storm(draw_plan(seed))
        assert not outcome.violations, f"smsbench storm --seeds 1 --seed {seed}"
        found.update(outcome.occurrences)
    return found


def test_no_message_is_lost_or_duplicated_in_drawn_storms(occurrences: Counter[str]) -> None:
    assert sum(occurrences.values()) > 2 * len(SEEDS)


def test_nearly_every_fault_takes_effect_in_a_few_storms(occurrences: Counter[str]) -> None:
    """All of them do in 2,000 storms, which the command checks."""
    missing = [name for name in NAMES if not occurrences[name]]
    assert len(missing) <= len(NAMES) // 5, missing


def test_a_purge_long_after_the_storm_is_part_of_it() -> None:
    """Messages are kept for longer than the wall clock is set forward in all: several times two hours."""
    plan = draw_plan(1)
    late = replace(plan.rules, keep_s=30_000.0, purges=(31_000.0,))
    assert storm(replace(plan, rules=late)).violations == ()


def test_a_storm_replays_from_its_seed() -> None:
    for seed in range(5):
        first: list[str] = []
        second: list[str] = []
        assert storm(draw_plan(seed), first) == storm(draw_plan(seed), second)
        assert first == second != []


def acknowledge_before_commit(patch: pytest.MonkeyPatch) -> None:
    """A client is answered when its message is in memory."""
    take_many = Node.take_many

    def hasty(node: Node, messages: Sequence[Message], waiter: Waiter) -> None:
        take_many(node, messages, waiter)
        waiter.end(True)

    patch.setattr(Node, "take_many", hasty)


def retry_with_a_new_key(patch: pytest.MonkeyPatch) -> None:
    """A message that goes back to its lane gets another key."""
    put_off = Backlog.put_off

    def renamed(backlog: Backlog, ticket: Ticket, until_ns: int) -> None:
        del backlog.tickets[ticket.message.key]
        ticket.message = replace(ticket.message, key=f"{ticket.message.key}-again")
        backlog.tickets[ticket.message.key] = ticket
        put_off(backlog, ticket, until_ns)

    patch.setattr(Backlog, "put_off", renamed)


def forget_a_lane(patch: pytest.MonkeyPatch) -> None:
    """The transactional lane has no turn."""
    turns = Shares.turns

    def some(shares: Shares) -> tuple[Any, ...]:
        return tuple(turn for turn in turns(shares) if turn[0] != TRANSACTIONAL)

    patch.setattr(Shares, "turns", some)


def count_a_late_report_twice(patch: pytest.MonkeyPatch) -> None:
    """An ended message that a report shows to be delivered is not forgotten, so a repeat counts again."""
    reported_late = MessageStates.reported_late

    def remembered(
        states: MessageStates, now_ns: int, key: str, report: Report, effects: list[Effect]
    ) -> None:
        sent = states.past.index.by_key[key]
        reported_late(states, now_ns, key, report, effects)
        SentIndex.add(states.past.index, key, sent)

    patch.setattr(MessageStates, "reported_late", remembered)


def resume_without_reading_back(patch: pytest.MonkeyPatch) -> None:
    """A process starts with nothing to do."""
    recover = Node.recover

    def empty(
        node: Node, now_ns: int, recovered: Iterable[Recovered], unread: int = 0, sent: int = 0
    ) -> list[NodeEffect]:
        return recover(node, now_ns, [])

    patch.setattr(Node, "recover", empty)
    patch.setattr(Node, "recover_sent", lambda node, now_ns, page, left=0: [])


def forget_ended_messages(patch: pytest.MonkeyPatch) -> None:
    """A late report about a message that another process ended changes nothing."""

    def none(store: ModelStore, reports: Sequence[Report]) -> list[EndedMessage]:
        return []

    patch.setattr(ModelStore, "ended", none)


def let_held_messages_go(patch: pytest.MonkeyPatch) -> None:
    """Schedules and quiet hours are not observed."""
    patch.setattr(Gate, "is_ready", lambda gate, now_ns, message: True)


def ignore_steps_of_the_wall_clock(patch: pytest.MonkeyPatch) -> None:
    """Held messages stay where they are when the wall clock is set."""
    patch.setattr(Gate, "set_wall", lambda gate, now_ns, ahead_ns: gate.wall.set(now_ns, ahead_ns))


def ask_no_refused_message_again(patch: pytest.MonkeyPatch) -> None:
    """A message that is in flight when the wall clock is set may be retried as before."""
    begin, set_wall = MessageStates.__init__, MessageStates.set_wall
    backlogs: dict[MessageStates, Backlog] = {}

    def begun(states: MessageStates, settings: Any, backlog: Backlog, *others: Any) -> None:
        backlogs[states] = backlog
        begin(states, settings, backlog, *others)

    def as_before(states: MessageStates, ahead_ns: int, after: AfterStep, effects: list[Effect]) -> None:
        tickets = backlogs[states].tickets.values()
        in_flight = [(each, each.expires_ns) for each in tickets if each.state is State.SUBMITTING]
        set_wall(states, ahead_ns, after, effects)
        for ticket, expires_ns in in_flight:
            ticket.expires_ns = expires_ns

    patch.setattr(MessageStates, "__init__", begun)
    patch.setattr(MessageStates, "set_wall", as_before)


def keep_costs_of_what_was_not_sent(patch: pytest.MonkeyPatch) -> None:
    """A cancelled message keeps its reservation."""
    patch.setattr(Gate, "not_kept", lambda gate, messages: [])


def second_message_on_any_route(patch: pytest.MonkeyPatch) -> None:
    """The second message of an OTP may go to the provider of the first."""

    patch.setattr(dispatcher, "is_hedge", lambda key: False)


def forget_first_messages(patch: pytest.MonkeyPatch) -> None:
    """The delivery of a second message does not end its first one."""
    patch.setattr(MessageStates, "end_first", lambda states, now_ns, key, effects: None)


def ignore_limits_of_campaigns(patch: pytest.MonkeyPatch) -> None:
    """The spending limits of campaigns are forgotten."""
    reserve = Spending.reserve

    def unlimited(
        spending: Spending, now_ns: int, message: Message, limit: int | None
    ) -> tuple[int, Spent | None]:
        return reserve(spending, now_ns, message, None)

    patch.setattr(Spending, "reserve", unlimited)


def forget_what_was_spent_today(patch: pytest.MonkeyPatch) -> None:
    """The daily limit holds for each message alone."""
    reserve = Spending.reserve

    def alone(
        spending: Spending, now_ns: int, message: Message, limit: int | None
    ) -> tuple[int, Spent | None]:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Spending, "on_day", lambda spending, day: 0)
            return reserve(spending, now_ns, message, limit)

    patch.setattr(Spending, "reserve", alone)


def forget_messages_to_a_number(patch: pytest.MonkeyPatch) -> None:
    """A message does not count for the limit of its number."""
    take = RecipientLimits.take

    def uncounted(limits: RecipientLimits, now_ns: int, number: str, lane: Lane) -> int:
        wait_ns = take(limits, now_ns, number, lane)
        if not wait_ns:
            limits.undo(number, lane, now_ns)
        return wait_ns

    patch.setattr(RecipientLimits, "take", uncounted)


def purge_by_the_wall_clock_alone(patch: pytest.MonkeyPatch) -> None:
    """A wall clock that was set forward makes messages old."""

    def by_wall_ns(now_ns: int, keep_ns: int, wall: WallOffset) -> int:
        return now_ns + wall.ahead_ns - keep_ns // 2

    patch.setattr(purge, "purged_before_ns", by_wall_ns)


def keep_changes_of_purged_messages(patch: pytest.MonkeyPatch) -> None:
    """A late report of a message that was purged leaves a row of ``progress``."""
    commit = ModelStore.commit

    def kept_change(store: ModelStore, work: Work) -> Mapping[int, Existing]:
        taken = commit(store, work)
        for change in work.changes:
            store.disk.progress[change.message_id] = change
        return taken

    patch.setattr(ModelStore, "commit", kept_change)


def replay_with_a_new_key(patch: pytest.MonkeyPatch) -> None:
    """The key of a replayed message depends on its own id."""

    def renamed(message: Message, message_id: int, tag: str, now_ns: int, valid_ns: int) -> Message:
        again = replayed(message, message_id, tag, now_ns, valid_ns)
        return replace(again, key=f"r-{message_id}")

    patch.setattr(replay, "replayed", renamed)


def replay_second_messages(patch: pytest.MonkeyPatch) -> None:
    """The second message of an OTP is a dead letter like every other one."""
    patch.setattr(store, "is_hedge", lambda key: False)


@pytest.mark.parametrize(
    ("bug", "invariants"),
    [
        (acknowledge_before_commit, {"acknowledged"}),
        (retry_with_a_new_key, {"known", "accepted once"}),
        (forget_a_lane, {"lanes"}),
        (count_a_late_report_twice, {"totals"}),
        (resume_without_reading_back, {"acknowledged"}),
        (forget_ended_messages, {"reports"}),
        (let_held_messages_go, {"schedule"}),
        (ignore_steps_of_the_wall_clock, {"schedule"}),
        (ask_no_refused_message_again, {"schedule"}),
        (second_message_on_any_route, {"hedge"}),
        (forget_first_messages, {"pairs"}),
        (keep_costs_of_what_was_not_sent, {"costs"}),
        (ignore_limits_of_campaigns, {"spending"}),
        (forget_what_was_spent_today, {"spending"}),
        (forget_messages_to_a_number, {"number limit"}),
        (purge_by_the_wall_clock_alone, {"purged"}),
        (keep_changes_of_purged_messages, {"purged"}),
        (replay_with_a_new_key, {"replay"}),
        (replay_second_messages, {"replay"}),
    ],
)
def test_a_planted_bug_is_found(bug: Bug, invariants: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    waits = bug is retry_with_a_new_key  # until a message is repeated, as in a backlog
    found_and_reduced(bug, invariants, monkeypatch, BACKLOG if waits else MOST_MESSAGES)
