"""The report as a user meets it: the files, the exit codes, the awkward runs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from run_builder import Build, RunBuilder, Suite

from analysis import records
from analysis.cli import main
from analysis.report import build_report

RunCli = Callable[..., int]
CHARTS = ("percentiles", "latency", "rates", "backlog", "stages")


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch) -> RunCli:
    """The command on a run directory. Charts take most of its time: they are drawn for tests of them."""

    def run(run_dir: Path, *, charts: bool = False) -> int:
        options = [] if charts else ["--no-charts"]
        monkeypatch.setattr(sys, "argv", ["analysis", str(run_dir), "--quiet", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return run


def page_of(run_dir: Path) -> str:
    return (run_dir / "report" / "index.html").read_text(encoding="utf-8")


def summary_of(run_dir: Path) -> Any:
    return json.loads((run_dir / "report" / "summary.json").read_text(encoding="utf-8"))


def good(run: RunBuilder, delivery_s: float = 3.0) -> None:
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 5, delivery_s + slot % 7 / 10)


def test_a_good_run_writes_everything_and_exits_0(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    good(run)
    run_dir = run.write(end_s=70.0)
    assert run_cli(run_dir, charts=True) == 0
    written = {path.name for path in (run_dir / "report").iterdir()}
    assert written == {
        *(f"{chart}.png" for chart in CHARTS),
        "first-screen.png",
        *("index.html", "summary.json", "summary.md", "junit.xml", "result.json"),
        *("percentiles.csv", "ladder.csv", "timeline.csv"),
    }
    summary = summary_of(run_dir)
    (part,) = summary["parts"]
    p95 = next(each for each in part["delivery"][0]["quantiles"] if each["percentile"] == 95.0)
    assert p95["value_s"] == pytest.approx(3.6)
    assert part["accounting"]["delivered"] == 300
    assert summary["exit_code"] == 0
    # The page stands alone.
    page = page_of(run_dir)
    assert page.count("<svg") == len(CHARTS)
    # Names of XML namespaces are no references: nothing is loaded by them.
    outside = re.findall(r'(?:src|href)="(?!#)([^"]+)"|url\((?!#)([^)]+)\)|@import', page)
    assert not outside
    assert len(page) < 1_500_000
    # An id that two charts share would let one clip the other.
    clips = re.findall(r'<clipPath id="([^"]+)"', page)
    assert len(clips) == len(set(clips))


def test_without_charts_the_words_and_figures_are_the_same(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    good(run)
    run_dir = run.write(end_s=70.0)
    assert run_cli(run_dir, charts=True) == 0
    drawn = summary_of(run_dir)
    assert run_cli(run_dir) == 0
    assert summary_of(run_dir) == drawn
    assert not list((run_dir / "report").glob("*.png"))  # those of the previous report are removed
    assert "<svg" not in page_of(run_dir) and ">YES</p>" in page_of(run_dir)
    assert "![" not in (run_dir / "report" / "summary.md").read_text(encoding="utf-8")


def test_a_missed_objective_exits_1_and_fails_in_junit(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    good(run, delivery_s=22.0)
    run_dir = run.write(end_s=90.0)
    assert run_cli(run_dir) == 1
    junit = ElementTree.parse(run_dir / "report" / "junit.xml").getroot()
    failed = [case.get("name") for case in junit.iter("testcase") if case.find("failure") is not None]
    assert failed == ["OTP p95 delivery time"]
    assert ">NO</p>" in page_of(run_dir)


def junit_of(run_dir: Path, name: str) -> list[str]:
    """The tags in the test case of this name."""
    junit = ElementTree.parse(run_dir / "report" / "junit.xml").getroot()
    return [tag.tag for case in junit.iter("testcase") if case.get("name") == name for tag in case]


def test_an_undecided_run_exits_4_unless_that_is_allowed(
    new_run: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run("run")
    for slot in range(40):
        run.journey(f"m-{slot}", slot / 4, 3.0 + slot % 7 / 10)
    run_dir = run.write(load_s=10.0, end_s=70.0)
    step = tmp_path / "step.md"
    step.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    for options, code, tag in (([], 4, "error"), (["--allow-undecided"], 0, "skipped")):
        monkeypatch.setattr(sys, "argv", ["analysis", str(run_dir), "--quiet", "--no-charts", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        result = records.read_result(run_dir)
        assert result is not None
        assert ended.value.code == result.exit_code == summary_of(run_dir)["exit_code"] == code
        assert result.objectives[0] == records.JudgedObjective("otp.p95<20s", "undecided")
        assert (result.valid, result.sustained) == (True, True)
        assert junit_of(run_dir, "OTP p95 delivery time") == [tag]
        printed = capsys.readouterr().out
        assert printed.startswith("UNDECIDED: No objective was missed. OTP: 95 % within 20 s is undecided: ")
    written = step.read_text()
    assert written.startswith("before\n# made by hand")
    assert written.count("| OTP p95 delivery time |") == 2
    assert "Validity\n\n|" not in written


def test_a_step_summary_that_cannot_be_written_is_a_warning(
    new_run: Build,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    run_cli: RunCli,
) -> None:
    run = new_run("run")
    good(run)
    run_dir = run.write(end_s=70.0)
    place = tmp_path / "absent" / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    assert run_cli(run_dir) == 0
    said = capsys.readouterr()
    assert said.err == f"warning: GITHUB_STEP_SUMMARY: {place} cannot be written: No such file or directory\n"
    assert said.out.startswith("YES: ")


def test_each_objective_of_a_suite_has_its_part(
    new_run: Build, write_suite: Suite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run_cli: RunCli
) -> None:
    for name, delivery_s in (("01-quick", 3.0), ("02-slow", 30.0)):
        run = new_run(name)
        good(run, delivery_s)
        run.write(end_s=99.0)
    step = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    run_dir = write_suite("01-quick", "02-slow")
    assert run_cli(run_dir) == 1
    expected = [("01-quick", "met"), ("02-slow", "missed")]
    result = records.read_result(run_dir)
    assert result is not None
    told = [(each.part, each.verdict) for each in result.objectives if each.objective == "otp.p95<20s"]
    assert told == expected
    junit = ElementTree.parse(run_dir / "report" / "junit.xml").iter("testcase")
    cases = [case for case in junit if case.get("name") == "OTP p95 delivery time"]
    assert [(case.get("classname"), case.find("failure") is not None) for case in cases] == [
        (f"objective.{part}", verdict == "missed") for part, verdict in expected
    ]
    rows = [line for line in step.read_text().splitlines() if "| OTP p95 delivery time |" in line]
    assert [line.split("|")[1].strip() for line in rows] == [part for part, _ in expected]


def test_parts_with_the_same_title_are_distinguished(
    new_run: Build, write_suite: Suite, run_cli: RunCli
) -> None:
    without = records.RecordedScenario(name="made", title="made by hand", parameters={"fifo": True})
    other = records.RecordedScenario(name="made", title="another")
    parts: dict[str, dict[str, Any]] = {
        "01-live": {},
        "02-simulated": {"mode": "simulated"},
        "03-without": {"mode": "simulated", "scenario": without},
        "04-again": {"mode": "simulated"},
        "05-other": {"mode": "simulated", "scenario": other},
    }
    for name, manifest in parts.items():
        run = new_run(name)
        good(run)
        run.write(end_s=70.0, **manifest)
    run_dir = write_suite(*parts)
    run_cli(run_dir)
    assert [part["identity"]["title"] for part in summary_of(run_dir)["parts"]] == [
        "made by hand",
        "made by hand (simulated) (02-simulated)",
        "made by hand (without priorities)",
        "made by hand (simulated) (04-again)",
        "another",
    ]


def test_slo_takes_the_place_of_the_runs_own(
    new_run: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run("run")
    good(run)
    run_dir = run.write(end_s=70.0)
    monkeypatch.setattr(sys, "argv", ["analysis", str(run_dir), "-q", "--no-charts", "--slo", "otp.p95<2s"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    names = [each["objective"] for each in summary_of(run_dir)["objectives"]]
    assert names == ["otp.p95<2s", "loss=0", "duplicates=0", "unaccounted=0", "not_taken<=0.1%"]
    monkeypatch.setattr(sys, "argv", ["analysis", str(run_dir), "-q", "--no-charts", "--slo", "otp.p95<2"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "\n         ^ the unit of time is missing" in capsys.readouterr().err


def test_an_invalid_run_exits_3_and_says_so_first(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    good(run)
    run_dir = run.write(end_s=70.0, planned=900)
    assert run_cli(run_dir) == 3
    page = page_of(run_dir)
    assert ">INVALID</p>" in page
    assert "How many messages per second are possible?" not in page  # no answer comes from such a run


@pytest.mark.parametrize(
    "make", ["empty directory", "no directory", "broken manifest", "wrong column", "no rows"]
)
def test_what_is_no_run_directory_exits_2_with_its_reason(
    make: str,
    tmp_path: Path,
    run_cli: RunCli,
    capsys: pytest.CaptureFixture[str],
    new_run: Build,
) -> None:
    target = tmp_path / "target"
    words = "it does not exist" if make == "no directory" else "run.json"
    if make != "no directory":
        target.mkdir()
    if make == "broken manifest":
        (target / "run.json").write_text('{"scenario": 5}')
    if make in ("wrong column", "no rows"):
        run = new_run("target")
        run.journey("m", 1.0, 2.0)
        run.write()
    if make == "no rows":  # as the samples of the repository
        (target / "load.arrow").unlink()
        (target / "report").mkdir()
        (target / "report" / "index.html").write_text("the report of a real run")
        words = "load.arrow does not exist"
    if make == "wrong column":
        (target / "load.arrow").write_bytes((target / "provider.arrow").read_bytes())
        words = "load.arrow: column 'message_class' is missing"
    assert run_cli(target) == 2
    assert words in capsys.readouterr().err
    if make == "no rows":
        assert (target / "report" / "index.html").read_text() == "the report of a real run"


def test_few_messages_give_words_in_place_of_charts(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    for slot in range(3):
        run.journey(f"m-{slot}", 10.0 * slot, 3.0)
    run_dir = run.write(end_s=70.0)
    assert run_cli(run_dir, charts=True) == 4
    page = page_of(run_dir)
    assert "too few messages for a percentile curve" in page
    assert "3 messages, all within the limit; the 95 % interval needs 72" in page
    assert not (run_dir / "report" / "percentiles.png").exists()


def test_nothing_sent_is_reported_as_nothing(new_run: Build, run_cli: RunCli) -> None:
    run_dir = new_run("run").write()
    assert run_cli(run_dir, charts=True) == 3
    assert "no message was due in this run" in page_of(run_dir)


def test_without_provider_rows_no_delivery_is_claimed_or_denied(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    for slot in range(200):
        run.due(f"m-{slot}", slot / 10)
        run.kept(f"m-{slot}", "sent")
    run_dir = run.write(end_s=90.0, provider_file=False)
    assert run_cli(run_dir, charts=True) == 4
    summary = summary_of(run_dir)
    assert summary["verdict"] == "undecided"
    assert summary["parts"][0]["delivery"] == []
    assert "no provider rows: deliveries were not observed" in page_of(run_dir)
    (row,) = next(each for each in summary["first_screen"]["answers"] if each["name"] == "wrong")["rows"]
    value = "".join(piece if isinstance(piece, str) else piece["text"] for piece in row["value"])
    assert value == "200 without records of the provider: whether they were lost or duplicated is unknown"


def test_all_open_counts_as_late_not_as_absent(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    for slot in range(200):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + 0.1, state="open")
    run_dir = run.write(load_s=20.0, end_s=90.0)
    assert run_cli(run_dir) == 1
    summary = (run_dir / "report" / "summary.md").read_text(encoding="utf-8")
    assert "OTP: 5 % need more than 89.0 s or had not arrived when the run ended" in summary


def test_an_interrupted_run_keeps_what_it_knows(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    for slot in range(200):
        if slot < 150:
            run.journey(f"m-{slot}", slot / 10, 3.0)
        else:
            run.due(f"m-{slot}", slot / 10)
            run.seen(f"m-{slot}", slot / 10 + 0.1, state="open")
    run_dir = run.write(load_s=20.0, end_s=20.0, exit_reason="interrupted")
    assert run_cli(run_dir) == 130
    summary = summary_of(run_dir)
    # A quarter is still open and young: p50 is known, p95 is not, and nothing is claimed of it.
    states = {each["percentile"]: each["state"] for each in summary["parts"][0]["delivery"][0]["quantiles"]}
    assert (states[50.0], states[95.0]) == ("exact", "at_least")
    assert summary["verdict"] == "undecided"
    assert "interrupted by the user, 50 messages still open" in page_of(run_dir)


def test_names_from_a_run_cannot_break_the_page(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    for slot in range(400):
        run.journey(f"m-{slot}", slot / 10, 3.0, message_class="<b>&$\\frac$")
    run_dir = run.write(end_s=90.0)
    assert run_cli(run_dir, charts=True) == 0
    assert "<b>&" not in page_of(run_dir)


def test_a_simulated_run_is_marked(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    for slot in range(300):  # in virtual time the sender answers at once: no curve can be drawn of that
        run.journey(f"m-{slot}", slot / 5, 3.0, api_s=0.0)
    run_dir = run.write(end_s=70.0, mode="simulated")
    assert run_cli(run_dir, charts=True) == 0
    page = page_of(run_dir)
    assert page.index("SIMULATED") < page.index("How many messages per second are possible?")
    assert (run_dir / "report" / "summary.md").read_text(encoding="utf-8").count("SIMULATED") >= 2


def test_a_scaled_provider_leaves_the_exit_code_to_loss_and_duplicates(
    new_run: Build, run_cli: RunCli
) -> None:
    timing = records.Timing(window="day", speedup=288.0, provider_scale=288.0)
    run = new_run("good")
    good(run)
    assert run_cli(run.write(end_s=70.0, timing=timing)) == 0
    lossy = new_run("lossy")
    good(lossy)
    lossy.due("gone", 30.0)
    lossy.kept("gone", "sent")
    assert run_cli(lossy.write(end_s=70.0, timing=timing)) == 1


def test_one_delivery_time_judged_is_not_enough(new_run: Build, run_cli: RunCli) -> None:
    run = new_run("run")
    good(run)
    run.journey("rare", 30.0, 3.0, message_class="marketing")  # one message: its p95 is withheld
    assert run_cli(run.write(end_s=70.0)) == 4


def test_the_report_of_one_trial_says_that_the_search_has_its_own_verdict(new_run: Build) -> None:
    run = new_run("01-10")
    for slot in range(400):
        run.journey(f"m-{slot}", slot / 10, 3.0)
    scenario = records.RecordedScenario(name="capacity", title="trial at 10/s")
    report = build_report(run.write(load_s=40.0, end_s=60.0, scenario=scenario))
    (note,) = report.notes
    assert note.startswith("This run is one trial of a capacity search. The search's verdict on it is in the")
    assert build_report(run.write(load_s=40.0, end_s=60.0)).notes == ()
