"""Suites: the ladder's answers and what decides the exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from analysis import records
from analysis.report import build_report

Build = Callable[[str], Any]
Suite = Callable[..., Path]


def day(run: Any, level: int, delivery_s: float = 2.0, messages: int = 200, **timing: Any) -> None:
    """A part of a ladder: the peak at true speed, or compressed where ``timing`` says so."""
    for slot in range(messages):
        run.journey(f"m-{slot}", slot / 10, delivery_s)
    dense = timing.get("compress", 1.0) != 1.0
    run.write(
        load_s=messages / 10,
        end_s=messages / 10 + 60.0,
        scenario=records.Scenario(
            name=f"day-{level}",
            title=f"{level} a day",
            role="compressed_day" if dense else "peak_slice",
            messages_per_day=level,
        ),
        timing=records.Timing(window="day" if dense else "peak", **timing),
    )


def test_ten_times_holds_where_a_compressed_day_stood_for_it(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a-peak"), 5_000)
    day(new_run("b-dense"), 5_000, compress=288.0)
    report = build_report(write_suite("a-peak", "b-dense"))
    (level,) = report.levels
    assert (level.fast_enough, level.ten_times) == ("held", "yes")
    assert level.highest_held_per_day == 5_000 * 288
    assert (report.verdict, report.exit_code) == ("held", 0)
    scale = next(each for each in report.answers if "ten times" in each.question)
    assert scale.headline == "yes: 10 \N{MULTIPLICATION SIGN} 5,000 a day"


def test_a_probe_that_does_not_hold_answers_no_and_fails_nothing(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a-peak"), 5_000)
    day(new_run("b-dense"), 5_000, delivery_s=40.0, compress=288.0)
    report = build_report(write_suite("a-peak", "b-dense"))
    assert report.levels[0].ten_times == "no"
    # At true speed the level itself was carried; ten times was not.
    assert report.levels[0].highest_held_per_day == 5_000
    assert (report.verdict, report.exit_code) == ("held", 0)


def test_a_slow_peak_fails_the_suite(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a-peak"), 5_000, delivery_s=40.0)
    day(new_run("b-dense"), 5_000, compress=288.0)
    report = build_report(write_suite("a-peak", "b-dense"))
    assert (report.levels[0].fast_enough, report.exit_code) == ("missed", 1)
    assert "a-peak" in report.headline


def test_a_higher_level_answers_for_a_lower_one(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a"), 5_000)
    day(new_run("b"), 50_000)
    low, high = build_report(write_suite("a", "b")).levels
    assert (low.ten_times, high.ten_times) == ("yes", "cannot_tell")
    assert high.ten_times_why == "no part stood for 500,000 a day"


def test_a_scaled_provider_proves_nothing_about_scale_or_speed(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a"), 5_000, compress=288.0, provider_scale=288.0)
    report = build_report(write_suite("a"))
    assert report.levels[0].ten_times == "cannot_tell"
    assert report.verdict == "cannot_tell"
    assert all(each.verdict == "cannot_tell" for each in report.objectives if each.limit_s is not None)
    assert "compressed seconds" in report.notes[0]


def test_few_messages_leave_a_level_open_and_fail_nothing(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a"), 5_000, messages=8)
    day(new_run("b"), 50_000)
    report = build_report(write_suite("a", "b"))
    assert report.levels[0].fast_enough == "cannot_tell"
    assert report.levels[0].none_late_of == 8
    assert "too few messages at its peak for a p95 (otp 8)" in report.levels[0].fast_enough_why
    assert (report.verdict, report.exit_code) == ("held", 0)


def test_an_invalid_probe_leaves_its_question_open(new_run: Build, write_suite: Suite) -> None:
    day(new_run("a"), 5_000)
    dense = new_run("b")
    for slot in range(200):
        dense.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.5)
    dense.write(
        load_s=20.0,
        end_s=60.0,
        scenario=records.Scenario(name="b", title="b", role="compressed_day", messages_per_day=5_000),
        timing=records.Timing(window="day", compress=288.0),
    )
    report = build_report(write_suite("a", "b"))
    assert report.levels[0].ten_times == "cannot_tell"
    assert (report.validity, report.exit_code) == ("warn", 0)


def test_an_invalid_part_of_the_verdict_spoils_it(new_run: Build, write_suite: Suite) -> None:
    run = new_run("a")
    for slot in range(200):
        run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.5)
    run.write(load_s=20.0, end_s=60.0)
    report = build_report(write_suite("a"))
    assert (report.validity, report.exit_code) == ("invalid", 3)
    assert report.headline.startswith("Do not use these figures: schedule lag")
