"""Availability and the slope of the backlog, on loads whose queue is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import part as made_part
from made_reports import report as report_of
from page_reading import rendered
from run_builder import Build, RunBuilder

from analysis.judge.objective_times import NO_GROWTH
from analysis.model import PartReport
from analysis.records import RecordedScenario
from analysis.report import build_report
from analysis.result import result_of


def queued(
    run: RunBuilder, due_s: list[float], capacity_per_s: float, radio_s: float = 0.0, **manifest: Any
) -> PartReport:
    """Messages that wait for a server of this capacity, first come, first served. The radio takes a second,
    or, where a mean is given, a random time."""
    free_s, random = 0.0, np.random.default_rng(7)
    for slot, due in enumerate(due_s):
        free_s = max(free_s, due + 0.02) + 1.0 / capacity_per_s
        run.due(f"m-{slot}", due)
        drawn_s = random.exponential(radio_s) if radio_s else 1.0
        run.seen(f"m-{slot}", due + 0.005, carrier_s=free_s - due - 0.015, radio_s=drawn_s)
    path: Path = run.write(**{"end_s": 400.0, **manifest})
    (part,) = build_report(path).parts
    return part


def poisson(rate_per_s: float, for_s: float, seed: int, from_s: float = 0.0) -> list[float]:
    random = np.random.default_rng(seed)
    gaps = random.exponential(1.0 / rate_per_s, size=int(rate_per_s * for_s * 1.5))
    instants = from_s + np.cumsum(gaps)
    found: list[float] = instants[instants < from_s + for_s].tolist()
    return found


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("load", "holds"), [(0.5, True), (0.9, True), (1.04, False), (1.5, False)])
def test_a_queue_that_grows_is_not_sustained(new_run: Build, load: float, holds: bool, seed: int) -> None:
    part = queued(new_run("run"), poisson(100.0 * load, 40.0, seed), 100.0, load_s=40.0)
    assert part.sustained is holds
    assert part.availability is not None
    assert part.availability.windows == 4
    assert (part.availability.available == 4) is holds


@pytest.mark.parametrize("load_s", [12.0, 16.0, 20.0, 24.0, 26.0, 30.0, 60.0])
@pytest.mark.parametrize("load", [0.5, 0.97, 1.04, 1.5])
def test_availability_and_a_sustained_load_are_one_finding(
    new_run: Build, load: float, load_s: float
) -> None:
    """A load of two windows was available in both whatever its backlog did."""
    part = queued(new_run("run"), poisson(100.0 * load, load_s, 5), 100.0, load_s=load_s)
    found = part.availability
    assert found is not None
    assert (found.available == found.windows) is part.sustained
    if load == 1.5:
        assert part.sustained is False


def test_a_queue_that_grows_most_of_the_time_leaves_few_windows(new_run: Build) -> None:
    """104 % of what it can take, for two minutes: no window after the first half minute was available."""
    part = queued(new_run("run"), poisson(104.0, 120.0, 2), 100.0, load_s=120.0)
    assert part.availability is not None
    assert part.availability.available <= 4
    (missed,) = (each for each in part.objectives if each.measure == "availability")
    assert missed.verdict == "missed"


@pytest.mark.parametrize(("load", "verdict"), [(0.9, "met"), (1.1, "undecided")])
def test_a_delivery_time_of_a_growing_backlog_is_not_met(new_run: Build, load: float, verdict: str) -> None:
    """Whatever objectives were given: each later message waits longer."""
    due = poisson(100.0 * load, 40.0, 1)
    part = queued(new_run("run"), due, 100.0, radio_s=5.0, load_s=40.0, objectives=("all.p95<60s",))
    (time,) = (each for each in part.objectives if each.measure == "delivery_time")
    assert time.verdict == verdict
    assert ("the backlog grew and did not return to its level" in time.why) is (verdict == "undecided")
    assert time.needs == (NO_GROWTH if verdict == "undecided" else "")


@pytest.mark.parametrize(("exit_reason", "verdict"), [("finished", "met"), ("interrupted", "undecided")])
def test_a_delivery_time_of_a_whole_day_is_judged_as_it_is(
    new_run: Build, exit_reason: str, verdict: str
) -> None:
    """A whole day has no longer load. An interrupted one has."""
    scenario = RecordedScenario(name="day", title="a day", role="whole_day", messages_per_day=5_000)
    asked = {"objectives": ("all.p95<60s",), "scenario": scenario, "exit_reason": exit_reason}
    due = poisson(110.0, 40.0, 1)
    part = queued(new_run("run"), due, 100.0, radio_s=5.0, load_s=40.0, **asked)
    (time,) = (each for each in part.objectives if each.measure == "delivery_time")
    assert (part.sustained, time.verdict) == (False, verdict)


def test_a_growing_backlog_still_misses_what_it_misses(new_run: Build) -> None:
    due = poisson(200.0, 40.0, 1)
    part = queued(new_run("run"), due, 100.0, load_s=40.0, objectives=("all.p95<3s",))
    (time,) = (each for each in part.objectives if each.measure == "delivery_time")
    assert (time.verdict, time.needs) == ("missed", "")


def test_a_burst_that_drains_is_no_growth(new_run: Build) -> None:
    due = sorted(poisson(20.0, 120.0, 1) + poisson(300.0, 10.0, 2, from_s=30.0))
    part = queued(new_run("run"), due, 100.0, load_s=120.0)
    assert part.timeline.peak_unsubmitted + part.timeline.peak_undelivered > 1_500
    assert part.sustained is True
    assert part.availability is not None
    assert (part.availability.available, part.availability.why) == (12, "")


def test_a_late_overload_leaves_the_windows_before_it_available(new_run: Build) -> None:
    due = poisson(50.0, 60.0, 3) + poisson(200.0, 60.0, 4, from_s=60.0)
    part = queued(new_run("run"), due, 100.0, load_s=120.0)
    found = part.availability
    assert part.sustained is False
    assert found is not None
    assert found.first_bad_at_s == pytest.approx(60.0, abs=10.0)
    assert 5 <= found.available <= 7
    assert "the backlog grew and did not return to its level" in found.why


@pytest.mark.parametrize("outcome", ["refused", "failed", "dropped", "unfinished"])
def test_a_window_in_which_a_message_was_not_taken_is_not_available(new_run: Build, outcome: str) -> None:
    run = new_run("run")
    for slot in range(600):
        if slot == 250:
            run.due("turned-away", slot / 10, outcome)
        else:
            # A request that waits for the sender reaches the limit of one.
            run.journey(f"m-{slot}", slot / 10, 3.0, api_s=0.15 if slot == 249 else 0.001)
    report = build_report(run.write(end_s=90.0, objectives=("availability>=100%",), in_flight_limit=1))
    found = report.parts[0].availability
    assert found is not None
    assert (found.windows, found.available, found.unavailable, found.first_bad_at_s) == (6, 5, 1, 20.0)
    assert found.why == "the sender did not take 1 message"
    (objective,) = (each for each in report.objectives if each.measure == "availability")
    assert (objective.verdict, objective.measured) == ("missed", "83.3 %")


def test_several_causes_each_have_their_windows(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(600):
        run.journey(f"m-{slot}", slot / 10, 3.0)
    run.due("turned-away", 25.0, "refused")
    run.due("given-up", 45.0)
    run.seen("given-up", 45.1, state="rejected", reason="throttled_requests", accepted=False, throttled=1)
    (part,) = build_report(run.write(end_s=400.0)).parts
    found = part.availability
    assert found is not None
    assert (found.windows, found.available, found.unavailable, found.unknown) == (6, 4, 1, 1)
    assert found.why == (
        "in 1 window the sender did not take 1 message; "
        "in 1 window the provider accepted no submit of 1 message"
    )


def test_a_few_messages_do_not_show_whether_the_backlog_grows(new_run: Build) -> None:
    part = queued(new_run("run"), [0.1 * slot for slot in range(19)], 100.0, load_s=2.0)
    assert part.sustained is None


@pytest.mark.parametrize("submits_per_s", [4.0, 18.0])
def test_a_low_class_that_waits_for_higher_ones_is_not_held(new_run: Build, submits_per_s: float) -> None:
    """One connection and priorities: 18 of 170 messages per second leave, none of them marketing."""
    run, urgent, free_s = new_run("run"), [], 0.0
    for slot in range(5_100):
        due_s = slot / 170
        name = "otp" if slot % 17 in (5, 14) else "marketing"
        run.due(f"m-{slot}", due_s, message_class=name)
        if name == "otp":
            urgent.append((slot, due_s))
    for slot, due_s in urgent:
        free_s = max(free_s, due_s) + 1.0 / submits_per_s
        if free_s < 50.0:
            run.seen(f"m-{slot}", free_s)
    (part,) = build_report(run.write(load_s=30.0, end_s=50.0, drain_timeout_s=20.0)).parts
    assert (part.backlog_grew, part.sustained) == (True, False)
    assert part.availability is not None
    assert (part.availability.available, part.availability.unknown) == (0, 0)


def test_without_provider_rows_the_backlog_is_not_known(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(100):
        run.due(f"m-{slot}", slot / 10)
    (part,) = build_report(run.write(load_s=10.0, provider_file=False)).parts
    assert part.sustained is None
    assert part.availability is not None
    assert part.availability.available == 1


def test_a_sustained_rate_has_a_queue_that_does_not_grow(new_run: Build) -> None:
    """Objectives that no queue can miss: all are met, and the rate is not carried."""
    run = new_run("run")
    scenario = RecordedScenario(name="day", title="day", role="peak_slice", messages_per_day=500_000)
    queued(run, poisson(150.0, 40.0, 1), 100.0, load_s=40.0, objectives=("api.p95<1s",), scenario=scenario)
    report = build_report(run.write(load_s=40.0, end_s=400.0, objectives=("api.p95<1s",), scenario=scenario))
    assert report.parts[0].sustained is False
    assert report.verdict == "met"
    assert "sustains" not in report.headline
    assert "its queue grew: it does not sustain that rate" in report.headline


def held(run: RunBuilder, hold_s: float, load_s: float, end_s: float) -> PartReport:
    """A sender that holds each of 20 messages per second for this time. Some are still held at the end."""
    for slot in range(int(20 * load_s)):
        due_s = slot / 20
        run.due(f"m-{slot}", due_s)
        if due_s + hold_s < end_s:
            run.seen(f"m-{slot}", due_s + hold_s, carrier_s=0.001, radio_s=1.0)
    (part,) = build_report(run.write(load_s=load_s, end_s=end_s, drain_timeout_s=90.0)).parts
    return part


@pytest.mark.parametrize("end_s", [60.0, 28.0])
def test_a_load_shorter_than_two_holds_does_not_tell_whether_the_backlog_grows(
    new_run: Build, end_s: float
) -> None:
    """All are delivered after 14 s, but it fills the queue for most of the load of 20 s. With the second
    end the wait after the load was ended early."""
    part = held(new_run("run"), 14.0, 20.0, end_s)
    assert part.sustained is None
    (found,) = (each for each in part.objectives if each.measure == "availability")
    assert (found.verdict, found.measured) == ("undecided", "0 % to 100 %")
    assert found.needs == "a load of at least 29 s"
    assert "the load is too short to show whether the backlog grows" in found.why


@pytest.mark.parametrize(("hold_s", "load_s"), [(6.0, 20.0), (9.0, 20.0), (14.0, 30.0)])
def test_a_hold_is_no_growth(new_run: Build, hold_s: float, load_s: float) -> None:
    part = held(new_run("run"), hold_s, load_s, 90.0)
    assert part.sustained is True
    assert part.availability is not None
    assert part.availability.available == part.availability.windows


@pytest.mark.parametrize("overload", [1.5, 2.0, 20.0])
def test_a_long_wait_of_a_growing_backlog_is_no_hold(new_run: Build, overload: float) -> None:
    """Late messages may wait for longer than the load. The first do not."""
    part = queued(new_run("run"), poisson(20.0 * overload, 20.0, 3), 20.0, load_s=20.0)
    assert part.sustained is False


def test_while_the_backlog_grows_more_messages_decide_nothing(new_run: Build) -> None:
    """Too few messages for a percentile of 99.9 %: more of this load only lets the backlog grow further."""
    due = poisson(40.0, 40.0, 1)
    part = queued(new_run("run"), due, 20.0, load_s=40.0, objectives=("otp.p99.9<600s",))
    (time,) = (each for each in part.objectives if each.measure == "delivery_time")
    assert (part.sustained, time.verdict) == (False, "undecided")
    assert "the 95 % interval needs" in time.why
    assert time.needs == "a rate at which the backlog does not grow"


def test_a_longer_load_is_not_asked_for_where_nothing_was_forwarded(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(400):
        run.due(f"m-{slot}", slot / 20)
    (part,) = build_report(run.write(load_s=20.0, end_s=60.5, drain_timeout_s=40.0)).parts
    (found,) = (each for each in part.objectives if each.measure == "availability")
    assert found.verdict == "undecided"
    assert found.needs == "a sender that forwards what it accepts: 400 messages did not reach the provider"


def test_messages_that_the_sender_dropped_are_no_backlog(new_run: Build) -> None:
    """It forwards every second message at once: nothing waits in it, and nothing is held."""
    run = new_run("run")
    names = ("otp", "transactional", "marketing")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 30, message_class=names[slot % 3])
        if slot % 2:
            run.seen(f"m-{slot}", slot / 30 + 0.01, radio_s=0.5)
    (part,) = build_report(run.write(load_s=10.0, end_s=18.5, drain_timeout_s=8.0)).parts
    assert part.accounting.unaccounted == 150
    assert part.availability is not None
    assert (part.backlog_grew, part.sustained) == (False, False)
    assert (part.availability.available, part.availability.unknown) == (0, 1)
    assert part.availability.why == "150 messages never reached the provider"
    (found,) = (each for each in part.objectives if each.measure == "availability")
    assert found.verdict == "undecided"
    assert found.needs == "a sender that forwards what it accepts: 150 messages did not reach the provider"


@pytest.mark.parametrize(
    ("end_s", "needs"),
    [
        (60.0, "a sender that submits a message again that the provider refused for the time being"),
        (32.0, "a wait after the load until they are repeated (--drain-timeout)"),
    ],
)
def test_a_window_with_a_message_that_was_given_up_is_not_known_to_be_available(
    new_run: Build, end_s: float, needs: str
) -> None:
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 1.0)
    run.due("refused", 15.0)
    run.seen("refused", 15.1, state="rejected", reason="throttled_requests", accepted=False, throttled=1)
    (part,) = build_report(run.write(load_s=30.0, end_s=end_s, drain_timeout_s=300.0)).parts
    counted = part.accounting
    assert (counted.given_up, counted.to_repeat) == ((1, 0) if end_s == 60.0 else (0, 1))
    assert part.availability is not None
    assert (part.availability.available, part.availability.unknown) == (2, 1)
    assert part.availability.why == "the provider accepted no submit of 1 message"
    (found,) = (each for each in part.objectives if each.measure == "availability")
    assert (found.verdict, found.needs) == ("undecided", needs)


def test_messages_that_wait_behind_the_last_forwarded_one_are_backlog(new_run: Build) -> None:
    """A queue in order of arrival, of which half is still there at the end."""
    run = new_run("run")
    for slot in range(900):
        run.due(f"m-{slot}", slot / 30)
        if slot < 450:
            run.seen(f"m-{slot}", slot / 15 + 0.01, radio_s=0.5)
    (part,) = build_report(run.write(load_s=30.0, end_s=31.0)).parts
    assert part.accounting.unaccounted == 450
    assert part.sustained is False


def test_the_backlog_of_a_sender_that_forwards_nothing_is_unknown(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 30)
    (part,) = build_report(run.write(load_s=10.0, end_s=18.5, drain_timeout_s=8.0)).parts
    assert part.availability is not None and part.sustained is None
    assert (part.availability.available, part.availability.unknown) == (0, 1)
    assert part.availability.why == "no message reached the provider"
    (judged,) = [each for each in part.objectives if each.measure == "availability"]
    assert judged.verdict == "undecided"
    assert "too short" not in judged.why and "a load of at least" not in judged.needs


@pytest.mark.parametrize(("load_s", "windows", "window_s"), [(8.0, 1, 8.0), (12.0, 1, 12.0), (20.0, 2, 10.0)])
def test_a_load_of_one_window_has_its_own_length(
    new_run: Build, load_s: float, windows: int, window_s: float
) -> None:
    found = queued(new_run("run"), poisson(50.0, load_s, 5), 100.0, load_s=load_s).availability
    assert found is not None
    assert (found.windows, found.window_s) == (windows, window_s)


@pytest.mark.parametrize(("refused", "sustained"), [(0, True), (1, True), (2, False), (500, False)])
@pytest.mark.parametrize("outcome", ["refused", "failed", "unfinished"])
def test_a_load_that_was_not_taken_is_not_sustained(
    new_run: Build, refused: int, sustained: bool, outcome: str
) -> None:
    """The backlog of the accepted messages does not grow, whatever the sender refuses."""
    run = new_run("run")
    for slot in range(1_000):
        if slot < refused:
            run.due(f"m-{slot}", slot / 25, outcome)
        else:
            run.journey(f"m-{slot}", slot / 25, 1.0)
    report = build_report(run.write(load_s=40.0, end_s=50.0))
    assert (report.parts[0].backlog_grew, report.parts[0].sustained) == (False, sustained)
    assert result_of(report, "", "").sustained is sustained


def test_without_a_journal_only_refusals_show_that_a_load_was_not_sustained(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(400):
        run.due(f"m-{slot}", slot / 10, "refused" if slot % 2 else "accepted")
    (part,) = build_report(run.write(load_s=40.0, end_s=50.0, provider_file=False)).parts
    assert (part.backlog_grew, part.sustained) == (None, False)


@pytest.mark.parametrize(
    ("parts", "sustained"),
    [((True, True), True), ((True, None), None), ((None, False), False), ((False, True), False)],
)
def test_a_suite_is_sustained_if_each_of_its_parts_is(
    parts: tuple[bool | None, ...], sustained: bool | None
) -> None:
    made = report_of(*(made_part(f"{place}", sustained=each) for place, each in enumerate(parts)))
    assert result_of(made, "", "").sustained is sustained


def test_an_availability_with_unknown_windows_shows_its_interval_once(new_run: Build, tmp_path: Path) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 30)
    report = build_report(run.write(load_s=10.0, end_s=18.5, drain_timeout_s=8.0))
    _, markdown, _ = rendered(report, tmp_path)
    (row,) = (line for line in markdown.splitlines() if line.startswith("| availability |"))
    assert row.startswith("| availability | > 99 % | 0 % to 100 % | undecided |")
