"""Rates, backlogs and bursts with known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from run_builder import Build, RunBuilder

from analysis import records
from analysis.measure.burst import burst_span
from analysis.measure.throughput import best_rate
from analysis.measure.timeline import BacklogSeries, bin_width, binned_percentile, rate_series
from analysis.model import PartReport
from analysis.part import analyse_part
from analysis.records import read_manifest


def analysed(run: RunBuilder, **manifest: Any) -> PartReport:
    run_dir = run.write(**manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


def test_best_pace_finds_the_window_wherever_it_begins() -> None:
    # 1/s throughout, and 100 more between 17.3 s and 27.2 s: no window on a grid of 10 s would hold them all.
    instants = np.concatenate([np.arange(0.0, 60.0, 1.0), 17.3 + np.arange(100) * 0.1])
    found = best_rate(instants, 10.0)
    assert found is not None
    assert found.per_s == pytest.approx(11.0)
    assert 17.0 <= found.from_s <= 17.3
    assert best_rate(np.array([]), 10.0) is None


def test_a_rate_without_a_limit_is_a_lower_bound(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(600):
        run.journey(f"m-{slot}", slot / 10, 2.0)
    through = analysed(run).throughput
    assert through.delivered_best is not None
    assert through.delivered_best.per_s == pytest.approx(10.0)
    assert through.offered_mean_per_s == pytest.approx(10.0)
    assert through.limit == ""


def test_deliveries_of_messages_that_were_held_until_the_load_ended_are_no_rate(new_run: Build) -> None:
    """OTPs at 5/s go at once. Marketing at 20/s waits for the load's end at 30 s, and then goes in 2 s."""
    run = new_run("run")
    for slot in range(150):
        run.due(f"otp-{slot}", slot / 5)
        run.seen(f"otp-{slot}", slot / 5 + 0.01)
    for slot in range(600):
        run.due(f"m-{slot}", slot / 20, message_class="marketing")
        run.seen(f"m-{slot}", 30.5 + slot / 300)
    through = analysed(run, load_s=30.0, end_s=60.0).throughput
    assert through.delivered_best is not None
    assert through.delivered_best.per_s == pytest.approx(5.0)


def test_a_constant_delay_in_the_sender_does_not_reduce_the_rate(new_run: Build) -> None:
    """Of a load of 8 s, the last 3 s are submitted after it."""
    run = new_run("run")
    for slot in range(160):
        run.due(f"m-{slot}", slot / 20)
        run.seen(f"m-{slot}", slot / 20 + 3.0)
    through = analysed(run, load_s=8.0, end_s=60.0).throughput
    assert through.delivered_best is not None
    assert through.delivered_best.per_s == pytest.approx(20.0)


def test_the_mean_is_not_above_the_peak(new_run: Build) -> None:
    """The load ends with its last arrival at 9.9 s: 300 in 9.9 s are 30.3/s, and 30/s were planned."""
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot * 9.9 / 299, 1.0)
    through = analysed(run, load_s=9.9, end_s=30.0).throughput
    assert through.offered_peak is not None
    assert through.offered_mean_per_s == through.offered_peak.per_s == pytest.approx(30.0)


