"""What every store must do with the reports on campaigns."""

from __future__ import annotations

from messages import made_message
from msgspec.structs import replace
from store_nodes import OpenStore

from reference_sender.dispatch.values import Change, Message, State
from reference_sender.store import Work
from reference_sender.store.campaign_reports import (
    CampaignProgress,
    CampaignRow,
    ReportMade,
    ReportMailed,
    ReportOrder,
    StoredReport,
)

BOTH = ("a@example.org", "b@example.org")


def message(number: int, campaign: str = "may") -> Message:
    return made_message(
        number, text="Sale", sender_id="", campaign=campaign, segments=2, created_ns=10, expires_ns=10**6
    )


def ended(number: int, state: State, reason: str = "") -> Change:
    return Change(number, f"k-{number}", state, reason, f"p-{number}", 1, 20)


def test_an_order_waits_until_its_report_is_made_and_mailed(open_it: OpenStore) -> None:
    store = open_it()
    assert (store.reports_waiting(), store.campaign_report("may")) == ([], None)
    store.commit(Work(controls=[ReportOrder("may", 5, "pl", BOTH), ReportOrder("june", 6)]))
    ordered = StoredReport("may", 5, "pl", BOTH, True, None, None, False)
    assert open_it().reports_waiting() == [StoredReport("june", 6, "", (), True, None, None, False), ordered]

    open_it().commit(
        Work(controls=[ReportMade("may", 5, b"{}", 9, True), ReportMade("june", 6, None, 9, False)])
    )
    made = replace(ordered, due=False, summary=b"{}", made_ns=9, to_mail=True)
    assert open_it().reports_waiting() == [made]
    open_it().commit(Work(controls=[ReportMailed("may", 8)]))
    assert open_it().reports_waiting() == [made]
    open_it().commit(Work(controls=[ReportMailed("may", 9)]))
    store = open_it()
    assert store.reports_waiting() == []
    assert store.campaign_report("may") == replace(made, to_mail=False)


def test_a_later_order_keeps_the_report_until_there_is_a_new_one(open_it: OpenStore) -> None:
    store = open_it()
    store.commit(Work(controls=[ReportOrder("may", 5, "pl", BOTH), ReportMade("may", 5, b"1", 9, False)]))
    store.commit(Work(controls=[ReportOrder("may", 4)]))  # by a clock that is behind
    again = StoredReport("may", 6, "pl", BOTH, True, b"1", 9, False)
    assert open_it().reports_waiting() == [again]
    open_it().commit(Work(controls=[ReportOrder("may", 7, "en", BOTH[:1])]))
    assert open_it().campaign_report("may") == replace(
        again, ordered_ns=7, language="en", recipients=BOTH[:1]
    )


def test_a_report_for_an_earlier_order_is_not_kept(open_it: OpenStore) -> None:
    """Rows arrived while it was made, or another node was faster."""
    store = open_it()
    store.commit(Work(controls=[ReportOrder("may", 5), ReportOrder("may", 7)]))
    store.commit(Work(controls=[ReportMade("may", 5, b"old", 9, True), ReportMade("june", 5, b"", 9, True)]))
    assert open_it().reports_waiting() == [StoredReport("may", 7, "", (), True, None, None, False)]


def test_the_messages_of_a_campaign_are_read_in_pages(open_it: OpenStore) -> None:
    store = open_it()
    held = replace(message(5), not_before_ns=15)
    store.commit(Work([message(1), message(2, "june"), message(3), message(4, ""), held]))
    store.commit(Work(changes=[ended(1, State.DELIVERED), ended(5, State.FAILED, "smsapi_13")]))
    store = open_it()
    first = CampaignRow(1, "k-1", "48500100200", State.DELIVERED, "", "p-1", 2, 10, 0, 20)
    third = CampaignRow(3, "k-3", "48500100200", State.QUEUED, "", None, 2, 10, 0, 10)
    fifth = CampaignRow(5, "k-5", "48500100200", State.FAILED, "smsapi_13", "p-5", 2, 10, 15, 20)
    assert store.campaign_rows("may", 0, 2) == [first, third]
    assert store.campaign_rows("may", 3, 2) == [fifth]
    assert store.campaign_rows("", 0, 9) == []

    assert store.campaign_progress("may", 0, 9) == CampaignProgress(3, 5, 3, 20)
    assert store.campaign_progress("may", 0, 1) == CampaignProgress(1, 1, None, 20)
    assert store.campaign_progress("may", 3, 9) == CampaignProgress(1, 5, None, 20)
    assert store.campaign_progress("may", 5, 9) == CampaignProgress(0, 0, None, 0)
    assert store.campaign_progress("none", 0, 9) == CampaignProgress(0, 0, None, 0)
