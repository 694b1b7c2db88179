"""A failure of the bench itself: the run is invalid, that cause comes first, the sender is not blamed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from run_builder import Build, RunBuilder
from screen_texts import answer_text

from analysis.exit_codes import ExitCode
from analysis.first_screen.screen import first_screen
from analysis.records import InstrumentFailure, read_manifest
from analysis.render.report_files import write_report
from analysis.report import build_report

LOST_JOURNAL = InstrumentFailure(
    process="provider",
    what="the journal could not be written: No space left on device",
    t_ns=7_012_000_000_000,
)


def starved(run: RunBuilder) -> None:
    """Messages of which only the first twenty have a provider row: what a lost journal looks like."""
    for slot in range(20):
        run.journey(f"seen-{slot}", slot / 10, 2.0)
    for slot in range(200):
        run.due(f"unseen-{slot}", 2.0 + slot / 10)
        run.kept(f"unseen-{slot}", "sent")


def test_the_cause_comes_first_and_the_sender_is_not_blamed(new_run: Build) -> None:
    run = new_run("run")
    starved(run)
    run_dir = run.write(instrument_failures=(LOST_JOURNAL,))
    report = build_report(run_dir)
    assert report.exit_code == ExitCode.INVALID
    assert report.headline.startswith(
        "INVALID: Bench failure: provider: the journal could not be written: No space"
    )
    assert {each.verdict for each in report.objectives} == {"undecided"}
    assert all("the bench failed: provider" in each.why for each in report.objectives)
    # The answers are about the system: none is shown.
    assert first_screen(report).answers == ()
    assert "12.0 s after the load's start" in report.headline


def test_the_same_rows_without_the_failure_are_lost_messages_of_the_sender(new_run: Build) -> None:
    run = new_run("run")
    starved(run)
    report = build_report(run.write())
    assert {each.name: each.verdict for each in report.objectives}["lost messages"] == "missed"


def test_every_rendering_says_it(new_run: Build) -> None:
    run = new_run("run")
    starved(run)
    run_dir = run.write(instrument_failures=(LOST_JOURNAL,))
    write_report(build_report(run_dir), run_dir / "report", charts=False)
    for name in ("summary.md", "summary.json", "junit.xml", "index.html"):
        text = (run_dir / "report" / name).read_text(encoding="utf-8")
        assert "journal could not be written" in text, name


def test_a_failure_in_one_part_of_a_suite_leaves_the_other_parts_their_figures(
    new_run: Build, write_suite: Callable[..., Path]
) -> None:
    broken, whole = new_run("a-broken"), new_run("b-whole")
    starved(broken)
    for slot in range(300):
        whole.journey(f"m-{slot}", slot / 5, 2.0)
    broken.write(instrument_failures=(LOST_JOURNAL,))
    whole.write(end_s=70.0)
    report = build_report(write_suite("a-broken", "b-whole"))
    assert report.exit_code == ExitCode.INVALID
    assert report.headline.startswith("INVALID: Bench failure: provider")
    assert "(12.0 s after the load's start; part: made by hand (a-broken))" in report.headline
    held = {each.verdict for each in report.objectives if each.part == "b-whole"}
    assert held == {"met"}
    assert "0 lost, 0 duplicated, of 300 accepted" in answer_text(report, "wrong")


def test_the_field_may_be_written_by_other_hands(new_run: Build) -> None:
    run = new_run("run")
    run.journey("m", 0.0, 1.0)
    run_dir = run.write()
    path = run_dir / "run.json"
    text = path.read_text().replace(
        '"instrument_failures": []', '"instrument_failures": [{"process": "load", "what": "killed"}]'
    )
    path.write_text(text)
    assert read_manifest(run_dir).instrument_failures == (InstrumentFailure("load", "killed"),)
    assert build_report(run_dir).headline.startswith("INVALID: Bench failure: load: killed.")
