"""The advice of a check that failed in several parts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from run_builder import Build, Suite

from analysis import records
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text, sentences
from analysis.judge.options import OPTIONS, MadeBy
from analysis.render import tables
from analysis.report import build_report

MADE_BY = [
    ("run", {}),
    ("simulate", {"mode": "simulated"}),
    ("capacity", {"scenario": records.RecordedScenario(name="capacity", title="a trial")}),
]


@pytest.mark.parametrize(("command", "manifest"), MADE_BY)
@pytest.mark.parametrize("open_as", ["unseen", "refused", "undelivered"])
def test_no_text_of_a_report_names_an_option_that_its_command_lacks(
    new_run: Build, command: MadeBy, manifest: dict[str, Any], open_as: str
) -> None:
    """Open messages at the end of a wait, of each kind; and a load that is late."""
    run = new_run("run")
    for slot in range(200):
        run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=2.0)
        run.due(f"open-{slot}", slot / 10)
        if open_as == "refused":
            run.seen(f"open-{slot}", slot / 10, accepted=False, state="rejected", reason="throttled_requests")
        elif open_as == "undelivered":
            run.seen(f"open-{slot}", slot / 10, state="open")
    run_dir = run.write(
        load_s=20.0, end_s=25.0, exit_reason="drain_timeout", drain_timeout_s=30.0, **manifest
    )
    slos = ("loss=0", "delivered>98%", "otp.p95<5s", "availability>99%", "unaccounted=0", "cost_per_1000<501")
    made = build_report(run_dir, objectives=slos)
    screen = first_screen(made)
    shown = " ".join(
        [each.advice for each in made.checks]
        + [f"{each.why} {each.needs}" for each in made.objectives]
        + [as_text(each) for each in (*sentences(screen), screen.why)]
    )
    named = set(re.findall(r"(?<![\w-])--[a-z-]+", shown))
    if command == "run":
        assert {"--drain-timeout", "--workers"} <= named
    # Of a written command.
    assert named <= OPTIONS[command] | {
        "--export",
        "--profile",
        "--alerts",
        "--target",
    }


def test_advice_of_several_parts_is_shown_once_and_quoted(new_run: Build, write_suite: Suite) -> None:
    for name in ("a", "b"):
        run = new_run(name)
        for slot in range(200):
            run.journey(f"m-{slot}", slot / 10, 3.0, lag_s=0.1)
        run.write(load_s=20.0, end_s=80.0)
    report = build_report(write_suite("a", "b"), objectives=("api.p99<6ms",))
    rows = [row for row in tables.checks(report).rows if "allows the bench a delay" in str(row[-1])]
    assert len(rows) == 1
    screen = first_screen(report)
    assert as_text(screen.trust).startswith("What to do: an objective of 6 ms")
    assert screen.notes == ()
