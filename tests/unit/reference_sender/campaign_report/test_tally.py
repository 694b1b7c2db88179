"""Rows to a summary: outcomes, carriers, delivery times, and what is left out."""

from __future__ import annotations

import random

import msgspec
import pytest
from campaign_rows import BEGAN_NS, BRITISH, GERMAN, MIXED, ORANGE, PLAY, row
from nanoseconds import S

from reference_sender.campaign_report.carriers import carrier_finder
from reference_sender.campaign_report.durations import DurationBuckets
from reference_sender.campaign_report.tally import OTHER_REASONS, CampaignTally
from reference_sender.campaign_report.values import CampaignOutcome, CampaignSummary
from reference_sender.dispatch.values import State
from reference_sender.store.campaign_reports import CampaignRow


def summed(rows: list[CampaignRow]) -> CampaignSummary:
    tally = CampaignTally()
    tally.add(rows)
    assert tally.open_id is None
    return tally.summary("may", BEGAN_NS, 1_500_000, "PLN")


def test_every_message_has_one_outcome() -> None:
    summary = summed(MIXED)
    counts = {outcome.value: summary.with_outcome(outcome) for outcome in CampaignOutcome}
    assert counts == {"delivered": 3, "failed": 3, "expired": 1, "cancelled": 1, "unknown": 2}
    assert (summary.messages, summary.segments) == (10, 11)
    # Delivered, refused by a carrier, expired there, or accepted without a report.
    assert summary.accepted_by_provider == 7
    assert (summary.first_ns, summary.last_ns) == (MIXED[0].created_ns, MIXED[2].changed_ns)
    assert summary.cost == 1_500_000


def test_an_outcome_that_the_provider_does_not_know_is_unknown() -> None:
    summary = summed([row(1), row(2, State.EXPIRED, "unknown")])
    assert summary.with_outcome(CampaignOutcome.UNKNOWN) == 1
    assert summary.accepted_by_provider == 2


def tallied(rows: list[CampaignRow]) -> CampaignTally:
    tally = CampaignTally()
    tally.add(rows)
    return tally


def test_a_report_is_new_if_a_message_was_accepted_since_the_last_one() -> None:
    rows = [row(number, State.DELIVERED) for number in range(1, 4)]
    made_ns = BEGAN_NS + 3_600 * S
    before = tallied(rows).summary("may", made_ns, None)
    later = [msgspec.structs.replace(row(9, State.DELIVERED), created_ns=made_ns + 1)]
    assert not tallied([]).is_new_since(None)
    assert tallied(rows).is_new_since(None)
    assert not tallied(rows).is_new_since(before)
    assert not tallied(rows[:2]).is_new_since(before), "one was removed: the report on all stays"
    assert tallied([*rows, row(4, State.FAILED)]).is_new_since(before)
    assert tallied([*rows[1:], *later]).is_new_since(before), "as many, but one was removed and one is new"


def test_carriers_are_those_of_the_number_ranges() -> None:
    found = carrier_finder()
    assert [found(number) for number in (ORANGE, PLAY, GERMAN, BRITISH, "99999999", "12125551234")] == [
        ("Orange", "PL"),
        ("Play", "PL"),
        ("T-Mobile", "DE"),
        ("O2", "+44"),
        ("", ""),
        ("", "+1"),
    ]
    summary = summed(MIXED)
    assert [(each.name, each.country, each.messages) for each in summary.carriers] == [
        ("Orange", "PL", 6),
        ("Play", "PL", 2),
        ("O2", "+44", 1),
        ("T-Mobile", "DE", 1),
    ]
    assert summary.carriers[1].with_outcome(CampaignOutcome.DELIVERED) == 1
    assert summary.carriers[1].times is not None
    assert summary.carriers[2].times is None


def test_failures_are_added_up_over_carriers_most_frequent_first() -> None:
    failures = summed([*MIXED, row(11, State.FAILED, "undelivered", segments=3)]).failures()
    assert (failures[0].reason, failures[0].messages, failures[0].segments) == ("undelivered", 2, 4)
    assert len(failures) == 7
    assert not any(each.outcome is CampaignOutcome.DELIVERED for each in failures)


def test_the_delivery_time_of_a_scheduled_message_begins_at_its_time() -> None:
    times = summed([row(1, took_s=100.0, scheduled_s=90.0)]).times
    assert times is not None
    assert times.longest_s == pytest.approx(10)


def test_the_second_message_of_an_otp_is_not_counted() -> None:
    second = row(2, State.EXPIRED, "second_not_needed", key="k-1~2", provider_id=None)
    assert summed([row(1), second]).messages == 1


def test_a_message_that_is_not_final_ends_the_tally() -> None:
    tally = CampaignTally()
    tally.add([row(1), row(2, State.SENT), row(3)])
    assert (tally.open_id, tally.messages) == (2, 1)


def test_invented_reasons_are_bounded() -> None:
    summary = summed([row(number, State.FAILED, f"invented {number}") for number in range(500)])
    failures = summary.failures()
    assert len(failures) == 201
    assert (failures[0].reason, failures[0].messages) == (OTHER_REASONS, 300)


def test_a_summary_is_stored_without_loss() -> None:
    summary = summed(MIXED)
    assert msgspec.json.decode(msgspec.json.encode(summary), type=CampaignSummary) == summary


def test_percentiles_are_within_half_a_percent() -> None:
    draw = random.Random(7)
    spent_s = sorted(draw.lognormvariate(2, 1.5) for _ in range(10_000))
    durations = DurationBuckets()
    for each in spent_s:
        durations.add(int(each * S))
    times = durations.times()
    assert times is not None
    exact = [spent_s[int(share * 10_000) - 1] for share in (0.5, 0.9, 0.95, 0.99)]
    assert [times.p50_s, times.p90_s, times.p95_s, times.p99_s] == pytest.approx(exact, rel=0.005)
    assert times.longest_s == pytest.approx(spent_s[-1])
    assert DurationBuckets().times() is None
