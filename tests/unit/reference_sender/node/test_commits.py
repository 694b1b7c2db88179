"""Group commit: who shares a transaction, and what a failing store does to those who wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest
from messages import made_message

from reference_sender.dispatch.values import Change, Lane, Message, Report, State, SubmitAttempt, SubmitBatch
from reference_sender.node.commits import Commits, EndedReports
from reference_sender.policy.campaigns import CampaignChange, CampaignState
from reference_sender.policy.spending import Spent
from reference_sender.store.protocol import Work


def message(number: int) -> Message:
    return made_message(number, lane=Lane.OTP, expires_ns=1)


def change(at_ns: int) -> Change:
    return Change(1, "k-1", State.SENT, "", None, 1, at_ns)


def attempt(attempt_id: int) -> SubmitAttempt:
    return SubmitAttempt(attempt_id, "a", 0, (1,))


STOPPED = CampaignChange("may", CampaignState.CANCELLED, None)
REPORT = Report("p-1", None, State.DELIVERED, "")
BATCH = SubmitBatch(1, "a", (message(1),))


def begun(commits: Commits, now_ns: int = 0) -> Work:
    work = commits.begin(now_ns).commit(list).work
    assert work is not None
    return work


def test_messages_that_come_together_share_one_commit() -> None:
    commits = Commits(0, 0)
    assert commits.due_ns() is None
    commits.change([change(7)])
    commits.add(message(1), "one")
    commits.add_many([message(2), message(3)], "many")
    commits.attempt(attempt(7), BATCH)
    commits.ended(6)
    assert commits.waiting == 3
    assert begun(commits) == Work(
        [message(1), message(2), message(3)], [change(7)], [attempt(7)], [6], (), []
    )
    group = commits.done()
    assert (group.singles, group.many, commits.waiting) == ([(1, "one")], ["many"], 0)


def test_one_commit_is_in_progress_at_a_time_and_the_next_one_lingers() -> None:
    commits = Commits(linger_ns=5, retry_ns=0)
    commits.add(message(1), 1)
    assert commits.due_ns() == 0
    begun(commits, now_ns=100)
    commits.add(message(2), 2)
    assert commits.due_ns() is None
    commits.done()
    assert commits.due_ns() == 105
    assert begun(commits).messages == [message(2)]


def test_changes_keep_their_order_across_failed_commits() -> None:
    commits = Commits(0, 0)
    commits.change([change(1), change(2)])
    for newer in (3, 4):
        assert [each.at_ns for each in begun(commits).changes] == [1, 2]
        commits.change([change(newer)])
        commits.ended(newer)
        commits.failed(0)
    assert [each.at_ns for each in begun(commits).changes] == [1, 2]
    commits.done()
    work = begun(commits)
    assert ([each.at_ns for each in work.changes], work.ended) == ([3, 4], [3, 4])


def test_waiters_for_changes_continue_to_wait_when_a_commit_fails() -> None:
    commits = Commits(0, 0)
    commits.answer_when_stored("report", True)
    begun_group = commits.begin(0)
    assert begun_group.commit(list).work is None  # nothing is to be written
    commits.answer_when_stored("later")
    assert commits.failed(0) is begun_group
    commits.begin(0)
    assert commits.done().changed == [("report", True)]
    commits.begin(0)
    assert commits.done().changed == [("later", None)]


def test_a_repeat_holds_nothing_that_was_handed_over_after_the_failed_commit() -> None:
    """Found by storms: a cancel was acknowledged with the repeat, and an attempt made before it followed."""
    commits = Commits(0, 0)
    commits.change([change(1)])
    begun(commits)
    commits.failed(0)
    commits.attempt(attempt(7), BATCH)
    commits.control([STOPPED])
    commits.answer_when_stored("cancelled")
    commits.add(message(2), "client")
    commits.probe("health")
    commits.hand_over([REPORT])
    commits.find_ended(EndedReports([REPORT], [("provider", [REPORT])], [4]))
    repeat = commits.begin(0)
    assert repeat.commit(list).work == Work([], [change(1)], [], [], (), [])
    assert not (repeat.changed or repeat.probes or repeat.late or repeat.singles)
    assert commits.controls() == [STOPPED]
    commits.done()
    later = commits.begin(0)
    work = later.commit(list).work
    assert work is not None
    assert (work.messages, work.attempts, work.controls) == ([message(2)], [attempt(7)], [STOPPED])
    assert (later.changed, later.probes, later.late.read) == ([("cancelled", None)], ["health"], [4])


def test_a_repeat_has_no_cost_whose_cause_comes_with_a_later_commit() -> None:
    """If the process ended between the two commits, the next one would return the cost a second time."""
    spent = Counter({("may", 1): 40})

    def totals(changed: Iterable[Spent]) -> list[Spent]:
        return [Spent(each.campaign, each.day, spent[each.campaign, each.day]) for each in changed]

    def change_cost(amount: int) -> None:
        spent["may", 1] += amount
        commits.control([Spent("may", 1, amount)])

    def written() -> list[Spent]:
        work = commits.begin(0).commit(totals).work
        return [] if work is None else [each for each in work.controls if isinstance(each, Spent)][-1:]

    commits = Commits(0, 0)
    change_cost(-10)
    assert written() == [Spent("may", 1, 30)]
    change_cost(-16)  # messages end
    commits.failed(0)
    assert written() == [Spent("may", 1, 30)]
    change_cost(5)
    commits.failed(0)
    assert written() == [Spent("may", 1, 30)]
    commits.done()
    assert written() == [Spent("may", 1, 19)]


def test_messages_and_probes_that_wait_for_a_repeat_that_fails_are_refused_with_it() -> None:
    commits = Commits(0, 0)
    commits.change([change(1)])
    begun(commits)
    commits.failed(0)
    commits.add(message(2), "one")
    commits.add_many([message(3)], "many")
    commits.probe("health")
    begun(commits)
    refused = commits.failed(0)
    assert (refused.singles, refused.many, refused.probes) == ([(2, "one")], ["many"], ["health"])
    assert commits.waiting == 0
    begun(commits)
    commits.done()
    assert commits.due_ns() is None


def test_the_messages_of_a_failed_commit_are_given_up_and_its_predicted_attempt_ended() -> None:
    """A commit that failed during its write may be on disk nevertheless."""
    commits = Commits(0, 0)
    commits.add(message(1), "one")
    commits.attempt(attempt(7), BATCH)
    commits.ended(5)
    group = commits.begin(0)
    group.predicted_attempt = attempt(8)
    failed = commits.failed(0)
    assert (failed.singles, failed.attempts, commits.waiting) == ([(1, "one")], [(attempt(7), BATCH)], 0)
    assert begun(commits) == Work([], [], [], [5, 7, 8], (), [1])


def test_a_store_that_failed_is_left_alone_for_a_while() -> None:
    commits = Commits(linger_ns=1, retry_ns=60)
    commits.change([change(1)])
    begun(commits, 100)
    commits.failed(110)
    assert commits.due_ns() == 170


def test_a_probe_needs_no_write_where_there_is_work() -> None:
    commits = Commits(0, 0)
    commits.probe("health")
    probe = commits.begin(0).commit(list)
    assert (probe.work, probe.probe) == (None, True)
    commits.done()
    commits.probe("health")
    commits.ended(7)
    assert begun(commits) == Work([], [], [], [7], (), [])


def test_a_commit_that_ended_cannot_end_again() -> None:
    commits = Commits(0, 0)
    with pytest.raises(ValueError, match="no commit"):
        commits.done()