def test_messages_that_wait_mean_that_the_limit_was_reached(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(600):  # offered 20/s for 30 s, submitted at 10/s: the last waits 30 s
        run.due(f"m-{slot}", slot / 20)
        run.seen(f"m-{slot}", 0.01 + slot / 10)
    part = analysed(run, load_s=30.0, end_s=70.0)
    assert "sender's queue" in part.throughput.limit
    assert part.throughput.delivered_best is not None
    assert part.throughput.delivered_best.per_s == pytest.approx(10.0, rel=0.02)
    assert part.timeline.peak_unsubmitted == pytest.approx(300, abs=2)
    assert part.timeline.peak_unsubmitted_at_s == pytest.approx(30.0, abs=0.2)


def test_refusals_mean_that_the_limit_was_reached(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(100):
        run.due(f"m-{slot}", slot / 10, "refused" if slot % 10 == 0 else "accepted")
    assert "did not take 10 of 100" in analysed(run, load_s=10.0).throughput.limit


def test_backlog_is_exact() -> None:
    backlog = BacklogSeries(starts_s=np.array([0.0, 1.0, 2.0, 3.0]), ends_s=np.array([2.5, 4.0]))
    assert backlog.at(np.array([0.5, 2.2, 2.6, 5.0])).tolist() == [1, 3, 2, 2]
    assert backlog.peak() == (3, 2.0)


def test_rates_keep_the_number_of_events() -> None:
    instants = np.random.default_rng(1).uniform(0, 57.3, 500)
    series = rate_series("offered", instants, 5.0, 57.3)
    widths = [5.0] * 11 + [2.3]
    # The part-filled last bin is short of half a width and left out, rather than drawn from a few messages.
    inside = np.count_nonzero(instants < 55.0)
    assert sum(value * width for value, width in zip(series.value, widths, strict=False) if value) == (
        pytest.approx(inside)
    )


def test_percentiles_in_bins_show_gaps_where_nothing_is_known() -> None:
    due = np.concatenate([np.linspace(0, 0.99, 10), np.linspace(1, 1.99, 10), np.array([2.5])])
    taken = np.concatenate([np.arange(1.0, 11.0), np.full(10, np.inf), np.array([3.0])])
    series = binned_percentile("otp", due, taken, 50, 1.0)
    assert series.at_s == (0.5, 1.5, 2.5)
    assert series.value == (5.0, None, None)


def test_bins_are_round_and_few() -> None:
    assert bin_width(300.0, 500_000) == 2.0
    assert bin_width(86_400.0, 500_000) == 600.0
    assert bin_width(60.0, 8) == 10.0


def burst_run(run: RunBuilder) -> None:
    """OTPs at 5/s for 60 s; 1,000 marketing messages due from 20 s to 30 s, submitted until 40 s."""
    for slot in range(300):
        due_s = slot / 5
        slow = 20.0 <= due_s <= 40.0
        run.journey(f"otp-{slot}", due_s, 6.0 if slow else 2.0)
    for slot in range(1_000):
        run.due(f"bulk-{slot}", 20.0 + slot / 100, message_class="marketing")
        run.seen(f"bulk-{slot}", 20.02 + slot / 50, radio_s=1.0)


def test_the_figures_of_a_burst_are_of_its_accepted_messages(new_run: Build) -> None:
    """A sender that refuses every second message, and submits those a minute later anyway."""
    run = new_run("run")
    for slot in range(300):
        run.journey(f"otp-{slot}", slot / 5, 2.0)
    for slot in range(1_000):
        due_s, refused = 20.0 + slot / 100, slot % 2
        run.due(f"bulk-{slot}", due_s, "refused" if refused else "accepted", message_class="marketing")
        run.seen(f"bulk-{slot}", due_s + (60.0 if refused else 0.0005), radio_s=1.0)
    scenario = records.RecordedScenario(name="burst", title="a burst", role="burst")
    burst = analysed(run, end_s=120.0, scenario=scenario).burst
    assert burst is not None
    assert (burst.messages, burst.accepted, burst.peak_unsubmitted, burst.still_open) == (1_000, 500, 0, 0)
    assert burst.submitted_after_s == 0.0
    assert burst.delivered_after_s == pytest.approx(1.1, abs=0.02)
    assert burst.mostly_delivered_after_s is not None
    assert burst.mostly_delivered_after_s <= burst.delivered_after_s


def test_a_burst_and_what_it_does_to_otps(new_run: Build) -> None:
    run = new_run("run")
    burst_run(run)
    scenario = records.RecordedScenario(name="burst", title="a burst", role="burst")
    burst = analysed(run, end_s=70.0, scenario=scenario).burst
    assert burst is not None
    assert (burst.message_class, burst.messages) == ("marketing", 1_000)
    assert burst.from_s == pytest.approx(20.0)
    assert burst.to_s == pytest.approx(29.99)
    assert burst.peak_unsubmitted == pytest.approx(500, abs=3)
    assert burst.submitted_after_s == pytest.approx(10.01, abs=0.02)
    assert burst.delivered_after_s == pytest.approx(11.12, abs=0.02)
    assert [each.value_s for each in burst.guarded_before] == pytest.approx([2.0, 2.0])
    assert [each.value_s for each in burst.guarded_during] == pytest.approx([6.0, 6.0])
    assert burst.guarded_difference is not None
    assert burst.guarded_difference.percentile == 95.0
    assert burst.guarded_difference.value_s == pytest.approx(4.0)


def test_the_difference_is_of_the_highest_percentile_that_both_times_have(new_run: Build) -> None:
    """With 30 OTPs before the burst there is a median, but no 95th percentile."""
    run = new_run("run")
    for slot in range(300):
        due_s = 14.0 + slot / 5
        run.journey(f"otp-{slot}", due_s, 6.0 if 20.0 <= due_s <= 40.0 else 2.0)
    for slot in range(1_000):
        run.due(f"bulk-{slot}", 20.0 + slot / 100, message_class="marketing")
        run.seen(f"bulk-{slot}", 20.02 + slot / 50, radio_s=1.0)
    scenario = records.RecordedScenario(name="burst", title="a burst", role="burst")
    burst = analysed(run, load_s=75.0, end_s=85.0, scenario=scenario).burst
    assert burst is not None
    assert [each.value_s for each in burst.guarded_before] == [pytest.approx(2.0), None]
    assert burst.guarded_difference is not None
    assert burst.guarded_difference.percentile == 50.0
    assert burst.guarded_difference.value_s == pytest.approx(4.0)


def test_a_steady_load_is_no_burst() -> None:
    assert burst_span(np.arange(0.0, 60.0, 0.1), 60.0) is None
    assert burst_span(np.array([]), 60.0) is None


@pytest.mark.parametrize(
    ("end_s", "during", "gone_s"),
    [
        # The 950th arrives 21.12 + 949 * 0.03 = 49.59 s into the run: OTPs due from 20.0 s to 49.4 s.
        (90.0, 148, 19.6),
        (40.0, None, None),
    ],
)
def test_a_burst_that_waits_at_the_carrier_is_not_over(
    new_run: Build, end_s: float, during: int | None, gone_s: float | None
) -> None:
    run = new_run("run")
    for slot in range(300):
        run.journey(f"otp-{slot}", slot / 5, 2.0)
    for slot in range(1_000):  # all submitted at once; a carrier takes 33 per second
        due_s, arrives_s = 20.0 + slot / 100, 20.12 + slot * 0.03 + 1.0
        state = "delivered" if arrives_s < end_s else "open"
        run.due(f"bulk-{slot}", due_s, message_class="marketing")
        run.seen(f"bulk-{slot}", due_s + 0.01, carrier_s=arrives_s - 1.0 - due_s - 0.02, state=state)
    scenario = records.RecordedScenario(name="burst", title="a burst", role="burst")
    part = analysed(run, load_s=60.0 if end_s > 60 else end_s, end_s=end_s, scenario=scenario)
    assert part.burst is not None
    assert part.burst.peak_undelivered > 600
    assert part.burst.mostly_delivered_after_s == pytest.approx(gone_s) if gone_s else True
    assert (part.burst.mostly_delivered_after_s is None) == (gone_s is None)
    if during:
        assert part.burst.guarded_during_count == during


@pytest.mark.parametrize(
    ("limits", "contract_per_s"),
    [
        ({}, 25.0),  # 50 segments/s at 2 per message
        ({"throttle": {"requests": {"rate_per_s": 10.0}}}, 25.0),  # five messages in a request
        ({"throttle": {"requests": {"rate_per_s": 1.0}}}, None),
        ({"carriers": [{"name": "carrier-a", "segments_per_s": 60.0}]}, 25.0),
        ({"carriers": [{"name": "carrier-a", "segments_per_s": 1.0}]}, None),
    ],
)
def test_the_contract_is_not_said_in_segments_where_another_limit_allows_less(
    new_run: Build, limits: dict[str, Any], contract_per_s: float | None
) -> None:
    run = new_run("run")
    for slot in range(100):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", 0.5 + slot // 5 / 2, segments=2)
    through = analysed(run, profile={"accept_queue": {"drain_segments_per_s": 50.0}, **limits}).throughput
    assert through.contract_per_s == contract_per_s


@pytest.mark.parametrize("seed", range(5))
def test_a_share_of_refusals_at_each_rate_is_no_limit_of_the_rate(new_run: Build, seed: int) -> None:
    """Both senders refuse about a tenth; only one of them takes at most 50 a second."""
    drawn = np.random.default_rng(seed)
    due_s = np.sort(drawn.uniform(0.0, 40.0, 2_200))
    per_second = np.bincount(due_s.astype(int), minlength=40)
    place = np.concatenate([np.arange(count) for count in per_second])
    for name, refused in (("share", drawn.random(2_200) < 0.1), ("limit", place >= 50)):
        run = new_run(name)
        for slot, (instant_s, left) in enumerate(zip(due_s.tolist(), refused.tolist(), strict=True)):
            if left:
                run.due(f"m-{slot}", instant_s, "refused")
            else:
                run.journey(f"m-{slot}", instant_s, 2.0)
        part = analysed(run, load_s=40.0, end_s=60.0)
        assert part.accounting.refused > 60
        assert part.throughput.accepts_at_most == (name == "limit"), (name, seed)
