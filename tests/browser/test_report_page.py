"""The report, in a browser: it stands alone, and its first screen says yes or no and why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "reports" / "sample" / "report" / "index.html"
QUESTIONS = ("How many SMS a second?", "Does ten times the traffic hold?", "How fast do they arrive?")


@pytest.fixture(params=["the committed sample", "a run of this code"])
def report(request, tmp_path) -> Path:
    if request.param == "the committed sample":
        return SAMPLE
    out = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.cli", "simulate", "smoke", "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "report" / "index.html"


def test_a_report_opens_without_network_and_answers_on_its_first_screen(watched, report) -> None:
    page = watched.page
    page.goto(report.as_uri())
    assert watched.errors == []
    assert all(url.startswith(("file:", "data:")) for url in watched.requested)
    for question in QUESTIONS:
        place = page.get_by_text(question).first.bounding_box()
        assert place is not None and place["y"] < 900, f"{question} is not on the first screen"
    # Nothing runs out of the page's width, at a desk and on a phone.
    for width in (1200, 420):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    charts = page.locator("figure img, figure svg")
    assert charts.count() >= 4
    for chart in charts.all():
        box = chart.bounding_box()
        assert box is not None and box["height"] > 50
