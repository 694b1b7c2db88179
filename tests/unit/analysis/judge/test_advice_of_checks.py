"""The advice of a check that failed in several parts."""

from __future__ import annotations

from run_builder import Build, Suite

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import words
from analysis.render import tables
from analysis.report import build_report


def test_an_advice_of_several_parts_is_shown_once_and_quoted(new_run: Build, write_suite: Suite) -> None:
    for name in ("a", "b"):
        run = new_run(name)
        for slot in range(200):
            run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.1)
        run.write(load_s=20.0, end_s=80.0)
    report = build_report(write_suite("a", "b"), objectives=("api.p99<6ms",))
    rows = [row for row in tables.checks(report).rows if "tighter than this bench" in str(row[-1])]
    assert len(rows) == 1
    screen = first_screen(report)
    assert words(screen.trust).startswith("What to do: an objective of 6.00 ms")
    assert screen.notes == ()
