"""Suites: the ladder's answers and what decides the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from run_builder import Build, RunBuilder, Suite
from screen_texts import answer_text

from analysis import records
from analysis.first_screen.screen import first_screen
from analysis.judge.check_names import SCHEDULE_LAG
from analysis.render import tables
from analysis.render.data import write_junit
from analysis.report import build_report


def day(run: RunBuilder, level: int, delivery_s: float = 2.0, messages: int = 200, **timing: Any) -> None:
    """A part of a ladder: the peak at true speed, or compressed where ``timing`` says so."""
    for slot in range(messages):
        run.journey(f"m-{slot}", slot / 10, delivery_s)
    dense = timing.get("speedup", 1.0) != 1.0
    run.write(
        load_s=messages / 10,
        end_s=messages / 10 + 60.0,
        scenario=records.RecordedScenario(
            name=f"day-{level}",
            title=f"{level} a day",
            role="compressed_day" if dense else "peak_slice",
            messages_per_day=level,
        ),
        timing=records.Timing(window="day" if dense else "peak", **timing),
    )


def test_a_compressed_day_can_prove_ten_times(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a-peak"), 5_000)
    day(new_run("b-dense"), 5_000, speedup=288.0)
    report = build_report(write_suite("a-peak", "b-dense"))
    (level,) = report.levels
    assert (level.fast_enough, level.ten_times) == ("met", "yes")
    assert level.highest_sustained_per_day == 5_000 * 288
    assert (report.verdict, report.exit_code) == ("met", 0)
    assert answer_text(report, "ten_times").startswith("Yes: 10 \N{MULTIPLICATION SIGN} 5,000 a day")


def test_a_missed_probe_does_not_fail_the_suite(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a-peak"), 5_000)
    day(new_run("b-dense"), 5_000, delivery_s=40.0, speedup=10.0)
    report = build_report(write_suite("a-peak", "b-dense"))
    assert report.levels[0].ten_times == "no"
    # At true speed the level itself was carried; ten times was not.
    assert report.levels[0].highest_sustained_per_day == 5_000
    assert (report.verdict, report.exit_code) == ("met", 0)


def test_a_miss_far_above_ten_times_says_nothing_about_ten_times(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a-peak"), 5_000)
    day(new_run("b-dense"), 5_000, delivery_s=40.0, speedup=40.0)
    report = build_report(write_suite("a-peak", "b-dense"))
    (level,) = report.levels
    assert (level.ten_times, level.ten_times_part) == ("undecided", "b-dense")
    assert level.ten_times_why.endswith("No part ran at 50,000 a day")
    assert answer_text(report, "ten_times").startswith("Not proven: 10 \N{MULTIPLICATION SIGN} 5,000 a day")


def test_a_slow_peak_fails_the_suite(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a-peak"), 5_000, delivery_s=40.0)
    day(new_run("b-dense"), 5_000, speedup=288.0)
    report = build_report(write_suite("a-peak", "b-dense"))
    assert (report.levels[0].fast_enough, report.exit_code) == ("missed", 1)
    # The compressed day alone met its objectives, but nothing above a missed load counts as sustained.
    assert report.levels[0].highest_sustained_per_day is None
    assert report.headline.startswith("NO: 95 % of the OTPs took up to 40.")


def test_a_higher_level_answers_for_a_lower_one(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a"), 5_000)
    day(new_run("b"), 50_000)
    low, high = build_report(write_suite("a", "b")).levels
    assert (low.ten_times, high.ten_times) == ("yes", "undecided")
    assert high.ten_times_why == "no part was equivalent to 500,000 a day on profile fast"
    # "Ten times: yes" and the highest volume come from the same parts.
    assert (low.highest_sustained_per_day, low.highest_tried_per_day) == (50_000, 50_000)
    assert (high.highest_sustained_per_day, high.highest_tried_per_day) == (50_000, 50_000)


@pytest.mark.parametrize(
    ("higher", "answer"),
    [
        (50_000, "No: 10 \N{MULTIPLICATION SIGN} 5,000 a day"),
        (200_000, "Not proven: 10 \N{MULTIPLICATION SIGN} 5,000 a day"),
    ],
)
def test_a_missed_higher_level_answers_for_the_lower_one_that_is_met(
    new_run: Build, write_suite: Suite, higher: int, answer: str
) -> None:
    """The missed volume is ten or forty times today's. Nobody asked for ten times the missed volume."""
    day(new_run("a"), 5_000)
    day(new_run("b"), higher, delivery_s=40.0)
    report = build_report(write_suite("a", "b"))
    assert [each.fast_enough for each in report.levels] == ["met", "missed"]
    assert answer_text(report, "ten_times").startswith(answer)
    assert "today's volume" not in answer_text(report, "ten_times")


