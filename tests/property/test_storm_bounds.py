"""Storms find stored duplicates and tables that grow, and a failing storm is made as small as possible."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import pytest
from msgspec.structs import replace
from storm_failures import MOST_SEEDS, Bug, found_and_reduced

from loadtests.storm import purge, store
from loadtests.storm.outcome import storm
from loadtests.storm.plan import StormPart, StormPlan, draw_plan, kept
from loadtests.storm.shrink import shrunken
from loadtests.storm.stored_rules import StoredRules
from loadtests.storm.submitted import SubmittedMessages
from reference_sender.dispatch.awaiting import Ended, Sent, SentIndex
from reference_sender.dispatch.hedging import Hedging
from reference_sender.dispatch.lookups import PendingLookups
from reference_sender.dispatch.ticket import Ticket
from reference_sender.dispatch.values import Report
from reference_sender.node import rules
from reference_sender.node.node import Node
from reference_sender.node.rules import ChangingRules
from reference_sender.policy.spending import Spending, Spent
from reference_sender.store.rule_purge import OldRules

T = TypeVar("T")
NEVER_NS = 2**62


def lose_controls_of_new_messages(patch: pytest.MonkeyPatch) -> None:
    """A commit stores messages of a campaign, and not its controls, which a purge has removed."""
    patch.setattr(ChangingRules, "known", lambda rules, now_ns, messages: [])


def forget_controls_that_were_set_again(patch: pytest.MonkeyPatch) -> None:
    """A limit that is set again to the same value is forgotten by an earlier answer of the store."""

    def changed(each: Any, **changes: Any) -> Any:
        return replace(each, **changes) if changes else each

    patch.setattr(rules, "replace", changed)


def lose_costs_of_limits_that_were_set_again(patch: pytest.MonkeyPatch) -> None:
    """The store removes old costs, and a limit that is set again begins there without them."""
    patch.setattr(Spending, "totals_of", lambda spending, campaign: [])


def lose_costs_after_a_purge(patch: pytest.MonkeyPatch) -> None:
    """Store and process have no costs of a campaign after a purge of earlier ones."""
    forget_days, add = Spending.forget_days, Spending.add
    purged: WeakKeyDictionary[Spending, set[str]] = WeakKeyDictionary()

    def forget(spending: Spending, places: list[tuple[str, int]]) -> None:
        forget_days(spending, places)
        purged.setdefault(spending, set()).update(campaign for campaign, _ in places)

    def unless_purged(spending: Spending, spent: Spent) -> None:
        if spent.campaign not in purged.get(spending, ()):
            add(spending, spent)

    patch.setattr(Spending, "forget_days", forget)
    patch.setattr(Spending, "add", unless_purged)


def purge_costs_of_today(patch: pytest.MonkeyPatch) -> None:
    """Store and process remove costs a day too early."""
    patch.setattr(purge, "OldRules", lambda before_ns, day: OldRules(before_ns, day + 1))


def count_late_reports_again(patch: pytest.MonkeyPatch) -> None:
    """The late report of a message that this process has ended, and forgotten since, counts it again."""
    patch.setattr(Ended, "had", lambda ended, ended_ns: False)


def keep_ended_messages(patch: pytest.MonkeyPatch) -> None:
    """All messages that ended without a delivery are kept for late reports."""
    patch.setattr(Ended, "add", lambda ended, key, sent: ended.index.add(key, sent))


def purge_campaigns_with_messages(patch: pytest.MonkeyPatch) -> None:
    """The controls of a campaign are old although it has messages."""
    patch.setattr(StoredRules, "has_messages", lambda stored, campaign: False)


def store_duplicates(patch: pytest.MonkeyPatch) -> None:
    """A message that is to be stored once is stored again under another key."""
    patch.setattr(store, "unique_of", lambda message: [message.key])


def reserve_for_duplicates(patch: pytest.MonkeyPatch) -> None:
    """The costs of messages that are not stored stay reserved."""
    patch.setattr(store, "kept_controls", lambda work, taken: work.controls)


def acknowledge_duplicates(patch: pytest.MonkeyPatch) -> None:
    """A client that submits a duplicate gets the answer that it is kept."""
    patch.setattr(SubmittedMessages, "answered", lambda submitted, effect: [])


def forget_ids_when_nothing_is_awaited(patch: pytest.MonkeyPatch) -> None:
    """Ids of messages whose report came are forgotten only when no message is awaited, as after a storm."""

    def pop(index: SentIndex, key: str) -> Sent:
        sent = index.by_key.pop(key)
        if not index.by_key:
            SentIndex.__init__(index)
        return sent

    def take_reported(index: SentIndex, report: Report) -> tuple[str, Sent] | None:
        key = index.find(report)
        return None if key is None else (key, pop(index, key))

    patch.setattr(SentIndex, "pop", pop)
    patch.setattr(SentIndex, "take_reported", take_reported)


class KeptTable(dict[Any, Any]):
    """A table that nothing leaves."""

    def pop(self, key: Any, *default: Any) -> Any:
        return self.get(key, *default)


def keep_unanswered_messages(patch: pytest.MonkeyPatch) -> None:
    """Lookups compare a message with all others that ever had no answer."""
    _replace(patch, PendingLookups, "_unanswered", KeptTable)


def keep_messages_that_were_looked_up(patch: pytest.MonkeyPatch) -> None:
    """The instant of the attempt of each message that was looked up is kept."""
    _replace(patch, PendingLookups, "_since_ns", KeptTable)


class KeptOtps(deque[tuple[int, Ticket]]):
    """OTPs that wait for their second message; those whose time has come wait again."""

    def popleft(self) -> tuple[int, Ticket]:
        due_ns, ticket = super().popleft()
        self.append((NEVER_NS, ticket))
        return due_ns, ticket


def keep_hedged_messages(patch: pytest.MonkeyPatch) -> None:
    """OTPs whose time has come stay in their table."""
    _replace(patch, Hedging, "_due", KeptOtps)


def _replace(patch: pytest.MonkeyPatch, owner: type, table: str, kind: Callable[[], object]) -> None:
    begin = vars(owner)["__init__"]

    def begun(made: object, *of: Any) -> None:
        begin(made, *of)
        patch.setattr(made, table, kind())

    patch.setattr(owner, "__init__", begun)


@pytest.mark.parametrize(
    ("bug", "invariants"),
    [
        (lose_controls_of_new_messages, {"controls"}),
        (forget_controls_that_were_set_again, {"controls"}),
        (lose_costs_of_limits_that_were_set_again, {"costs"}),
        (purge_campaigns_with_messages, {"controls"}),
        (lose_costs_after_a_purge, {"costs"}),
        (purge_costs_of_today, {"costs"}),
        (count_late_reports_again, {"counts"}),
        (keep_ended_messages, {"memory"}),
        (keep_unanswered_messages, {"memory"}),
        (keep_messages_that_were_looked_up, {"nothing left"}),
        (keep_hedged_messages, {"nothing left"}),
        (store_duplicates, {"stored once"}),
        (reserve_for_duplicates, {"costs"}),
        (acknowledge_duplicates, {"acknowledged"}),
        (forget_ids_when_nothing_is_awaited, {"memory"}),
    ],
)
def test_a_planted_bug_is_found(bug: Bug, invariants: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found_and_reduced(bug, invariants, monkeypatch)


def test_a_failing_storm_is_reduced_to_the_messages_and_faults_that_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without any one of these messages, or of these faults, it does not fail."""
    monkeypatch.setattr(Node, "recover", lambda node, now_ns, recovered, unread=0, sent=0: [])
    monkeypatch.setattr(Node, "recover_sent", lambda node, now_ns, page, left=0: [])
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


def _fails(plan: StormPlan, part: StormPart, invariants: frozenset[str]) -> bool:
    return not invariants.isdisjoint(storm(kept(plan, part)).invariants)
