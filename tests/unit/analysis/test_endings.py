"""Runs that did not come to their end, and runs of hardly any messages: what the first screen says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis import records
from analysis.model import Report
from analysis.report import build_report

Build = Callable[[str], Any]
Suite = Callable[..., Path]


def answer(report: Report, words: str) -> tuple[str, tuple[str, ...]]:
    found = next(each for each in report.answers if words in each.question)
    return found.headline, found.lines


def played(run: Any, load_s: float, **manifest: Any) -> Path:
    for slot in range(130):
        run.journey(f"m-{slot}", slot / 10, 3.0)
    timing = records.Timing(duration_s=23.0)
    path: Path = run.write(load_s=load_s, end_s=30.0, timing=timing, **manifest)
    return path


@pytest.mark.parametrize(
    ("load_s", "words"),
    [
        (13.0, "Interrupted after 13 of 23 s"),
        (23.0, "Interrupted after the load, while messages were awaited"),
    ],
)
def test_an_interrupted_run_says_so_before_its_verdict(new_run: Build, load_s: float, words: str) -> None:
    report = build_report(played(new_run("run"), load_s, exit_reason="interrupted"))
    count = len(report.objectives)
    assert report.headline == f"{words}: good enough so far, all {count} objectives held."
    assert report.notes[0].startswith(words)
    assert report.exit_code == 0


def test_a_finished_run_has_no_such_words(new_run: Build) -> None:
    report = build_report(played(new_run("run"), 23.0))
    assert report.headline.startswith("Good enough: all ")
    assert report.notes == ()


def test_an_interrupted_suite_names_the_part(new_run: Build, write_suite: Suite) -> None:
    played(new_run("a"), 23.0)
    played(new_run("b"), 13.0, exit_reason="interrupted")
    report = build_report(write_suite("a", "b"))
    assert report.headline.startswith("Interrupted in b after 13 of 23 s: good enough so far")
    assert "not played" in report.notes[0]


def test_a_run_without_load_says_what_went_wrong_and_nothing_else(new_run: Build) -> None:
    reason = "error: is the token what /v1/state says?\n  a trace"
    report = build_report(new_run("run").write(load_s=0.0, exit_reason=reason))
    assert report.headline == "No load was made: is the token what /v1/state says."
    assert [each.question for each in report.answers] == ["How far to trust it?"]
    assert report.exit_code == 3


@pytest.mark.parametrize(("messages", "rate"), [(1, False), (19, False), (20, True)])
def test_a_rate_needs_twenty_messages(new_run: Build, messages: int, rate: bool) -> None:
    run = new_run("run")
    for slot in range(messages):
        run.journey(f"m-{slot}", slot / 10, 3.0)
    headline, lines = answer(build_report(run.write(load_s=10.0, end_s=20.0)), "a second")
    assert headline == ("at least 2.00 SMS/s delivered" if rate else "too few messages for a rate")
    assert rate or f"{messages} message" in lines[0]


@pytest.mark.parametrize(("messages", "word"), [(1, "not proven"), (19, "not proven"), (20, "yes")])
def test_few_messages_do_not_prove_ten_times(new_run: Build, messages: int, word: str) -> None:
    run = new_run("run")
    for slot in range(messages):
        run.journey(f"m-{slot}", slot / 10, 2.0)
    scenario = records.Scenario(name="d", title="d", role="compressed_day", messages_per_day=5_000)
    timing = records.Timing(window="day", compress=288.0)
    slos = (records.Slo("otp", 50.0, 10.0),)  # a median needs six messages only
    path = run.write(load_s=2.0, end_s=20.0, scenario=scenario, timing=timing, slos=slos)
    assert answer(build_report(path), "ten times")[0].startswith(word)