def test_the_highest_volume_is_below_the_first_load_that_was_missed(
    new_run: Build, write_suite: Suite
) -> None:
    day(new_run("a"), 5_000)
    day(new_run("b"), 50_000, delivery_s=40.0)
    day(new_run("c"), 500_000)
    (low, *_) = build_report(write_suite("a", "b", "c")).levels
    assert (low.highest_sustained_per_day, low.highest_tried_per_day) == (5_000, 500_000)


def test_a_scaled_provider_proves_nothing_about_scale_or_speed(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a"), 5_000, speedup=288.0, provider_scale=288.0)
    report = build_report(write_suite("a"))
    assert report.levels[0].ten_times == "undecided"
    assert (report.verdict, report.exit_code) == ("met", 0)  # by what it lost and duplicated
    assert all(each.verdict == "undecided" for each in report.objectives if each.limit_s is not None)
    assert "compressed seconds" in report.notes[0]


def test_too_few_messages_leave_level_and_verdict_undecided(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a"), 5_000, messages=8)
    day(new_run("b"), 50_000)
    report = build_report(write_suite("a", "b"))
    assert report.levels[0].fast_enough == "undecided"
    assert report.levels[0].fast_enough_why == "too few OTPs for p95: 8 of 72 needed"
    assert (report.verdict, report.exit_code) == ("undecided", 4)


def test_too_few_messages_are_counted_for_the_percentile_of_the_objective(
    new_run: Build, write_suite: Suite
) -> None:
    day(new_run("a"), 5_000, messages=200)
    report = build_report(write_suite("a"), objectives=("otp.p99.9<1min",))
    assert report.levels[0].fast_enough_why == "too few OTPs for p99.9: 200 of 3,688 needed"


def test_an_invalid_probe_leaves_its_question_open(
    new_run: Build, write_suite: Suite, tmp_path: Path
) -> None:
    day(new_run("a"), 5_000)
    dense = new_run("b")
    for slot in range(200):
        dense.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.5)
    dense.write(
        load_s=20.0,
        end_s=60.0,
        scenario=records.RecordedScenario(name="b", title="b", role="compressed_day", messages_per_day=5_000),
        timing=records.Timing(window="day", speedup=288.0),
    )
    report = build_report(write_suite("a", "b"))
    assert report.levels[0].ten_times == "undecided"
    assert (report.validity, report.exit_code) == ("warn", 0)
    # A build server must not fail for what exits with 0.
    write_junit(report, tmp_path / "junit.xml")
    cases = ElementTree.parse(tmp_path / "junit.xml").getroot().iter("testcase")
    lags = {
        case.get("classname"): [tag.tag for tag in case] for case in cases if case.get("name") == SCHEDULE_LAG
    }
    assert lags == {"validity.a": [], "validity.b": ["system-out"]}


def test_an_invalid_part_that_decides_makes_the_suite_invalid(new_run: Build, write_suite: Suite) -> None:
    run = new_run("a")
    for slot in range(200):
        run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.5)
    run.write(load_s=20.0, end_s=60.0)
    report = build_report(write_suite("a"))
    assert (report.validity, report.exit_code) == ("invalid", 3)
    assert report.headline.startswith("INVALID: Do not use these figures: the bench sent late")


def overloaded(run: RunBuilder, capacity_per_s: float, speedup: float = 60.0) -> None:
    """200/s for 10 s, of which ``capacity_per_s`` reach a carrier; all are delivered well within limits."""
    for slot in range(2_000):
        due_s = slot / 200
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", due_s + 0.001, carrier_s=max(slot / capacity_per_s - due_s, 0.0) + 0.01)
    run.write(
        load_s=10.0,
        end_s=60.0,
        scenario=records.RecordedScenario(name="d", title="d", role="compressed_day", messages_per_day=5_000),
        timing=records.Timing(window="peak", speedup=speedup),
        profile_name="smsapi",
        profile={
            "throttle": {"requests": None},
            "carriers": [{"segments_per_s": 50.0}, {"segments_per_s": 200}, {}],
            "accept_queue": {"drain_segments_per_s": 500.0},
        },
    )


def test_a_queue_that_clears_within_the_objective_is_not_carried(new_run: Build, write_suite: Suite) -> None:
    overloaded(new_run("a"), capacity_per_s=100.0, speedup=10.0)
    (level,) = build_report(write_suite("a")).levels
    assert level.highest_sustained_per_day is None
    assert level.ten_times == "no"
    assert "waited" in level.ten_times_why


