"""The verdict that the terminal shows after a run."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

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
