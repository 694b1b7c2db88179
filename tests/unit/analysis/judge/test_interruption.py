"""Runs that did not finish, and runs of hardly any messages: what the first screen says."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from made_benches import suite as bench
from run_builder import Build, RunBuilder, Suite
from screen_texts import answer_text

from analysis import records
from analysis.capacity_record import SEARCH_ITSELF, Trial, write_capacity
from analysis.exit_codes import ExitCode
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text as text_of
from analysis.render.report_files import write_report
from analysis.report import build_report


def run_of(run: RunBuilder, load_s: float, **manifest: Any) -> Path:
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
    report = build_report(run_of(new_run("run"), load_s, exit_reason="interrupted"))
    assert report.headline == f"STOPPED: {words}. No objective was missed until then."
    assert report.notes[0].startswith(words)
    assert report.interrupted == words
    assert report.exit_code == ExitCode.INTERRUPTED


def test_a_finished_run_has_no_such_words(new_run: Build) -> None:
    report = build_report(run_of(new_run("run"), 23.0))
    assert report.headline.startswith("YES: the sender met every objective at ")
    assert report.notes == ()
    assert (report.interrupted, report.exit_code) == ("", 0)


def test_an_interrupted_suite_names_the_part(new_run: Build, write_suite: Suite) -> None:
    run_of(new_run("a"), 23.0)
    run_of(new_run("b"), 13.0, exit_reason="interrupted")
    report = build_report(write_suite("a", "b"))
    assert report.headline.startswith(
        "STOPPED: Interrupted (made by hand (b)) after 13 of 23 s. No objective was missed until"
    )
    assert "Later parts were not run" in report.notes[0]
    assert report.exit_code == ExitCode.INTERRUPTED


def test_a_suite_interrupted_between_two_parts_is_not_complete(new_run: Build, write_suite: Suite) -> None:
    run_of(new_run("a"), 23.0)
    run_of(new_run("b"), 23.0)
    suite_dir = write_suite("a", "b")
    manifest = records.read_manifest(suite_dir)
    records.write_manifest(suite_dir, msgspec.structs.replace(manifest, exit_reason="interrupted"))
    report = build_report(suite_dir)
    assert report.headline.startswith(
        "STOPPED: Interrupted between two parts, after: made by hand (b). No objective was missed until"
    )
    assert report.exit_code == ExitCode.INTERRUPTED
    assert "Later parts were not run" in report.notes[0]


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        (
            (50.0, 100.0),
            "Interrupted in trial 3 (150/s) of the capacity search; judged until then: 50.0/s, 100/s",
        ),
        ((), "Interrupted in trial 1 (150/s) of the capacity search"),
    ],
)
@pytest.mark.parametrize(
    ("place", "rest"), [(SEARCH_ITSELF, "Later trials were not made"), ("search", "Later parts")]
)
def test_an_interrupted_search_names_the_trial(
    new_run: Build, write_suite: Suite, rates: tuple[float, ...], words: str, place: str, rest: str
) -> None:
    run_of(new_run("a"), 23.0)
    suite_dir = write_suite("a")
    manifest = records.read_manifest(suite_dir)
    changed = msgspec.structs.replace(manifest, exit_reason="interrupted", capacity=place)
    records.write_manifest(suite_dir, changed)
    made = bench().capacity
    assert made is not None
    trials = tuple(Trial(rate_per_s=each, verdict="met", delivered_per_s=each) for each in rates)
    (suite_dir / place).mkdir(exist_ok=True)
    write_capacity(suite_dir / place, msgspec.structs.replace(made, trials=trials, interrupted_per_s=150.0))
    report = build_report(suite_dir)
    assert report.interrupted == words
    assert report.headline.startswith(f"STOPPED: {words}. ")
    assert report.notes[0].startswith(words) and rest in report.notes[0]
    assert report.exit_code == ExitCode.INTERRUPTED


def _ended_search(suite_dir: Path, interrupted_per_s: float | None, *verdicts: str) -> str:
    """The headline of a suite whose search made trials at 50/s, 100/s and so on, with these verdicts."""
    manifest = records.read_manifest(suite_dir)
    ended = msgspec.structs.replace(manifest, exit_reason="interrupted", capacity=SEARCH_ITSELF)
    records.write_manifest(suite_dir, ended)
    made = bench().capacity
    assert made is not None
    trials = tuple(
        Trial(rate_per_s=50.0 * number, verdict=verdict, delivered_per_s=1.0, why="the backlog grew by 12/s")  # type: ignore[arg-type]
        for number, verdict in enumerate(verdicts, start=1)
    )
    write_capacity(
        suite_dir, msgspec.structs.replace(made, trials=trials, interrupted_per_s=interrupted_per_s)
    )
    return build_report(suite_dir).headline


def test_the_headline_of_an_interrupted_search_has_the_lowest_rate_that_was_missed(
    new_run: Build, write_suite: Suite
) -> None:
    """Not of a search that was complete before: a search needs a missed rate to find its upper end."""
    run_of(new_run("a"), 23.0)
    suite_dir = write_suite("a")
    missed, none = "100/s did not meet every objective: the backlog grew by 12/s.", "No objective was missed"
    for rate, verdicts, told in (
        (75.0, ("met", "missed", "missed"), missed),
        (75.0, ("met", "undecided"), none),
        (75.0, ("met",), none),
        (None, ("met", "missed"), none),
    ):
        found = _ended_search(suite_dir, rate, *verdicts)
        assert told in found
        assert (none in found) is (told == none)


@pytest.mark.parametrize("delivery_s", [3.0, 60.0])
@pytest.mark.parametrize(
    ("verdicts", "told"), [((), "No rate was judged until then."), (("met",), "No objective")]
)
def test_the_interrupted_trial_of_a_search_is_not_judged(
    new_run: Build, write_suite: Suite, delivery_s: float, verdicts: tuple[str, ...], told: str
) -> None:
    run = new_run("a")
    for slot in range(130):
        run.journey(f"m-{slot}", slot / 10, delivery_s)
    timing = records.Timing(duration_s=23.0)
    run.write(load_s=13.0, end_s=80.0, timing=timing, exit_reason="interrupted")
    suite_dir = write_suite("a")
    headline = _ended_search(suite_dir, 75.0, *verdicts)
    report = build_report(suite_dir)
    assert told in headline
    assert {each.verdict for each in report.objectives} == {"undecided"}
    assert {each.needs for each in report.objectives} == {"a search that is not interrupted"}


def test_a_trial_that_was_not_interrupted_is_judged_in_an_interrupted_search(
    new_run: Build, write_suite: Suite
) -> None:
    run_of(new_run("a"), 23.0)
    suite_dir = write_suite("a")
    _ended_search(suite_dir, 75.0, "met")
    assert {each.verdict for each in build_report(suite_dir).objectives if each.message_class == "otp"} == {
        "met"
    }


@pytest.mark.parametrize("delivery_s", [3.0, 60.0])
def test_an_interruption_takes_precedence_over_every_verdict(new_run: Build, delivery_s: float) -> None:
    run = new_run("run")
    for slot in range(130):
        run.journey(f"m-{slot}", slot / 10, delivery_s)
    timing = records.Timing(duration_s=23.0)
    report = build_report(run.write(load_s=13.0, end_s=80.0, timing=timing, exit_reason="interrupted"))
    assert report.verdict == ("met" if delivery_s < 20 else "missed")
    assert report.exit_code == ExitCode.INTERRUPTED


def test_an_aborted_run_is_invalid_and_not_complete(new_run: Build) -> None:
    report = build_report(run_of(new_run("run"), 13.0, exit_reason=records.ABORTED))
    assert report.headline.startswith(
        "STOPPED: Interrupted after 13 of 23 s. The figures until then cannot be used: how the run ended: "
        "error: aborted by the user"
    )
    assert report.validity == "invalid"
    assert report.exit_code == ExitCode.INTERRUPTED


def test_an_interrupted_run_in_which_the_bench_failed_says_what_failed(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(130):
        run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.5)
    timing = records.Timing(duration_s=23.0)
    report = build_report(run.write(load_s=13.0, end_s=30.0, timing=timing, exit_reason="interrupted"))
    assert report.validity == "invalid"
    assert report.headline == (
        "STOPPED: Interrupted after 13 of 23 s. The figures until then cannot be used: the bench sent late: "
        "99 % within 500 ms."
    )


def test_an_interrupted_suite_names_the_part_in_which_the_bench_failed(
    new_run: Build, write_suite: Suite
) -> None:
    run_of(new_run("a"), 13.0, exit_reason="interrupted")
    report = build_report(write_suite("a"))
    replace = msgspec.structs.replace
    failed = tuple(
        replace(each, state="invalid", value="bad") if each.name == "offered rate" else each
        for each in report.checks
    )
    headline = first_screen(replace(report, checks=failed, validity="invalid")).why
    assert text_of(headline).endswith(
        "The figures until then cannot be used: the load differed from the plan: bad (part: made by hand)."
    )


def test_an_interruption_before_any_message_has_no_figures(new_run: Build) -> None:
    report = build_report(new_run("run").write(load_s=0.0, end_s=30.0, exit_reason="interrupted"))
    assert report.headline == "STOPPED: Interrupted before any message."


def test_every_rendering_says_that_the_run_was_interrupted(new_run: Build) -> None:
    run_dir = run_of(new_run("run"), 13.0, exit_reason="interrupted")
    write_report(build_report(run_dir), run_dir / "report", charts=False)
    read = {path.name: path for path in (run_dir / "report").iterdir()}
    words = "Interrupted after 13 of 23 s"
    assert f"**STOPPED. INCOMPLETE. {words}. No objective was missed until" in read["summary.md"].read_text()
    assert ">INCOMPLETE</span>" in read["index.html"].read_text()
    summary = msgspec.json.decode(read["summary.json"].read_bytes())
    assert (summary["interrupted"], summary["exit_code"]) == (words, ExitCode.INTERRUPTED)
    case = ElementTree.parse(read["junit.xml"]).find(".//testcase[@classname='ending']/error")
    assert case is not None
    assert case.get("message") == words


def test_a_run_without_load_says_what_went_wrong_and_nothing_else(new_run: Build) -> None:
    reason = "error: is the token what /v1/state says?\n  a trace"
    report = build_report(new_run("run").write(load_s=0.0, exit_reason=reason))
    assert report.headline == "STOPPED: No load was made: is the token what /v1/state says."
    assert first_screen(report).answers == ()
    assert report.exit_code == 3


@pytest.mark.parametrize(("messages", "rate"), [(1, False), (19, False), (20, True)])
def test_a_rate_needs_twenty_messages(new_run: Build, messages: int, rate: bool) -> None:
    run = new_run("run")
    for slot in range(messages):
        run.journey(f"m-{slot}", slot / 10, 3.0)
    text = answer_text(build_report(run.write(load_s=10.0, end_s=20.0)), "rate")
    assert (
        "at least 2.00/s accepted and delivered in the best 10 s"
        if rate
        else "not measured: too few messages in the best 10 s"
    ) in text


@pytest.mark.parametrize(("messages", "word"), [(1, "Not proven"), (19, "Not proven"), (20, "Yes")])
def test_few_messages_do_not_prove_ten_times(new_run: Build, messages: int, word: str) -> None:
    run = new_run("run")
    for slot in range(messages):
        run.journey(f"m-{slot}", slot / 10, 2.0)
    scenario = records.RecordedScenario(name="d", title="d", role="compressed_day", messages_per_day=5_000)
    timing = records.Timing(window="day", speedup=288.0)
    objectives = ("otp.p50<10s",)  # a median needs six messages only
    path = run.write(load_s=2.0, end_s=20.0, scenario=scenario, timing=timing, objectives=objectives)
    assert answer_text(build_report(path), "ten_times").startswith(word)


def test_a_run_whose_runner_was_killed_still_had_a_load(new_run: Build) -> None:
    """Its workers' files were never joined, and its manifest is the one of its beginning."""
    run = new_run("run")
    for slot in range(40):
        run.journey(f"m-{slot:02d}", float(slot), 2.0)
    run_dir = run.write(
        exit_reason="error: the run did not finish", load_started_ns=0, load_ended_ns=0, planned=0
    )
    rows = records.read_rows(run_dir / "load.arrow", records.LOAD_SCHEMA)
    for worker in range(2):
        writer = records.RowWriter(run_dir / f"load-{worker}.arrow", records.LOAD_SCHEMA)
        for row in rows.to_pylist()[worker::2]:
            writer.append(tuple(row.values()))
        writer.close()
    (run_dir / "load.arrow").unlink()
    report = build_report(run_dir, lambda line: None)
    assert report.validity == "invalid"
    assert "No load was made" not in report.headline
    (part,) = report.parts
    assert (part.accounting.rows, part.accounting.delivered) == (40, 40)


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("interrupted", "run it again and let the load begin (--ui: press Start in the page)"),
        ("finished", "keep the files of the run in its directory"),
    ],
)
def test_a_run_that_was_ended_before_its_load_says_how_to_begin_it(
    new_run: Build, reason: str, advice: str
) -> None:
    report = build_report(new_run("run").write(load_s=0.0, end_s=30.0, exit_reason=reason))
    screen = first_screen(report)
    assert f"What to do: {advice}." in "".join(str(getattr(each, "text", each)) for each in screen.trust)


def test_several_interrupted_starts_of_one_session_are_all_named(new_run: Build, write_suite: Suite) -> None:
    """Each start in the web UI is a part, and Stop ends it."""
    for name, load_s, reason in (
        ("a", 13.0, "interrupted"),
        ("b", 23.0, "finished"),
        ("c", 5.0, "interrupted"),
    ):
        scenario = records.RecordedScenario(name="made", title=name, parameters={records.OPEN_BEFORE: 0})
        run_of(new_run(name), load_s, exit_reason=reason, scenario=scenario)
    report = build_report(write_suite("a", "b", "c"))
    words = "Interrupted in 2 of 3 starts: start 1 after 13 of 23 s, start 3 after 5.0 of 23 s"
    assert report.interrupted == words
    assert report.headline.startswith(f"STOPPED: {words}. ")
    assert report.notes[0].startswith(f"{words}: every figure and verdict of an interrupted start")
