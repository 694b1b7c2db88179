"""What a storm finds while it happens: each violation, and the nearest input that violates nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from messages import made_message
from msgspec.structs import replace
from nanoseconds import S

from loadtests.storm.state import StormState
from loadtests.storm.watch import StormWatch
from reference_sender.dispatch.message_states import EXPIRED_UNREPORTED
from reference_sender.dispatch.values import Change, Lane, Message, Outcome, Result, State, SubmitAttempt
from reference_sender.node.effects import Commit, SubmitNow
from reference_sender.policy.settings import NO_POLICY
from reference_sender.policy.wall_offset import WallOffset
from reference_sender.store.protocol import Work

MOST_ATTEMPTS = 3
MESSAGE = made_message(1, sender_id="", campaign="may", expires_ns=300 * S)


def process(now_ns: int = 100 * S, number: int = 1) -> Any:
    return SimpleNamespace(number=number, wall_ns=now_ns, now_ns=lambda: now_ns, counted={})


def committing() -> Any:
    """A process whose commit begins."""
    one = process()
    gate = SimpleNamespace(wall=WallOffset(), spending=SimpleNamespace(spent={}, days=list))
    one.node, one.ends = SimpleNamespace(gate=gate), {}
    one.lanes = SimpleNamespace(begun=lambda attempt, messages, ahead_ns: None)
    return one


@pytest.fixture
def watch() -> StormWatch:
    return StormWatch(StormState(1, ("route",)), NO_POLICY, max_attempts=MOST_ATTEMPTS, report_timeout_s=20.0)


def submitted(watch: StormWatch, message: Message, now_ns: int = 100 * S) -> list[str]:
    watch.submitted(process(now_ns), SubmitNow(1, "route", (message,)))
    return [each.invariant for each in watch.violations]


def test_a_message_is_not_submitted_at_its_expiry(watch: StormWatch) -> None:
    assert submitted(watch, MESSAGE, 300 * S - 1) == []
    assert submitted(watch, MESSAGE, 300 * S) == ["expiry"]


def test_a_stopped_campaign_submits_nothing(watch: StormWatch) -> None:
    watch.stopped_campaign("june")
    assert submitted(watch, MESSAGE) == []
    watch.stopped_campaign("may")
    assert submitted(watch, MESSAGE) == ["stopped"]
    watch.resumed_campaign("may")
    assert submitted(watch, MESSAGE) == ["stopped"]


def test_a_number_that_opted_out_gets_no_marketing(watch: StormWatch) -> None:
    watch.opted_out(MESSAGE.to)
    assert submitted(watch, replace(MESSAGE, lane=Lane.OTP)) == []
    assert submitted(watch, replace(MESSAGE, to="48500100201")) == []
    assert submitted(watch, MESSAGE) == ["stopped"]


def test_a_message_is_not_submitted_before_its_time(watch: StormWatch) -> None:
    assert submitted(watch, replace(MESSAGE, not_before_ns=100 * S)) == []
    assert submitted(watch, replace(MESSAGE, not_before_ns=100 * S + 1)) == ["schedule"]


def test_a_message_that_was_due_at_its_attempt_is_not_early_after_a_step_back(watch: StormWatch) -> None:
    due = replace(MESSAGE, not_before_ns=100 * S)
    attempt = SubmitAttempt(7, "route", 100 * S, (due.message_id,))
    watch.committing(committing(), Commit(Work([due], attempts=[attempt])))
    assert submitted(watch, due, 40 * S) == []


def test_a_process_makes_a_second_message_once(watch: StormWatch) -> None:
    watch.hedged(process(number=1), MESSAGE)
    watch.hedged(process(number=2), MESSAGE)  # a process that starts makes it again
    assert watch.violations == []
    watch.hedged(process(number=2), MESSAGE)
    assert [each.invariant for each in watch.violations] == ["hedge"]


@pytest.mark.parametrize(
    ("stage", "waited_s", "found"),
    [
        ("submitted", 20, []),
        ("submitted", 19, ["unreported"]),
        ("attempted", 20, []),
        ("attempted", 19, ["unreported"]),
        ("", 20, ["unreported"]),
    ],
)
def test_a_report_is_awaited_for_its_time(stage: str, waited_s: int, found: list[str]) -> None:
    """A lookup may find a message that did not go out, since it cannot distinguish equal messages."""
    state, one = StormState(1, ("route",)), committing()
    watch = StormWatch(state, NO_POLICY, max_attempts=MOST_ATTEMPTS, report_timeout_s=20.0)
    if stage == "submitted":
        submitted(watch, MESSAGE)
    elif stage:
        watch.attempted_ns[MESSAGE.key] = state.now_ns
    state.now_ns += waited_s * S
    ended = Change(1, MESSAGE.key, State.EXPIRED, EXPIRED_UNREPORTED, "p-1", 1, 0, "route")
    watch.committing(one, Commit(Work(changes=[ended])))
    assert [each.invariant for each in watch.violations] == found


def test_attempts_that_count_stay_within_the_budget(watch: StormWatch) -> None:
    one = process()
    for outcome in (
        Outcome.RETRYABLE,
        Outcome.UNKNOWN,
        Outcome.THROTTLED,
        Outcome.THROTTLED,
        Outcome.UNKNOWN,
    ):
        watch.answered(one, "route", (MESSAGE,), (Result(outcome),))
    assert watch.violations == []
    watch.answered(one, "route", (MESSAGE,), (Result(Outcome.RETRYABLE),))
    assert [each.invariant for each in watch.violations] == ["retry budget"]
