"""Messages at the provider with keys that the load did not send may be copies."""

from __future__ import annotations

import pytest
from run_builder import Build
from screen_texts import answer_text, aside_text

from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.judge.losses import PASS_THE_KEY
from analysis.report import build_report


@pytest.mark.parametrize(
    ("copies", "limit", "verdict"), [(0, 0, "met"), (15, 0, "undecided"), (15, 20, "met")]
)
def test_a_sender_that_makes_a_key_for_each_attempt_is_not_said_to_duplicate_nothing(
    new_run: Build, copies: int, limit: int, verdict: str
) -> None:
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 2.0)
        if slot < copies:
            run.seen(f"other-{slot}", slot / 10 + 0.1, provider_id=f"copy-{slot}")
    asked = f"duplicates<={limit}"
    told = build_report(run.write(load_s=30.0, end_s=60.0), objectives=(asked,))
    found = next(each for each in told.objectives if each.measure == "duplicates")
    assert ((found.low, found.high), found.verdict) == ((0, copies), verdict)
    said = answer_text(told, "wrong")
    assert (f"{copies} at the provider with other keys: these may be copies" in said) == bool(copies)


def test_copies_with_other_keys_are_paid(new_run: Build) -> None:
    """300 messages and 150 others at 0.5 each: 750 for 1,000 delivered if these are copies, else 500."""
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 2.0)
        if slot % 2:
            run.seen(f"other-{slot}", slot / 10 + 0.1, provider_id=f"copy-{slot}")
    run_dir, limits = run.write(load_s=30.0, end_s=60.0), (600, 800, 400)
    reports = [build_report(run_dir, objectives=(f"cost_per_1000<{limit}",)) for limit in limits]
    told = reports[0]
    cost = told.parts[0].cost
    assert (cost.points, cost.other_keys_points, cost.duplicates_points) == (225.0, 75.0, 0.0)
    found = [each for report in reports for each in report.objectives if each.measure == "cost_per_1000"]
    assert [each.verdict for each in found] == ["undecided", "met", "missed"]
    assert [(each.low, each.high) for each in found] == [(500.0, 750.0)] * 3
    assert found[0].needs == PASS_THE_KEY
    of_missed = first_screen(reports[2])
    assert contradictions(of_missed, reports[2]) == ()
    said = " ".join(as_text(each) for each in of_missed.bottleneck)
    paid = "225 points were paid, of which 75.0 points for messages with other keys (may be copies), 0 points"
    assert f"Cause: {paid} for messages that failed" in said  # the segments of the load cost 150 of them
    (sums,) = told.totals
    assert (sums.paid, sums.paid_for_other_keys) == (225.0, 75.0)
    assert (sums.paid_per_delivered, sums.paid_per_delivered_low) == (0.75, 0.5)
    said = aside_text(told, "cost")
    assert "0.75 points per delivered SMS" in said
    assert "(at least 0.5 points if those with other keys are no copies)" in said
    assert "75.0 points for messages with other keys, which may be copies," in said


def test_messages_without_their_key_are_no_copies(new_run: Build) -> None:
    """The load's own messages: how many of them arrived is not known, so neither are their prices counted."""
    run = new_run("run")
    for slot in range(300):
        if slot % 3:
            run.journey(f"m-{slot}", slot / 10, 2.0)
        else:
            run.due(f"m-{slot}", slot / 10)
            run.seen(f"other-{slot}", slot / 10 + 0.1)
    cost = build_report(run.write(load_s=30.0, end_s=60.0)).parts[0].cost
    assert (cost.points, cost.other_keys_points) == (100.0, 0.0)
