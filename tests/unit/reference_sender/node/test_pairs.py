"""An OTP and its second message: at two nodes of a store, or one had ended before the process began."""

from __future__ import annotations

from typing import Any

import pytest
from messages import made_message
from msgspec.structs import replace
from nanoseconds import LATER, S

from reference_sender.dispatch import Dispatcher, DispatchSettings
from reference_sender.dispatch.values import (
    EndedMessage,
    Lane,
    LookUp,
    Message,
    Outcome,
    Recovered,
    Report,
    Result,
    RouteLimits,
    State,
)
from reference_sender.node.effects import Acknowledge, SubmitNow
from reference_sender.node.node import Node
from reference_sender.node.node_share import NodeShare
from reference_sender.node.times import NodeTimes
from reference_sender.policy.campaigns import Campaign, CampaignChange, CampaignState
from reference_sender.policy.gate import Gate, open_gate
from reference_sender.store import HandedOver, Renewal, Work
from reference_sender.store.sharing import WHOLE

TIMES = NodeTimes(linger_ns=0, retry_ns=50, early_report_ns=100)
AT, UNTIL = 10 * S, 10_000 * S
FIRST_ENDS = Report("", "k-1", State.DELIVERED, "delivered_by_second")


def otp(number: int, key: str) -> Message:
    return made_message(number, key=key, lane=Lane.OTP)


FIRST, SECOND = otp(1, "k-1"), otp(2, "k-1~2")
SENT_FIRST = Recovered(FIRST, State.SENT, 1, "p-1", 5 * S, "a")
SENT_SECOND = Recovered(SECOND, State.SENT, 1, "p-2", 5 * S, "b")
DELIVERED_SECOND = Report("p-2", "k-1~2", State.DELIVERED, "")

BOTH_DELIVERED = [("k-1~2", State.DELIVERED, ""), ("k-1", State.DELIVERED, "delivered_by_second")]


def limits(name: str, window_s: float = 86_400.0) -> RouteLimits:
    lookup_s = 0.0 if window_s else 600.0
    return RouteLimits(name, 1e6, 1e6, 1e6, 1e6, 10, 8, window_s, lookup_s)


