"""CSV files that a spreadsheet opens without running a cell of them."""

from __future__ import annotations

import csv

import pytest
from run_builder import Build

from analysis.render.data import spreadsheet_safe
from analysis.render.report_files import write_report
from analysis.report import build_report


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1+1", "'+1+1"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("-0.25", "-0.25"),
        ("+1e-9", "+1e-9"),
        (-0.25, -0.25),
        (-3, -3),
        ("otp", "otp"),
        ("a=b", "a=b"),
        ("", ""),
        ("-", "'-"),
    ],
)
def test_a_text_is_no_formula_and_a_number_stays_one(value: object, written: object) -> None:
    assert spreadsheet_safe(value) == written


def test_class_names_of_the_run_are_guarded_in_every_csv(new_run: Build) -> None:
    run = new_run("run")
    names = ('=HYPERLINK("http://127.0.0.1/?"&A1,"x")', "+evil", "-evil", "@evil")
    for slot in range(200):
        run.journey(f"m-{slot}", slot / 10, 3.0, message_class=names[slot % len(names)])
    run_dir = run.write(load_s=20.0, end_s=30.0)
    write_report(build_report(run_dir), run_dir / "report", charts=False)
    seen = 0
    for path in (run_dir / "report").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as source:
            for row in csv.reader(source):
                for cell in row:
                    seen += cell.lstrip("'") in names
                    assert not cell.startswith(("=", "@")) and cell not in names, path.name
    assert seen
