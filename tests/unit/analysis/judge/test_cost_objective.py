"""The objective on the cost of 1,000 delivered messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_builder import Build, RunBuilder

from analysis.report import build_report


def hundred(run: RunBuilder) -> None:
    for slot in range(100):
        run.journey(f"m-{slot}", slot / 5, 3.0 + slot % 7 / 10, price=0.07)


def test_cost_counts_every_copy(new_run: Build) -> None:
    run = new_run("run")
    hundred(run)
    path: Path = run.write(end_s=90.0)
    assert build_report(path, objectives=("cost_per_1000<70.1",)).objectives[0].verdict == "met"
    assert build_report(path, objectives=("cost_per_1000<69",)).objectives[0].verdict == "missed"


def test_the_cost_of_a_thousand_is_that_of_the_page(new_run: Build) -> None:
    """A message that arrived was paid for and counts, also if the sender's answer did not come."""
    run = new_run("run")
    hundred(run)
    for slot in range(20):
        run.journey(f"no-answer-{slot}", 5.0, 2.0, outcome="failed", price=0.07)
    report = build_report(run.write(end_s=90.0), objectives=("cost_per_1000<=70.1",))
    found = report.objectives[0]
    assert found.value == report.parts[0].cost.per_1000_delivered_points == pytest.approx(70.0)
    assert found.verdict == "met"


def test_an_open_message_without_a_price_counts_at_the_highest_price(new_run: Build) -> None:
    run = new_run("run")
    hundred(run)
    run.due("on-air", 20.0)
    run.seen("on-air", 20.1, state="open", price=0.2)
    with_a_price = run.write(end_s=90.0)
    assert build_report(with_a_price, objectives=("cost_per_1000<73",)).objectives[0].verdict == "met"
    run.due("in-the-sender", 20.0)
    run.kept("in-the-sender", "queued")
    path: Path = run.write(end_s=90.0)
    found = build_report(path, objectives=("cost_per_1000<73",)).objectives[0]
    assert found.verdict == "undecided"
    assert (found.value, found.high) == pytest.approx((72.0, 74.0))
    assert found.why == "100 delivered, 2 still open, of which the provider has not accepted 1"
    assert build_report(path, objectives=("cost_per_1000<75",)).objectives[0].verdict == "met"
    assert build_report(path, objectives=("cost_per_1000<70",)).objectives[0].verdict == "missed"
