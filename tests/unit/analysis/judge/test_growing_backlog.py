"""The bottleneck of a backlog that grows, in a load that is too short for long waits."""

from __future__ import annotations

import pytest
from run_builder import Build

from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.part import analyse_part
from analysis.records import read_manifest
from analysis.report import build_report


def test_a_backlog_that_grows_is_a_symptom_before_any_message_has_waited_for_long(new_run: Build) -> None:
    """8 s at a sender that does four fifths of the load: the median message waits 0.8 s."""
    run = new_run("run")
    for slot in range(800):
        run.due(f"m-{slot}", slot / 100)
        run.seen(f"m-{slot}", slot / 80)
    for second in range(9):
        run.sample(second + 0.5, "sender", "cpu_percent", 97.0)
    run_dir = run.write(load_s=8.0, end_s=38.0)
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert part.sustained is False
    assert [each.kind for each in part.bottlenecks] == ["sender_cpu"]


def test_a_growing_backlog_does_not_take_the_proof_from_messages_that_are_late(new_run: Build) -> None:
    """OTPs wait behind marketing for longer and longer. 131 of 200 were over the limit, and the correlation
    of their times left the evidence of two messages: *too few messages*.
    """
    run = new_run("run")
    for slot in range(1_160):  # 58/s, forwarded at 40/s
        due_s, name = slot / 58, "otp" if slot % 6 == 0 else "marketing"
        run.due(f"m-{slot}", due_s, message_class=name)
        run.seen(f"m-{slot}", slot / 40, radio_s=1.0 + slot % 7 / 10)
    objectives = ("otp.p95<5s", "otp.p99<30s")
    report = build_report(run.write(load_s=20.0, end_s=90.0), objectives=objectives)
    missed, open_ended = report.objectives[:2]
    assert missed.low is not None and 5.0 < missed.low < 11.0
    assert (missed.verdict, missed.measured) == ("missed", f"{missed.low:.3g} s or more")
    assert (
        missed.why
        == "194 messages: too few for an interval with two ends, but enough late ones to prove a miss"
    )
    assert (open_ended.verdict, open_ended.needs) == (
        "undecided",
        "a rate at which the backlog does not grow",
    )
    assert open_ended.why == (
        "194 messages, all within the limit; "
        "they count as hardly more than one, and the 95 % interval needs 368"
    )
    (check,) = [each for each in report.parts[0].checks if each.name == "sample size"]
    few = "194 OTPs have similar times, as in one queue, and count as hardly more than one, too few for"
    assert check.value == f"{few} p95 (72 needed); {few} p99 (368 needed)"
    screen = first_screen(report)
    assert as_text(screen.why).startswith("More than 5 % of the OTPs took over ")
    assert contradictions(screen, report) == ()


@pytest.mark.parametrize("first_in_first_out", [False, True])
def test_otps_that_overtake_a_growing_backlog_of_marketing_are_decided(
    new_run: Build, first_in_first_out: bool
) -> None:
    run = new_run("run")
    for slot in range(2_400):  # 60/s, forwarded at 50/s
        due_s, otp = slot / 60, slot % 6 == 0
        run.due(f"m-{slot}", due_s, message_class="otp" if otp else "marketing")
        overtakes = otp and not first_in_first_out
        run.seen(f"m-{slot}", due_s + 0.3 + slot % 5 / 10 if overtakes else slot / 50)
    report = build_report(run.write(load_s=40.0, end_s=90.0), objectives=("otp.p95<20s", "all.p95<20s"))
    otp_objective, every = report.objectives[:2]
    assert report.parts[0].sustained is False
    assert otp_objective.verdict == ("undecided" if first_in_first_out else "met")
    assert every.verdict == "undecided"


@pytest.mark.parametrize(("drained_s", "needs"), [(20.0, "wait"), (300.0, "")])
def test_messages_that_still_wait_can_prove_a_miss(new_run: Build, drained_s: float, needs: str) -> None:
    """A burst at 50/s that leaves at 5/s. After a short wait, a longer one shows the miss."""
    run = new_run("run")
    for slot in range(1_000):
        left_s = slot / 5
        run.due(f"m-{slot}", slot / 50, message_class="marketing")
        if left_s < drained_s:
            run.seen(f"m-{slot}", left_s)
        else:
            run.seen(f"m-{slot}", slot / 50 + 0.1, at_carrier=False, state="open")
    report = build_report(run.write(load_s=20.0, end_s=20.0 + drained_s), objectives=("marketing.p95<60s",))
    found = report.objectives[0]
    assert found.verdict == ("undecided" if needs else "missed")
    assert ("wait longer after the load (--drain-timeout)" in found.needs) is bool(needs)
