"""Fault storms: no seed loses or doubles a message, each replays, and bugs put in on purpose are found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import pytest
from msgspec.structs import replace
from storm_bugs import (
    acknowledge_before_commit,
    acknowledge_duplicates,
    ask_no_refused_message_again,
    count_a_late_report_twice,
    forget_a_lane,
    forget_ended_messages,
    forget_first_messages,
    forget_ids_when_nothing_is_awaited,
    forget_messages_to_a_number,
    forget_what_was_spent_today,
    ignore_limits_of_campaigns,
    ignore_steps_of_the_wall_clock,
    keep_changes_of_purged_messages,
    keep_costs_of_what_was_not_sent,
    let_held_messages_go,
    purge_by_the_wall_clock_alone,
    replay_second_messages,
    replay_with_a_new_key,
    reserve_for_duplicates,
    resume_without_reading_back,
    retry_with_a_new_key,
    second_message_on_any_route,
    send_second_messages_as_ordinary_ones,
    store_duplicates,
)

from loadtests.storm import replay
from loadtests.storm.faults import NAMES
from loadtests.storm.outcome import storm
from loadtests.storm.plan import Part, StormPlan, draw_plan, kept
from loadtests.storm.shrink import shrunken

SEEDS = range(1, 201)
MOST_SEEDS = 1_000
MOST_MESSAGES = 12  # that a planted bug needs to be seen
T = TypeVar("T")


@pytest.fixture(scope="module")
def strikes() -> Counter[str]:
    """Of all storms of ``SEEDS``, which must not fail."""
    found: Counter[str] = Counter()
    for seed in SEEDS:
        outcome = storm(draw_plan(seed))
        assert not outcome.violations, f"smsbench storm --seeds 1 --seed {seed}"
        found.update(outcome.strikes)
    return found


def test_no_message_is_lost_or_duplicated_in_drawn_storms(strikes: Counter[str]) -> None:
    assert sum(strikes.values()) > 2 * len(SEEDS)


def test_nearly_every_fault_takes_effect_in_a_few_storms(strikes: Counter[str]) -> None:
    """All of them do in 2,000 storms, which the command checks."""
    missing = [name for name in NAMES if not strikes[name]]
    assert len(missing) <= len(NAMES) // 5, missing


def test_a_storm_replays_from_its_seed() -> None:
    for seed in range(5):
        first: list[str] = []
        second: list[str] = []
        assert storm(draw_plan(seed), first) == storm(draw_plan(seed), second)
        assert first == second != []


def first_failure(invariants: frozenset[str], first: int = 1) -> tuple[int, frozenset[str]]:
    """The first seed from ``first`` on that violates one of ``invariants``, and which it does."""
    for seed in range(first, first + MOST_SEEDS):
        found = storm(draw_plan(seed)).invariants & invariants
        if found:
            return seed, found
    raise AssertionError(f"no storm of {MOST_SEEDS} finds it")


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
        (store_duplicates, {"stored once"}),
        (reserve_for_duplicates, {"costs"}),
        (acknowledge_duplicates, {"acknowledged"}),
        (forget_ids_when_nothing_is_awaited, {"memory"}),
    ],
)
def test_a_planted_bug_is_found(
    bug: Callable[[pytest.MonkeyPatch], None], invariants: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        bug(patch)
        seed, found = first_failure(frozenset(invariants))
        plan = draw_plan(seed)
        smaller = kept(plan, shrunken(plan, found))
        assert storm(smaller).invariants & found
        assert smaller.messages <= MOST_MESSAGES
    assert not storm(smaller).failed  # the bug fails, not the storm


def test_a_failing_storm_is_reduced_to_the_messages_and_faults_that_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without any one of these messages, or of these faults, it does not fail."""
    with monkeypatch.context() as patch:
        resume_without_reading_back(patch)
        seed = next(each for each in range(1, MOST_SEEDS) if _loses_some_of_many(each))
        plan = draw_plan(seed)
        whole: list[str] = []
        found = storm(plan, whole).invariants
        part = shrunken(plan, found)
        assert part.messages is not None
        assert part.faults is not None
        smaller = kept(plan, part)
        assert smaller.messages <= plan.messages / 4
        trace: list[str] = []
        assert storm(smaller, trace).invariants & found
        assert len(trace) < len(whole) / 2
        assert not any(_fails(plan, replace(part, messages=rest), found) for rest in _less(part.messages))
        assert not any(_fails(plan, replace(part, faults=rest), found) for rest in _less(part.faults))


def _loses_some_of_many(seed: int) -> bool:
    plan = draw_plan(seed)
    return plan.messages >= 20 and "acknowledged" in storm(plan).invariants


def _less(some: tuple[T, ...]) -> list[tuple[T, ...]]:
    return [some[:place] + some[place + 1 :] for place in range(len(some))]


def _fails(plan: StormPlan, part: Part, invariants: frozenset[str]) -> bool:
    return not invariants.isdisjoint(storm(kept(plan, part)).invariants)


def test_an_otp_sent_again_while_its_second_message_is_in_flight_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its trace is longer than those of the bugs above: a hedge, an end and a replay come together."""
    with monkeypatch.context() as patch:
        patch.setattr(replay, "second_may_arrive", lambda _: False)
        seed, _ = first_failure(frozenset({"replay"}), 5_000)
    assert not storm(draw_plan(seed)).failed  # the bug fails, not the storm


def test_a_second_message_sent_after_a_start_without_hedging_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It must be held, or wait, when the process that made it ends."""
    with monkeypatch.context() as patch:
        send_second_messages_as_ordinary_ones(patch)
        seed, _ = first_failure(frozenset({"hedge"}), 1_300)
    assert not storm(draw_plan(seed)).failed  # the bug fails, not the storm