def test_a_load_that_falls_behind_without_a_limit_to_be_seen_is_not_carried(
    new_run: Build, write_suite: Suite
) -> None:
    overloaded(new_run("a"), capacity_per_s=180.0, speedup=10.0)  # the wait grows by 1/9 of each second
    report = build_report(write_suite("a"))
    assert report.parts[0].throughput.limit == ""
    assert report.parts[0].throughput.shortfall_share == pytest.approx(1 / 9, abs=0.005)
    assert report.parts[0].sustained is False
    assert report.levels[0].ten_times == "no"
    assert "availability" in report.levels[0].ten_times_why


def test_the_first_screen_names_profile_limits_and_length(new_run: Build, write_suite: Suite) -> None:
    overloaded(new_run("a"), capacity_per_s=250.0)
    report = build_report(write_suite("a"))
    scale = answer_text(report, "ten_times")
    assert scale.startswith("Yes")
    assert "run live, 60.0 times the day's rate, for 10.0 s: every objective met" in scale
    limits = "profile smsapi (500 segments/s, 50 to 200 segments/s per carrier)"
    assert limits in first_screen(report).about


def probe(run: RunBuilder, level: int, vanish: int = 0, duplicate: int = 0, **manifest: Any) -> None:
    """A compressed day of 200 messages, of which the first are lost and the next duplicated."""
    for slot in range(200):
        run.due(f"m-{slot}", slot / 10)
        accepts = 2 if vanish <= slot < vanish + duplicate else 1
        if slot >= vanish:
            run.seen(f"m-{slot}", slot / 10 + 0.01, accepts=accepts)
            run.kept(f"m-{slot}", "delivered")
    run.write(
        load_s=20.0,
        end_s=60.0,
        scenario=records.RecordedScenario(name="p", title="p", role="compressed_day", messages_per_day=level),
        timing=records.Timing(window="day", speedup=288.0),
        **manifest,
    )


@pytest.mark.parametrize(
    ("lost", "duplicated", "name", "said"),
    [
        (3, 0, "lost messages", "3 messages were lost"),
        (0, 2, "duplicate deliveries", "2 messages were accepted by the provider more than once"),
    ],
)
def test_what_a_probe_loses_or_duplicates_fails_the_suite(
    new_run: Build, write_suite: Suite, lost: int, duplicated: int, name: str, said: str
) -> None:
    day(new_run("a-peak"), 5_000)
    probe(new_run("b-dense"), 5_000)
    probe(new_run("c-dense"), 50_000, vanish=lost, duplicate=duplicated)
    report = build_report(write_suite("a-peak", "b-dense", "c-dense"))
    assert (report.verdict, report.exit_code) == ("missed", 1)
    assert report.headline.startswith(f"NO: {said}; none may be (part: p (c-dense)).")
    # The smaller probe carried ten times the lower level; the larger one's miss is shown beside it.
    assert report.levels[0].ten_times == "yes"
    assert "c-dense ran at the equivalent of 14.4 million" in report.levels[0].ten_times_why
    assert f"missed: {name} {lost + duplicated}" in report.levels[0].ten_times_why


def test_a_probe_that_cannot_account_for_its_messages_makes_the_suite_invalid(
    new_run: Build, write_suite: Suite
) -> None:
    day(new_run("a-peak"), 5_000)
    probe(new_run("b-dense"), 5_000, planned=900)
    report = build_report(write_suite("a-peak", "b-dense"))
    assert (report.validity, report.exit_code) == ("invalid", 3)
    assert report.headline.startswith(
        "INVALID: Do not use these figures: messages are not counted exactly once: "
    )


