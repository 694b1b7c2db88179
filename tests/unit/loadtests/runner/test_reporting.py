"""The verdict that the terminal shows after a run."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from run_builder import RunBuilder

from loadtests.runner.reporting import report, verdict


def test_the_terminal_shows_all_answers_without_tables() -> None:
    answers = "\n\n".join(f"**Question {number}?** yes\n\n- a line" for number in range(30))
    tables = "## Objectives\n\n| objective | limit |\n| --- | --- |\n\n## Ladder\n\n*none*\n"
    assert verdict(f"# Title\n\n**Good enough.**\n\n{answers}\n\n{tables}") == (
        f"# Title\n\n**Good enough.**\n\n{answers}"
    )


def test_an_old_verdict_is_not_shown_where_the_analysis_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "summary.md").write_text("# Old\n\n**Good enough.**\n")
    (tmp_path / "run.json").write_text("not JSON")
    shown = io.StringIO()
    assert report(tmp_path, Console(file=shown)) == 2
    assert (shown.getvalue(), "error: " in capsys.readouterr().err) == ("", True)


def test_a_step_summary_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict counts. The path is one below the working directory of the command."""
    run = RunBuilder(tmp_path / "run")
    for slot in range(20):
        run.journey(f"m-{slot}", slot / 4, 3.0)
    run_dir = run.write(load_s=5.0, end_s=20.0)
    monkeypatch.chdir(tmp_path)
    for place, warned in (("step.md", False), ("absent/step.md", True)):
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", place)
        assert report(run_dir, Console(file=io.StringIO()), no_charts=True) == 4
        warning = (
            f"warning: GITHUB_STEP_SUMMARY: {tmp_path / place} cannot be written: No such file or directory\n"
        )
        assert capsys.readouterr().err == (warning if warned else "")
    assert (tmp_path / "step.md").read_text().startswith("# made by hand")
