"""Delivery reports that change nothing: the store for several nodes counts each of them once."""

from __future__ import annotations

import pytest
from messages import made_message
from postgres_server import PostgresServer
from store_nodes import LONG, Join

from reference_sender.dispatch.message_states import DELIVERED_BY_SECOND
from reference_sender.dispatch.values import Change, Message, Report, State
from reference_sender.policy.campaigns import CampaignChange, CampaignState
from reference_sender.store import StoreError, Work
from reference_sender.store.postgres import leases, writing


def message(message_id: int) -> Message:
    return made_message(message_id, created_ns=1_000)


def change(message_id: int, state: State, provider_id: str | None = None) -> Change:
    return Change(message_id, f"k-{message_id}", state, "why", provider_id, 1, 5_000, "a")


def test_reports_that_change_nothing_are_counted_once_by_the_node_that_got_them(join: Join) -> None:
    owner, other = join(LONG), join(LONG)
    ends = [change(n, state, f"p{n}") for n, state in ((1, State.DELIVERED), (2, State.FAILED))]
    owner.commit(Work([message(1), message(2), message(3)], ends))
    again = [Report("p1", "k-1", State.DELIVERED, ""), Report("p2", "k-2", State.FAILED, "")]
    news = [Report("p2", "k-2", State.DELIVERED, ""), Report("p3", "k-3", State.FAILED, "")]
    unknown = Report("p9", "k-9", State.DELIVERED, "of no message")
    other.commit(Work(handed_over=[*again, *news, unknown]))
    renewal = other.renew(0)
    assert (renewal.repeated_reports, renewal.orphan_reports) == (2, 1)
    renewal = other.renew(0)
    assert (renewal.repeated_reports, renewal.orphan_reports) == (0, 0)
    assert owner.renew(0).repeated_reports == 0
    assert [each.report for each in owner.reports(10)] == news


def test_only_reports_of_providers_are_counted(join: Join, postgres: PostgresServer) -> None:
    """That the second message of an OTP was delivered is handed over as a report about the first one."""
    owner, other = join(LONG), join(LONG)
    owner.commit(Work([message(1), message(2)], [change(1, State.DELIVERED, "p1")]))
    by_second = [Report("", f"k-{n}", State.DELIVERED, DELIVERED_BY_SECOND) for n in (1, 9)]
    other.commit(Work(handed_over=by_second))
    renewal = other.renew(0)
    assert (renewal.repeated_reports, renewal.orphan_reports) == (0, 0)
    # One that waited for the end of its message, or for its message, and then changes nothing.
    other.commit(Work(handed_over=[Report("", "k-2", State.DELIVERED, DELIVERED_BY_SECOND)]))
    owner.commit(Work(changes=[change(2, State.DELIVERED, "p2")]))
    for age in ("2 minutes", "2 hours"):
        postgres.sql(f"UPDATE smsbench.report SET came_at = clock_timestamp() - interval '{age}'")
        renewals = [node.renew(0) for node in (owner, other)]
        assert sum(each.repeated_reports + each.orphan_reports for each in renewals) == 0
    assert postgres.sql("SELECT count(*) FROM smsbench.report") == ["0"]


def test_reports_of_a_commit_that_is_repeated_are_counted_once(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = join(LONG), join(LONG)
    owner.commit(Work([message(1)], [change(1, State.DELIVERED, "p1")]))
    again = [Report("p1", "k-1", State.DELIVERED, ""), Report("p9", "k-9", State.DELIVERED, "")]
    work = Work(handed_over=again, controls=[CampaignChange("may", CampaignState.PAUSED)])

    async def failing(*_: object) -> None:
        raise StoreError("the server ended the connection")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "write_controls", failing)
        with pytest.raises(StoreError):
            other.commit(work)
    renewal = other.renew(0)
    assert (renewal.repeated_reports, renewal.orphan_reports) == (0, 0)
    other.commit(work)
    renewal = other.renew(0)
    assert (renewal.repeated_reports, renewal.orphan_reports) == (1, 1)


def test_reports_that_were_removed_are_counted_although_the_next_statement_fails(
    join: Join, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = join(LONG), join(LONG)
    owner.commit(Work([message(1)], [change(1, State.DELIVERED, "p1")]))
    other.commit(Work(handed_over=[Report("p1", None, State.DELIVERED, "")]))
    postgres.sql("UPDATE smsbench.report SET came_at = clock_timestamp() - interval '2 minutes'")
    with monkeypatch.context() as patch:
        patch.setattr(leases, "DROP_REPORTS", "SELECT 1 / 0")
        with pytest.raises(StoreError):
            owner.renew(0)
    assert owner.renew(0).repeated_reports + other.renew(0).repeated_reports == 1


def test_repeated_reports_without_a_key_are_counted_and_removed(join: Join, postgres: PostgresServer) -> None:
    owner, other = join(LONG), join(LONG)
    owner.commit(Work([message(1), message(2)], [change(1, State.DELIVERED, "p1")]))
    other.commit(Work(handed_over=[Report(f"p{n}", None, State.DELIVERED, "") for n in (1, 9)]))
    assert other.renew(0).repeated_reports == 0, "a node may have read it and removes it then"
    count = "SELECT count(*) FROM smsbench.report"
    for age, repeated, orphans, left in (("2 minutes", 1, 0, "1"), ("2 hours", 0, 1, "0")):
        postgres.sql(f"UPDATE smsbench.report SET came_at = clock_timestamp() - interval '{age}'")
        renewals = [node.renew(0) for node in (owner, other)]
        assert sum(each.repeated_reports for each in renewals) == repeated
        assert sum(each.orphan_reports for each in renewals) == orphans
        assert postgres.sql(count) == [left]
