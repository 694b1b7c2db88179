"""The objective on the cost of 1,000 delivered messages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from run_builder import Build, RunBuilder

from analysis.measure.ratio import relative_width
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
    # 72, and 3.5 % for one message that costs three times as much.
    assert build_report(with_a_price, objectives=("cost_per_1000<75",)).objectives[0].verdict == "met"
    assert build_report(with_a_price, objectives=("cost_per_1000<73",)).objectives[0].verdict == "undecided"
    run.due("in-the-sender", 20.0)
    run.kept("in-the-sender", "queued")
    path: Path = run.write(end_s=90.0)
    found = build_report(path, objectives=("cost_per_1000<73",)).objectives[0]
    assert found.verdict == "undecided"
    assert found.value == pytest.approx(72.0)
    assert found.high == pytest.approx(74.0 * 1.035, rel=0.001)
    assert found.why.startswith("100 delivered, 2 still open, of which the provider has not accepted 1; 95 %")
    assert build_report(path, objectives=("cost_per_1000<77",)).objectives[0].verdict == "met"
    assert build_report(path, objectives=("cost_per_1000<68",)).objectives[0].verdict == "missed"


PRICE, ARRIVE = (0.05, 0.1, 0.25), 0.94  # of messages of one, two and five segments, in equal parts


@pytest.mark.parametrize("limit", [141.8439])  # the true cost: 0.4 / 3 for 0.94 of a delivered message
def test_the_interval_holds_the_cost_of_the_population(limit: float) -> None:
    """At a limit that is the true cost, each wrong verdict has a probability of 2.5 %."""
    held, runs, seed = 0, 1_000, 20_261_130
    for run in range(runs):
        chance = np.random.default_rng([seed, run])
        prices, arrived = chance.choice(PRICE, 1_450), chance.random(1_450) < ARRIVE
        cost, width = 1_000.0 * prices.sum() / arrived.sum(), relative_width(prices, arrived)
        held += abs(cost - limit) <= cost * width
    assert 0.93 * runs <= held <= 0.97 * runs, (seed, held)


def test_equal_prices_and_arrivals_leave_no_spread() -> None:
    assert relative_width(np.full(100, 0.07), np.ones(100, dtype=np.bool_)) == pytest.approx(0.0, abs=1e-9)
    assert relative_width(np.full(100, 0.07), np.zeros(100, dtype=np.bool_)) == 0.0
    assert relative_width(np.zeros(100), np.ones(100, dtype=np.bool_)) == 0.0


@pytest.mark.parametrize(
    ("limit", "verdict"), [(70.0, "missed"), (72.0, "undecided"), (77.0, "undecided"), (79.0, "met")]
)
def test_a_limit_near_the_cost_of_a_sample_is_undecided(new_run: Build, limit: float, verdict: str) -> None:
    """70 points, and 6 of 100 messages do not arrive: 74.5, 70.8 to 78.2."""
    run = new_run("run")
    for slot in range(94):
        run.journey(f"m-{slot}", slot / 5, 3.0 + slot % 7 / 10, price=0.07)
    for slot in range(6):
        run.due(f"no-{slot}", 19.0)
        run.seen(f"no-{slot}", 19.1, state="undelivered", price=0.07)
    (found,) = build_report(run.write(end_s=90.0), objectives=(f"cost_per_1000<{limit:g}",)).objectives[:1]
    assert found.verdict == verdict, found
    assert ("more messages" in found.needs) is (verdict == "undecided")
