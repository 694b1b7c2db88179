"""Exit code, result.json, summary.json, JUnit, terminal and step summary of a run have one verdict."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import pytest
from run_builder import Build

from analysis.capacity_record import SEARCH_ITSELF, CapacityResult, Trial, write_capacity
from analysis.cli import main
from analysis.records import Instant, Manifest, RecordedScenario, read_result, write_manifest
from analysis.render import png
from analysis.render.report_files import write_report
from analysis.report import build_report


@pytest.mark.parametrize("given", ["vip.p95<1s", "otp.p95<"])
def test_an_objective_that_cannot_be_judged_is_named_as_that_of_its_option(
    new_run: Build, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: str
) -> None:
    """``smsbench run`` and all other commands say *smsbench: --slo:* before it."""
    run = new_run("run")
    run.journey("m", 1.0, 3.0)
    monkeypatch.setattr(sys, "argv", ["smsbench", str(run.write(load_s=40.0)), "--slo", given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"smsbench: --slo:\n{given}\n")


@pytest.mark.parametrize(
    ("delay_s", "messages", "lag_s", "code", "word"),
    [
        (3.0, 400, 0.001, 0, "YES"),
        (30.0, 400, 0.001, 1, "NO"),
        (3.0, 400, 0.5, 3, "INVALID"),
        (3.0, 40, 0.001, 4, "UNDECIDED"),
    ],
)
def test_all_outputs_have_the_same_verdict(
    new_run: Build,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    delay_s: float,
    messages: int,
    lag_s: float,
    code: int,
    word: str,
) -> None:
    run = new_run("run")
    for slot in range(messages):
        run.journey(f"m-{slot}", slot * 40 / messages, delay_s, lag_s=lag_s)
    run_dir = run.write(load_s=40.0, end_s=100.0)
    results = outputs(run_dir, monkeypatch, tmp_path, capsys, ("--slo", "otp.p95<20s"))
    assert results == (code, word)


@pytest.mark.parametrize(
    ("sustained_per_s", "trials", "messages", "code", "word"),
    [
        (10.0, ("met",), 400, 0, "YES"),
        (10.0, ("met",), 40, 4, "UNDECIDED"),  # too few messages for the user's only objective
        (None, ("missed",), 400, 1, "NO"),  # its backlog grew, and no objective is missed
        (None, ("undecided",), 400, 4, "UNDECIDED"),
        (None, ("invalid",), 400, 0, "YES"),  # such a trial is invalid itself; here it is not
    ],
)
def test_all_outputs_of_a_capacity_search_have_its_verdict(
    new_run: Build,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    sustained_per_s: float | None,
    trials: Sequence[Literal["met", "missed", "undecided", "invalid"]],
    messages: int,
    code: int,
    word: str,
) -> None:
    run = new_run("found/trials/01-10")
    for slot in range(messages):
        run.journey(f"m-{slot}", slot * 40 / messages, 3.0)
    run.write(load_s=40.0, end_s=100.0)
    found = tmp_path / "found"
    suite = Manifest(
        kind="suite",
        scenario=RecordedScenario(name="capacity", title="capacity", decides=False),
        started=Instant("", 0, 0),
        ended=Instant("", 0, 0),
        exit_reason="finished",
        parts=("trials/01-10",),
        capacity=SEARCH_ITSELF,
        objectives=("otp.p95<20s", "loss=0"),
    )
    write_manifest(found, suite)
    result = CapacityResult(
        profile="fast",
        target="mine",
        objectives=("otp.p95<20s", "loss=0"),
        sustained_per_s=sustained_per_s,
        low_per_s=sustained_per_s or 0.0,
        high_per_s=None,
        messages_per_day=None,
        bottlenecks=(),
        trials=tuple(
            Trial(rate_per_s=10.0, verdict=each, delivered_per_s=10.0, why="the backlog grew by 2/s")
            for each in trials
        ),
        ended="so it is",
    )
    write_capacity(found, result)
    slo = ("--slo", "otp.p95<20s", "--slo", "loss=0")
    assert outputs(found, monkeypatch, tmp_path, capsys, slo) == (code, word)
    if sustained_per_s is None and "invalid" not in trials:
        said = (found / "report" / "summary.md").read_text()
        assert "meet every objective" in said or "met every objective" in said
        assert "At 10.0/s: the backlog grew by 2/s." in said


def outputs(
    run_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: Sequence[str],
) -> tuple[int, str]:
    """Code and word of the run; the outputs agree."""
    monkeypatch.setattr(png, "draw_all", lambda *_: ())  # pictures have no verdict
    step = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    monkeypatch.setattr(sys, "argv", ["analysis", str(run_dir), "--quiet", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    result = read_result(run_dir)
    assert result is not None
    summary = json.loads((run_dir / "report" / "summary.json").read_text())
    code, word = result.exit_code, summary["first_screen"]["word"]
    assert ended.value.code == code == summary["exit_code"]
    assert result.valid == (code != 3)
    junit = ElementTree.parse(run_dir / "report" / "junit.xml").getroot()
    failed = [tag for suite in junit for tag in ("failures", "errors") if int(suite.get(tag, "0"))]
    assert failed == {0: [], 1: ["failures"], 3: ["errors"], 4: ["errors"]}[code]
    printed = capsys.readouterr().out
    for text in (printed, step.read_text()):
        assert word in text
        for other in {"YES", "NO", "INVALID", "UNDECIDED"} - {word}:
            assert f"{other}." not in text and f"{other}:" not in text
    return code, word


def test_a_percentile_of_too_few_messages_that_is_missed_has_its_lower_end_in_every_output(
    new_run: Build,
) -> None:
    run = new_run("run")
    for slot in range(10):
        run.journey(f"m-{slot}", float(slot), 50.0)
    run_dir = run.write(load_s=10.0, end_s=90.0)
    report = build_report(run_dir, objectives=("otp.p95<20s",))
    write_report(report, run_dir / "report", charts=False)
    assert report.objectives[0].measured == "50.0 s or more"
    junit = ElementTree.parse(run_dir / "report" / "junit.xml")
    failure = junit.find(".//testcase[@name='OTP p95 delivery time']/failure")
    assert failure is not None
    assert str(failure.get("message")).startswith("50.0 s or more, limit < 20 s: only 10 messages")
    summary = (run_dir / "report" / "summary.md").read_text(encoding="utf-8")
    assert "| OTP p95 delivery time | < 20 s | 50.0 s or more | MISSED |" in summary
