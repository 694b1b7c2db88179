"""A load is not sustained if many of its messages are given up or lost: these are in no backlog."""

from __future__ import annotations

from typing import Any

import pytest
from run_builder import Build, RunBuilder

from analysis.model import PartReport
from analysis.records import RecordedScenario
from analysis.report import build_report
from analysis.result import result_of
from analysis.trial import of_trial

COUNT = 2_000
REFUSED: dict[str, Any] = {"state": "rejected", "accepted": False, "at_carrier": False}
TEMPORARY = REFUSED | {"reason": "throttled_requests", "throttled": 1}
PERMANENT = REFUSED | {"reason": "sender_not_allowed"}
PHONE_NUMBER = REFUSED | {"reason": "invalid_number"}


def load(run: RunBuilder, lost: int, how: dict[str, Any] | None) -> None:
    """20/s for 100 s. ``how``: the provider's row of the lost messages; None: it has none."""
    for slot in range(COUNT):
        if slot % (COUNT // max(lost, 1)) or slot // (COUNT // max(lost, 1)) >= lost:
            run.journey(f"m-{slot}", slot / 20, 2.0)
            continue
        run.due(f"m-{slot}", slot / 20)
        if how is not None:
            run.seen(f"m-{slot}", slot / 20 + 0.01, **how)


def made(run: RunBuilder, **manifest: Any) -> tuple[PartReport, bool]:
    """The part, and whether a capacity search hears that many messages were lost."""
    usual: dict[str, Any] = {
        "load_s": 100.0,
        "end_s": 200.0,
        "drain_timeout_s": 60.0,
        "exit_reason": "drain_timeout",
    }
    run_dir = run.write(**usual | manifest)
    report = build_report(run_dir)
    found = of_trial(run_dir, report, result_of(report, "r", "c"))
    assert found.sustained is report.parts[0].sustained
    return report.parts[0], found.many_lost


@pytest.mark.parametrize(
    ("lost", "how", "sustained"),
    [
        (0, None, True),
        (2, TEMPORARY, True),  # 0.1 %
        (3, TEMPORARY, False),
        (400, TEMPORARY, False),
        (3, PERMANENT, False),
        (400, PERMANENT, False),
        (400, PHONE_NUMBER, True),  # no sender could have delivered them
        (3, None, False),  # the provider has never seen them
        (400, None, False),
    ],
)
def test_many_lost_messages_are_not_sustained(
    new_run: Build, lost: int, how: dict[str, Any] | None, sustained: bool
) -> None:
    run = new_run("run")
    load(run, lost, how)
    part, many_lost = made(run)
    assert (part.backlog_grew, part.sustained, many_lost) == (False, sustained, not sustained)


@pytest.mark.parametrize("reason", ["gave_up: attempts", "expired"])
def test_the_rows_of_a_sender_that_gave_the_messages_up_do_not_make_it_sustained(
    new_run: Build, reason: str
) -> None:
    run = new_run("run")
    load(run, 400, TEMPORARY)
    for slot in range(COUNT):
        if slot % 5:
            run.kept(f"m-{slot}", "delivered")
        else:
            run.kept(f"m-{slot}", "expired" if reason == "expired" else "failed", reason)
    part, many_lost = made(run)
    assert part.accounting.given_up == 0
    assert (part.sustained, many_lost) == (False, True)


@pytest.mark.parametrize(
    "how",
    [TEMPORARY, None],  # may still be repeated; the sender may still have them
)
def test_messages_that_may_be_lost_make_it_unknown(new_run: Build, how: dict[str, Any] | None) -> None:
    run = new_run("run")
    load(run, 400, how)
    part, many_lost = made(run, end_s=105.0, exit_reason="drain_ended")
    assert (part.sustained, many_lost) == (None, False)


def test_a_yes_does_not_name_a_queue_that_grew(new_run: Build) -> None:
    run = new_run("run")
    load(run, 20, TEMPORARY)
    scenario = RecordedScenario(name="day", title="day", role="peak_slice", messages_per_day=500_000)
    objectives = ("otp.p95<20s", "loss<=50")
    report = build_report(
        run.write(load_s=100.0, end_s=200.0, drain_timeout_s=60.0, objectives=objectives, scenario=scenario)
    )
    assert report.verdict == "met"
    said = report.headline
    assert "over 0.1 % of the messages were given up or lost: it does not sustain that rate" in said
    assert "queue grew" not in said