def node(*, hedges: bool = True, several: bool = True, window_s: float = 86_400.0) -> Node:
    settings = DispatchSettings(hedge_otp_after_s=5 if hedges else None)
    made = Node(Dispatcher(settings, (limits("a"), limits("b", window_s)), 1), TIMES)
    if several:
        made.join(NodeShare(100))
        made.renewed(AT, UNTIL, Renewal(2, WHOLE // 2, 0))
    return made


def queried() -> Node:
    """A process that is alone. A status query shows that the second message, which it has, was delivered."""
    asking = replace(limits("b"), answers_status=True)
    settings = DispatchSettings(hedge_otp_after_s=5, report_query_s=2)
    here = Node(Dispatcher(settings, (limits("a"), asking), 1), TIMES)
    here.recover(AT, [SENT_SECOND])
    for at_s in range(10, 20):
        here.advance(at_s * S)
    here.status_found(20 * S, SECOND.key, DELIVERED_SECOND)
    return here


def begun(made: Node, now_ns: int) -> Work:
    assert made.commit_due_ns() is not None
    work = made.begin_commit(now_ns).work
    assert work is not None
    return work


def ends(work: Work) -> list[tuple[str, State, str]]:
    return [(each.key, each.state, each.reason) for each in work.changes]


@pytest.mark.parametrize("hedges", [True, False])
def test_a_delivered_second_message_ends_its_first_one_at_another_node(hedges: bool) -> None:
    here, there = node(hedges=hedges), node(hedges=hedges)
    here.recover(AT, [SENT_SECOND])
    there.recover(AT, [SENT_FIRST])
    assert here.reported(AT, [DELIVERED_SECOND], "provider") == []
    work = begun(here, AT)
    assert ends(work) == [("k-1~2", State.DELIVERED, "")]
    assert work.handed_over == [FIRST_ENDS], "in the transaction of its cause"
    assert here.committed(AT, {}) == [Acknowledge("provider", True)]

    there.handed_over(AT, [HandedOver(7, FIRST_ENDS)])
    work = begun(there, AT)
    assert (ends(work), work.read) == ([("k-1", State.DELIVERED, "delivered_by_second")], [7])
    assert (here.state(LATER).open, there.state(LATER).open) == (0, 0)
    assert here.state(LATER).totals["orphan_reports"] == there.state(LATER).totals["orphan_reports"] == 0


def test_a_first_message_that_ended_meanwhile_is_delivered_by_the_oldest_node() -> None:
    oldest = node()
    oldest.handed_over(AT, [HandedOver(7, FIRST_ENDS)])
    commit = oldest.begin_commit(AT)
    assert (commit.work, list(commit.late)) == (None, [FIRST_ENDS])
    oldest.committed(AT, {}, [EndedMessage(FIRST, State.EXPIRED, 1, "p-1", "a")])
    work = begun(oldest, AT)
    assert (ends(work), work.read) == ([("k-1", State.DELIVERED, "delivered_by_second")], [7])
    assert not work.handed_over
    assert oldest.state(LATER).totals["orphan_reports"] == 0


def test_a_second_message_that_had_ended_and_is_delivered_late_ends_its_first_one_at_another_node() -> None:
    oldest = node(hedges=False)
    oldest.handed_over(AT, [HandedOver(7, DELIVERED_SECOND)])
    oldest.begin_commit(AT)
    oldest.committed(AT, {}, [EndedMessage(SECOND, State.FAILED, 1, "p-2", "b")])
    work = begun(oldest, AT)
    assert (ends(work), work.read) == ([("k-1~2", State.DELIVERED, "")], [7])
    assert work.handed_over == [FIRST_ENDS]


def test_a_query_or_a_lookup_that_finds_a_delivered_second_message_ends_its_first_one_elsewhere() -> None:
    here = node(window_s=0.0)
    here.recover(AT, [Recovered(SECOND, State.QUEUED, 1, None, None, "b", 9 * S)])
    asked: list[Any] = []
    for at_s in range(10, 20):
        asked += here.advance(at_s * S)
    assert [type(each) for each in asked[:1]] == [LookUp]
    here.looked_up(20 * S, SECOND.key, [replace(DELIVERED_SECOND, key=None)])
    work = begun(here, 20 * S)
    assert (ends(work), work.handed_over) == ([("k-1~2", State.DELIVERED, "")], [FIRST_ENDS])


def test_a_process_that_finds_a_second_message_delivered_looks_for_an_ended_first_one() -> None:
    """A lookup finds it after a restart. The first message had ended before."""
    here = node(several=False, window_s=0.0)
    here.recover(AT, [Recovered(SECOND, State.QUEUED, 1, None, None, "b", 9 * S)])
    for at_s in range(10, 20):
        here.advance(at_s * S)
    here.looked_up(20 * S, SECOND.key, [replace(DELIVERED_SECOND, key=None)])
    commit = here.begin_commit(20 * S)
    assert (commit.work, [each.key for each in commit.late]) == (None, ["k-1"])
    here.committed(20 * S, {}, [EndedMessage(FIRST, State.EXPIRED, 1, "p-1", "a")])
    assert ends(begun(here, 20 * S)) == BOTH_DELIVERED, "in one transaction"


def test_a_status_query_finds_both_messages_delivered_in_one_transaction() -> None:
    here = queried()
    commit = here.begin_commit(20 * S)
    assert (commit.work, list(commit.late)) == (None, [FIRST_ENDS])
    here.committed(20 * S, {}, [EndedMessage(FIRST, State.EXPIRED, 1, "p-1", "a")])
    assert ends(begun(here, 20 * S)) == BOTH_DELIVERED


def test_a_second_message_whose_first_one_the_store_cannot_read_waits_for_it() -> None:
    here = queried()
    here.begin_commit(20 * S)
    here.committed(20 * S, {}, None)
    assert here.commit_due_ns() == 20 * S + TIMES.retry_ns
    commit = here.begin_commit(21 * S)
    assert (commit.work, list(commit.late)) == (None, [FIRST_ENDS])
    here.committed(21 * S, {}, [EndedMessage(FIRST, State.EXPIRED, 1, "p-1", "a")])
    assert ends(begun(here, 21 * S)) == BOTH_DELIVERED
    here.committed(21 * S, {}, [])
    assert here.commit_due_ns() is None


def test_a_second_message_is_delivered_also_if_no_store_has_its_first_one() -> None:
    here = queried()
    here.begin_commit(20 * S)
    here.committed(20 * S, {}, [])
    assert ends(begun(here, 20 * S)) == BOTH_DELIVERED[:1]


def test_an_answer_that_identifies_a_report_ends_both_messages_and_the_attempt_in_one_transaction() -> None:
    """The report has no key and came before the answer. The first message ended in an earlier process."""
    here = node(several=False)
    here.recover(AT, [Recovered(SECOND, State.QUEUED, 1, None, None, "b", 9 * S)])
    here.advance(AT)
    (attempt,) = begun(here, AT).attempts
    (submit,) = here.committed(AT, {})
    assert isinstance(submit, SubmitNow)
    here.reported(AT, [replace(DELIVERED_SECOND, key=None)], "provider")
    here.begin_commit(AT)
    assert here.committed(AT, {}, []) == []
    here.answered(AT, submit.batch_id, [Result(Outcome.ACCEPTED, "p-2")])
    commit = here.begin_commit(AT)
    assert (commit.work, list(commit.late)) == (None, [FIRST_ENDS]), "the attempt is in flight until then"
    assert here.committed(AT, {}, [EndedMessage(FIRST, State.EXPIRED, 1, "p-1", "a")]) == []
    work = begun(here, AT)
    assert (ends(work)[-2:], work.ended) == (BOTH_DELIVERED, [attempt.attempt_id])
    assert here.committed(AT, {}) == [Acknowledge("provider", True)]


def test_a_report_is_confirmed_once_the_ended_first_message_of_its_second_one_is_durable() -> None:
    here = node(several=False)
    here.recover(AT, [SENT_SECOND])
    here.reported(AT, [DELIVERED_SECOND], "provider")
    commit = here.begin_commit(AT)
    assert (commit.work, list(commit.late)) == (None, [FIRST_ENDS])
    assert here.committed(AT, {}, [EndedMessage(FIRST, State.FAILED, 1, "p-1", "a")]) == []
    assert ends(begun(here, AT)) == BOTH_DELIVERED
    assert here.committed(AT, {}) == [Acknowledge("provider", True)]


@pytest.mark.parametrize("when", ["before the answer of the store", "after it"])
def test_a_late_report_that_comes_twice_delivers_the_second_message_once(when: str) -> None:
    """Both messages had ended before. The change of the second one waits until the first one is found."""
    here = node(several=False)
    expired = [
        EndedMessage(SECOND, State.EXPIRED, 1, "p-2", "b"),
        EndedMessage(FIRST, State.EXPIRED, 1, "p-1", "a"),
    ]
    here.reported(AT, [replace(DELIVERED_SECOND, key="k-1~2")], "provider")
    here.begin_commit(AT)
    if when == "before the answer of the store":
        here.reported(AT, [DELIVERED_SECOND], "again")
    here.committed(AT, {}, expired[:1])
    if when == "after it":
        here.reported(AT, [DELIVERED_SECOND], "again")
    written = []
    while here.commit_due_ns() is not None:
        commit = here.begin_commit(AT)
        written += ends(commit.work) if commit.work else []
        here.committed(AT, {}, expired if commit.late else [])
    assert written == BOTH_DELIVERED
    counted = here.state(LATER).totals
    assert (counted["delivered"], counted["orphan_reports"]) == (2, 0)


def test_a_report_that_comes_again_after_a_crash_ends_the_first_message() -> None:
    """The second message was stored as delivered, and the process ended before the first one was."""
    here = node(several=False, hedges=False)
    here.reported(AT, [DELIVERED_SECOND], "provider")
    assert [each.key for each in here.begin_commit(AT).late] == ["k-1~2", "k-1"]
    here.committed(AT, {}, [EndedMessage(FIRST, State.EXPIRED, 1, "p-1", "a")])
    assert ends(begun(here, AT)) == [("k-1", State.DELIVERED, "delivered_by_second")]
    assert here.committed(AT, {}) == [Acknowledge("provider", True)]


def policed(*, hedges: bool) -> tuple[Node, Gate]:
    """A node that is alone, and its rules."""
    gate = open_gate()
    settings = DispatchSettings(hedge_otp_after_s=5 if hedges else None)
    return Node(Dispatcher(settings, (limits("a"), limits("b")), 1), TIMES, gate), gate


@pytest.mark.parametrize("reads_later", [True, False])
def test_a_second_message_of_an_earlier_process_ends_its_first_one_also_if_hedging_is_off_now(
    reads_later: bool,
) -> None:
    here = node(hedges=False, several=False)
    if reads_later:
        here.recover(AT, [], 0, 2)
        here.recover_sent(AT, [SENT_FIRST, SENT_SECOND])
    else:
        here.recover(AT, [SENT_FIRST, SENT_SECOND])
    here.reported(AT, [DELIVERED_SECOND, replace(DELIVERED_SECOND, key="k-1", provider_id="p-1")], "provider")
    assert ends(begun(here, AT)) == [
        ("k-1~2", State.DELIVERED, ""),
        ("k-1", State.DELIVERED, "delivered_by_second"),
    ]
    here.committed(AT, {}, [])  # the second report has no news
    here.begin_commit(AT)
    assert here.committed(AT, {}) == [Acknowledge("provider", True)]
    assert (here.state(LATER).open, here.state(LATER).totals["orphan_reports"]) == (0, 1)


def test_a_second_message_that_waits_at_a_restart_is_not_sent_if_hedging_is_off_now() -> None:
    here = node(hedges=False, several=False)
    here.recover(AT, [SENT_FIRST, Recovered(SECOND, State.QUEUED, 0, None, None)])
    assert ends(begun(here, AT)) == [("k-1~2", State.EXPIRED, "second_not_needed")]


@pytest.mark.parametrize("hedges", [True, False])
def test_a_held_second_message_is_sent_after_a_restart_only_if_hedging_is_still_on(hedges: bool) -> None:
    here, gate = policed(hedges=hedges)
    gate.change(AT, Campaign("may", CampaignState.PAUSED))
    first, second = replace(FIRST, campaign="may"), replace(SECOND, campaign="may")
    here.recover(AT, [replace(SENT_FIRST, message=first), Recovered(second, State.QUEUED, 0, None, None)])
    assert gate.held_messages == 1
    here.change_campaign(AT, CampaignChange("may", CampaignState.RUNNING), "person")
    here.advance(AT)
    work = begun(here, AT)
    assert [(each.route, each.message_ids) for each in work.attempts] == ([("b", (2,))] if hedges else [])
    assert ends(work) == ([] if hedges else [("k-1~2", State.EXPIRED, "second_not_needed")])
