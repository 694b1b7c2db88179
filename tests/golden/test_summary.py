"""The Markdown report of a committed run directory, compared with an expected file.

A change of wording in a report shows here as one diff. To accept it: ``pytest tests/golden --update-golden``.
``make_run.py`` in this directory made the run.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.render.report_files import write_report
from analysis.report import build_report

HERE = Path(__file__).parent
EXPECTED = HERE / "summary.md"


def test_the_markdown_report_is_the_expected_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    write_report(build_report(HERE / "run"), tmp_path)
    found = (tmp_path / "summary.md").read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        EXPECTED.write_text(found, encoding="utf-8")
        pytest.skip(f"{EXPECTED.name} is rewritten: read its diff")
    assert found == EXPECTED.read_text(encoding="utf-8")
