"""Exit code, result.json, summary.json, JUnit, terminal and step summary of a run come to one verdict."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from run_builder import Build

from analysis.cli import main
from analysis.records import read_result


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
    monkeypatch.setattr("analysis.render.png.draw_all", lambda *_: ())  # pictures have no verdict
    step = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    monkeypatch.setattr(sys, "argv", ["analysis", str(run_dir), "--quiet", "--slo", "otp.p95<20s"])
    with pytest.raises(SystemExit) as ended:
        main()
    result = read_result(run_dir)
    assert result is not None
    summary = json.loads((run_dir / "report" / "summary.json").read_text())
    assert ended.value.code == result.exit_code == summary["exit_code"] == code
    assert summary["first_screen"]["word"] == word
    assert result.valid == (code != 3)
    junit = ElementTree.parse(run_dir / "report" / "junit.xml").getroot()
    failed = [tag for suite in junit for tag in ("failures", "errors") if int(suite.get(tag, "0"))]
    assert failed == {0: [], 1: ["failures"], 3: ["errors"], 4: ["errors"]}[code]
    printed = capsys.readouterr().out
    for text in (printed, step.read_text()):
        assert word in text
        for other in {"YES", "NO", "INVALID", "UNDECIDED"} - {word}:
            assert f"{other}." not in text and f"{other}:" not in text
