"""CSV files that a spreadsheet opens without running a cell of them, and a reason for each message once."""

from __future__ import annotations

import csv
from pathlib import Path

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


def listed(run_dir: Path) -> list[tuple[str, str, int]]:
    (part,) = build_report(run_dir).parts
    return [(each.source, each.reason, each.count) for each in part.reasons]


def test_a_message_that_did_not_arrive_is_listed_once(new_run: Build) -> None:
    run = new_run("run")
    # The sender repeats what the provider's report said.
    run.due("told", 1.0)
    run.seen("told", 1.1, state="undelivered", reason="absent_subscriber")
    run.kept("told", "failed", "absent_subscriber")
    # Refused by the provider and then given up by the sender.
    run.due("refused", 2.0)
    run.seen("refused", 2.1, state="rejected", reason="too_many", accepted=False)
    run.kept("refused", "failed", "gave_up: too_many")
    # Only the sender knows: never submitted; given up before; and open at the provider.
    run.due("queued", 3.0)
    run.kept("queued", "queued")
    run.kept("queued", "expired", "too_late")
    run.due("open", 4.0)
    run.seen("open", 4.1, state="open")
    run.kept("open", "expired", "no_report")
    # Delivered, though its report never came: it did arrive.
    run.journey("arrived", 5.0, 1.0)
    run.kept("arrived", "expired", "no_report")
    assert sorted(listed(run.write())) == [
        ("provider", "rejected: too_many", 1),
        ("provider", "undelivered: absent_subscriber", 1),
        ("sender", "expired: no_report", 1),
        ("sender", "expired: too_late", 1),
    ]


def test_the_last_state_that_the_sender_stored_counts(new_run: Build) -> None:
    run = new_run("run")
    run.due("m", 1.0)
    run.kept("m", "failed", "first")
    run.kept("m", "expired", "last")
    assert listed(run.write()) == [("sender", "expired: last", 1)]
