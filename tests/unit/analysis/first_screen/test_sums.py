"""Figures of the first screen that belong together: what they add up to, and what they are counted from."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from made_benches import suite
from made_reports import accounting, part, report
from page_reading import disagreements, rendered
from screen_texts import answer_text, aside_text

from analysis.findings import Availability, CampaignFigures, Fairness
from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.render.tables_findings import capacity, comparisons, fairness, totals

replace = msgspec.structs.replace


def test_the_accepted_messages_add_up(tmp_path: Path) -> None:
    """Of 10,995 accepted messages 9,990 were delivered, 0 lost and 0 unaccounted: 1,005 had no line."""
    made = report(part(accounting=accounting(delivered=2_700, failed=150, expired=30, open=120)))
    assert "2,700 delivered, 180 failed or expired, 120 still open at the end, of 3,000 accepted" in (
        answer_text(made, "seen")
    )
    assert "for messages that failed or expired (those still open at the end are not counted), of" in (
        aside_text(first_screen(made), "cost")
    )
    names = [row[0] for row in totals(made).rows]
    assert "failed or expired" in names and "still open at the end" in names
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []
    every = report(part())
    assert "3,000 delivered, of 3,000" in answer_text(every, "seen")
    absent = report(part(accounting=accounting(delivered=2_880, open=120, unaccounted=63)))
    assert "120 still open at the end (63 of them never seen by the provider), of" in (
        answer_text(absent, "seen")
    )
    assert "not counted" not in aside_text(first_screen(every), "cost")


@pytest.mark.parametrize(("lost", "may_arrive"), [(0, 64), (240, 304)])
def test_messages_that_the_provider_never_saw_make_no_delivery_cheaper(lost: int, may_arrive: int) -> None:
    """Without the sender's rows they are open; with them they are lost, and none of the open ones."""
    counted = accounting(accepted=1_541 + lost, delivered=1_237, open=304, lost=lost, unaccounted=240)
    (sums,) = report(part(accounting=counted)).totals
    assert sums.paid_per_delivered_low == pytest.approx(sums.paid / (1_237 + may_arrive))


def test_the_price_of_a_delivery_says_which_deliveries_it_counts(tmp_path: Path) -> None:
    """It was beside *3,839 delivered*, and counted those that the sender had not acknowledged as well."""
    some = accounting(accepted=2_000, delivered=2_000, failed_at_api=1_000, delivered_unacknowledged=600)
    made = report(part(accounting=some))
    assert aside_text(first_screen(made), "cost").startswith(
        "0.192 PLN per delivered SMS (2,000 accepted, and 600 that the sender did not acknowledge); 0 PLN"
    )
    page, _, summary = rendered(made, tmp_path)
    assert disagreements(page, summary) == []


def test_the_percentiles_of_a_comparison_are_those_of_the_pairs() -> None:
    """*Objectives* has another p95 of the same part: that of all its messages."""
    (_, table), *_ = comparisons(suite())
    names = [column.name for column in table.columns]
    assert {"p95 of the pairs", "counterpart's p95 of the pairs"} <= set(names) and "p95" not in names


def test_an_available_window_can_have_a_backlog_that_rises_and_goes_back() -> None:
    windows = Availability(available=9, unavailable=0, windows=9, window_s=10.0, first_bad_at_s=None, why="")
    text = answer_text(report(part(availability=windows)), "wrong")
    assert "no backlog grew until the end of the load, in 9 of 9 windows of 10 s" in text


def test_the_rates_of_campaigns_say_how_they_are_counted() -> None:
    """They add up to half of the best ten seconds of question one."""
    both = tuple(
        CampaignFigures(name=name, messages=1_500, delivered=1_400, per_s=33.8, p95=None)
        for name in ("campaign-1", "campaign-2")
    )
    made = report(part(fairness=Fairness(campaigns=both, jain=0.995)))
    said = aside_text(first_screen(made), "campaigns")
    assert "Each rate is counted from the first arrival to the instant at which 95 % are delivered." in said
    assert contradictions(first_screen(made), made) == ()
    assert "per second, until 95 % delivered" in [column.name for column in fairness(made, 0).columns]


def test_a_trial_that_delivered_more_than_its_rate_says_why() -> None:
    found = suite().capacity
    assert found is not None
    (first,) = found.trials
    more = replace(found, trials=(first, replace(first, rate_per_s=8_000.0, delivered_per_s=8_200.0)))
    _, plain, told = (row[3] for row in capacity(suite(capacity=more)).rows)
    assert (
        told == "the delivered rate is fitted to the steady part, and may exceed the offered one"
        and plain == ""
    )


def test_two_trials_at_one_rate_differ_by_their_load() -> None:
    found = suite().capacity
    assert found is not None
    (first,) = found.trials
    twice = replace(
        found, trials=tuple(replace(first, load_s=load_s, why="met") for load_s in (8.0, 25 / 3, 32.5))
    )
    assert [row[3] for row in capacity(suite(capacity=twice)).rows][1:] == [
        "load of 8 s; met",
        "load of 8.33 s; met",
        "load of 32.5 s; met",
    ]


def test_an_invalid_run_does_not_answer_whether_ten_times_is_possible() -> None:
    """The answer was *No*, from objectives that a failure of the bench had missed."""
    missed = part(p95_s={"otp": 14.0}, validity="invalid")
    made = report(missed, part("06-day-5m", messages_per_day=5_000_000))
    assert answer_text(made, "ten_times") == "Not known: the figures of this run cannot be used."
    good = report(part(), part("06-day-5m", messages_per_day=5_000_000))
    assert answer_text(good, "ten_times").startswith("Yes")


@pytest.mark.parametrize("still_open", [0, 100])
def test_the_price_of_a_delivered_message_has_both_ends(still_open: int) -> None:
    """Messages that are still open were paid for: the price without them is the upper end."""
    made = report(part(accounting=accounting(accepted=1_000, delivered=1_000 - still_open, open=still_open)))
    (summed,) = made.totals
    assert summed.paid == 500
    assert summed.paid_per_delivered == pytest.approx(500 / (1_000 - still_open))
    said = aside_text(first_screen(made), "cost")
    low = " per delivered SMS (at least 0.5 PLN if those still open arrive); "
    assert (low in said) == bool(still_open)
    assert ("if those still open arrive" in said) == bool(still_open)