def test_a_check_that_some_parts_passed_says_in_how_many(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a"), 5_000, messages=8)  # too few for the check "independence"
    closing = new_run("b")
    closing.sample(1.0, "load", "resent", 0)
    closing.sample(1.0, "load", "closed_idle", 1)
    day(closing, 50_000)
    day(new_run("c"), 500_000)
    report = build_report(write_suite("a", "b", "c"))
    rows = {row[0]: row for row in tables.checks(report).rows}
    assert rows["independence"][1:4] == (
        "2 of 3 parts",
        "ok",
        "passed; not checked in 1: too few delivered messages",
    )
    assert rows["accounting"][1:4] == ("all 3 parts", "ok", "passed")
    # Only a part whose target closed connections has this check.
    assert rows["closed connections"][1:4] == ("1 of 3 parts", "ok", "passed")
    assert rows["machine CPU"][1:4] == ("all 3 parts", "not checked", "no samples")


def test_a_check_of_a_single_part_names_the_part(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a"), 5_000)
    rows = {row[0]: row for row in tables.checks(build_report(write_suite("a"))).rows}
    assert rows["accounting"][1:4] == ("a", "ok", "passed")


def equivalent_to(run: RunBuilder, level: int, delivery_s: float, role: Any, **manifest: Any) -> None:
    """200 messages in 20 s, as a day of this many."""
    for slot in range(200):
        run.journey(f"m-{slot}", slot / 10, delivery_s)
    named = records.RecordedScenario(name="bench", title=role, role=role, messages_per_day=level)
    run.write(load_s=20.0, end_s=80.0, scenario=named, **{"profile_name": "smsapi", **manifest})


def whole_day(run: RunBuilder, level: int, delivery_s: float = 2.0, **manifest: Any) -> None:
    """A day in virtual time, as if in 20 s."""
    timing = records.Timing(window="day")
    equivalent_to(run, level, delivery_s, "whole_day", mode="simulated", timing=timing, **manifest)


def peak(run: RunBuilder, level: int, delivery_s: float = 2.0, **manifest: Any) -> None:
    equivalent_to(run, level, delivery_s, "peak_slice", timing=records.Timing(window="peak"), **manifest)


def test_the_levels_are_the_whole_days_and_a_live_peak_answers_for_ten_times(
    new_run: Build, write_suite: Suite
) -> None:
    whole_day(new_run("1-50k"), 50_000)
    whole_day(new_run("2-500k"), 500_000)
    peak(new_run("3-500k-peak"), 500_000)
    peak(new_run("4-5m-peak"), 5_000_000)
    low, high = build_report(write_suite("1-50k", "2-500k", "3-500k-peak", "4-5m-peak")).levels
    assert (low.messages_per_day, high.messages_per_day) == (50_000, 500_000)
    assert (low.ten_times, high.ten_times) == ("yes", "yes")
    # 500,000 a day has a simulated whole day and a live part: the live part answers. 5 million is live only.
    assert (low.ten_times_part, high.ten_times_part) == ("3-500k-peak", "4-5m-peak")
    assert high.ten_times_backlog_gone_s == 0.0
    assert (high.fast_enough, high.fast_enough_part) == ("met", "3-500k-peak")


def test_another_profile_does_not_answer_for_ten_times(new_run: Build, write_suite: Suite) -> None:
    """A day on a provider without limits says nothing about one with limits."""
    whole_day(new_run("1-day"), 5_000)
    day(new_run("2-dense"), 5_000, speedup=288.0)  # profile fast
    (level,) = build_report(write_suite("1-day", "2-dense")).levels
    assert (level.ten_times, level.ten_times_part) == ("undecided", "")
    assert level.ten_times_why == "no part was equivalent to 50,000 a day on profile smsapi"
    assert (level.profile, level.highest_sustained_per_day) == ("smsapi", 5_000)


def test_a_level_that_is_not_fast_enough_does_not_hold_ten_times(new_run: Build, write_suite: Suite) -> None:
    whole_day(new_run("1-day"), 50_000, delivery_s=700.0)
    peak(new_run("2-peak"), 500_000)
    (level,) = build_report(write_suite("1-day", "2-peak")).levels
    assert (level.fast_enough, level.fast_enough_part, level.ten_times) == ("missed", "1-day", "no")
    assert level.ten_times_why == "the objectives are missed at 50,000 a day"


def test_the_simulated_day_and_the_live_peak_must_both_be_fast_enough(
    new_run: Build, write_suite: Suite
) -> None:
    whole_day(new_run("1-day"), 500_000)
    peak(new_run("2-peak"), 500_000, delivery_s=700.0)
    (level,) = build_report(write_suite("1-day", "2-peak")).levels
    assert (level.fast_enough, level.fast_enough_part) == ("missed", "2-peak")


def test_the_part_nearest_to_ten_times_answers_even_where_a_larger_one_held(
    new_run: Build, write_suite: Suite
) -> None:
    whole_day(new_run("1-day"), 5_000)
    peak(new_run("2-peak"), 50_000, delivery_s=700.0)
    peak(new_run("3-peak"), 500_000)
    (level,) = build_report(write_suite("1-day", "2-peak", "3-peak")).levels
    assert (level.ten_times, level.ten_times_part) == ("no", "2-peak")


def test_a_what_if_represents_no_level(new_run: Build, write_suite: Suite) -> None:
    whole_day(new_run("1-day"), 5_000)
    run = new_run("2-what-if")
    for slot in range(200):
        run.journey(f"m-{slot}", slot / 10, 700.0)
    run.write(
        load_s=20.0,
        end_s=800.0,
        mode="simulated",
        scenario=records.RecordedScenario(
            *("bench", "a day", "whole_day", 50_000), what_if="no priorities", decides=False
        ),
        profile_name="smsapi",
    )
    (level,) = build_report(write_suite("1-day", "2-what-if")).levels
    assert (level.messages_per_day, level.ten_times) == (5_000, "undecided")
