"""Storms find wrong final states, wrong retries, and messages in the wrong order or at the wrong time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from storm_failures import BACKLOG, Bug, found_and_reduced

from loadtests.storm.store import ModelStore
from loadtests.storm.storm_provider import StormProvider
from reference_sender.dispatch import Dispatcher, attempt_results, awaiting, message_states
from reference_sender.dispatch.awaiting import Awaiting
from reference_sender.dispatch.retry import Decision, decide
from reference_sender.dispatch.shares import Shares
from reference_sender.dispatch.values import Effect, Message, Outcome, Report, Result, State, is_hedge
from reference_sender.node.effects import NodeEffect, Waiter
from reference_sender.node.node import Node
from reference_sender.policy.gate import CANCELLED, Gate
from reference_sender.store.protocol import Existing, Work

NOT_DELIVERED = (State.FAILED, State.EXPIRED)


def take_failures_for_deliveries(patch: pytest.MonkeyPatch) -> None:
    """Each report is taken as that of a delivery."""
    reported = Dispatcher.reported

    def good(target: Dispatcher, now_ns: int, reports: Sequence[Report]) -> Sequence[Effect]:
        changed = [replace(each, state=State.DELIVERED) for each in reports if each.state in NOT_DELIVERED]
        others = [each for each in reports if each.state not in NOT_DELIVERED]
        return reported(target, now_ns, [*changed, *others])

    patch.setattr(Dispatcher, "reported", good)


def hide_duplicates(patch: pytest.MonkeyPatch) -> None:
    """The sender forgets its attempts, and the journal of a provider has one row of each key."""
    forget_attempts(patch)
    end = StormProvider.end

    def with_newest(provider: StormProvider) -> None:
        end(provider)
        for place, epoch in enumerate(provider.epochs):
            rows = {row.key: row for row in sorted(epoch.rows, key=lambda row: row.provider_id != "")}
            provider.epochs[place] = replace(epoch, rows=list(rows.values()))

    patch.setattr(StormProvider, "end", with_newest)


def ignore_ids_of_reports(patch: pytest.MonkeyPatch) -> None:
    """A message whose answer had no id is delivered without one."""
    patch.setattr(awaiting, "with_id", lambda sent, report: sent)


def end_firsts_by_failed_seconds(patch: pytest.MonkeyPatch) -> None:
    """An OTP is delivered by its second message as soon as a report about that comes."""
    reported = Dispatcher.reported

    def good(target: Dispatcher, now_ns: int, reports: Sequence[Report]) -> Sequence[Effect]:
        changed = [
            replace(each, state=State.DELIVERED) if each.key and is_hedge(each.key) else each
            for each in reports
        ]
        return reported(target, now_ns, changed)

    patch.setattr(Dispatcher, "reported", good)


def call_unknown_outcomes_failures(patch: pytest.MonkeyPatch) -> None:
    """A message without an answer ends as one that no provider has."""
    for module in (attempt_results, message_states):
        patch.setattr(module, "EXPIRED_UNCERTAIN", "gave_up: no_answer")


def decide_otherwise(
    patch: pytest.MonkeyPatch, outcome: Outcome, decision: Callable[[int], Decision]
) -> None:
    """Results of this kind have another decision, which depends on the instant."""

    def other(rules: Any, now_ns: int, *of: Any) -> Decision:
        result: Result = of[-1]
        return decision(now_ns) if result.outcome is outcome else decide(rules, now_ns, *of)

    patch.setattr(attempt_results, "decide", other)


def fail_throttled_messages(patch: pytest.MonkeyPatch) -> None:
    """A throttled message is not repeated."""
    decide_otherwise(patch, Outcome.THROTTLED, lambda _: Decision(State.FAILED, reason="throttled"))


def fail_at_the_first_transient_refusal(patch: pytest.MonkeyPatch) -> None:
    """A message has one attempt."""
    decide_otherwise(patch, Outcome.RETRYABLE, lambda _: Decision(State.FAILED, reason="refused"))


def fail_deferred_messages(patch: pytest.MonkeyPatch) -> None:
    """A message whose recipient must wait is not repeated."""
    decide_otherwise(patch, Outcome.DEFERRED, lambda _: Decision(State.FAILED, reason="deferred"))


def repeat_permanent_refusals(patch: pytest.MonkeyPatch) -> None:
    """A message that is refused permanently is submitted again each second until it expires."""
    decide_otherwise(
        patch,
        Outcome.PERMANENT,
        lambda now_ns: Decision(State.QUEUED, now_ns + 1_000_000_000, counts=False),
    )


def repeat_without_end(patch: pytest.MonkeyPatch) -> None:
    """Each attempt is the first one of its message."""

    def first(rules: Any, now_ns: int, message: Any, attempts: int, *of: Any) -> Decision:
        return decide(rules, now_ns, message, 1, *of)

    patch.setattr(attempt_results, "decide", first)


def repeat_elsewhere(patch: pytest.MonkeyPatch) -> None:
    """A message without an answer may be repeated on any route."""
    patch.setattr(attempt_results, "decide", lambda *of: replace(decide(*of), uncertain=False))


def forget_attempts(patch: pytest.MonkeyPatch) -> None:
    """A process does not know which messages were in flight when the one before it was killed."""
    commit = ModelStore.commit

    def without(store: ModelStore, work: Work) -> Mapping[int, Existing]:
        taken = commit(store, work)
        store.disk.attempts.clear()
        return taken

    patch.setattr(ModelStore, "commit", without)


def confirm_reports_before_their_commit(patch: pytest.MonkeyPatch) -> None:
    """A report is confirmed when it is in memory."""
    reported = Node.reported

    def hasty(node: Node, now_ns: int, reports: Sequence[Report], waiter: Waiter) -> list[NodeEffect]:
        effects = reported(node, now_ns, reports, waiter)
        waiter.end(True)
        return effects

    patch.setattr(Node, "reported", hasty)


def ignore_stops(patch: pytest.MonkeyPatch) -> None:
    """Paused and cancelled campaigns and opt-outs bar nothing."""
    patch.setattr(Gate, "bars", lambda gate, message: False)


def cancel_paused_campaigns(patch: pytest.MonkeyPatch) -> None:
    """Messages of a paused campaign end as those of a cancelled one."""
    ending = Gate.ending

    def hasty(gate: Gate, message: Message) -> str:
        return CANCELLED if message.campaign in gate.stopped else ending(gate, message)

    patch.setattr(Gate, "ending", hasty)


def give_up_reports_early(patch: pytest.MonkeyPatch) -> None:
    """A report is awaited for a hundredth of its time."""
    make = Awaiting.__init__
    patch.setattr(Awaiting, "__init__", lambda awaiting, timeout_ns: make(awaiting, timeout_ns // 100))


def submit_expired_messages(patch: pytest.MonkeyPatch) -> None:
    """A message that expired while its attempt was stored is submitted."""
    patch.setattr(Dispatcher, "may_still_go", lambda target, now_ns, batch_id: True)


def serve_lower_lanes_first(patch: pytest.MonkeyPatch) -> None:
    """Marketing is sent before transactional messages, and these before OTPs."""
    turns = Shares.turns
    patch.setattr(Shares, "turns", lambda shares: tuple(reversed(turns(shares))))


@pytest.mark.parametrize(
    ("bug", "invariants", "text"),
    [
        (take_failures_for_deliveries, {"reports"}, "is delivered"),
        (hide_duplicates, {"journal"}, "which counted [2]"),
        (ignore_ids_of_reports, {"reports"}, "the store has no id of its provider"),
        (end_firsts_by_failed_seconds, {"reports"}, "is delivered (delivered_by_second)"),
        (call_unknown_outcomes_failures, {"unknown"}, "a provider accepted it"),
        (fail_at_the_first_transient_refusal, {"failed"}, "(refused)"),
        (fail_deferred_messages, {"failed"}, "(deferred)"),
        (cancel_paused_campaigns, {"failed"}, "(cancelled)"),
        (give_up_reports_early, {"unreported"}, "was given up after"),
        (repeat_permanent_refusals, {"refused"}, "after it had been refused permanently"),
        (repeat_without_end, {"retry budget"}, "attempts that count"),
        (repeat_elsewhere, {"accepted once"}, "was accepted"),
        (forget_attempts, {"accepted once"}, "was accepted"),
        (confirm_reports_before_their_commit, {"reports"}, "was reported delivered"),
        (ignore_stops, {"stopped"}, "was submitted"),
        (submit_expired_messages, {"expiry"}, "after its expiry"),
    ],
)
def test_a_planted_bug_is_found(
    bug: Bug, invariants: set[str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = found_and_reduced(bug, invariants, monkeypatch)
    assert text in " ".join(each.text for each in outcome.violations if each.invariant in invariants)


@pytest.mark.parametrize(
    ("bug", "invariants", "text"),
    [
        (fail_throttled_messages, {"failed"}, "(throttled)"),
        (serve_lower_lanes_first, {"lanes"}, "segments passed a waiting OTP"),
    ],
)
def test_a_bug_that_needs_a_backlog_is_found(
    bug: Bug, invariants: set[str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = found_and_reduced(bug, invariants, monkeypatch, most_messages=BACKLOG)
    assert text in " ".join(each.text for each in outcome.violations if each.invariant in invariants)
