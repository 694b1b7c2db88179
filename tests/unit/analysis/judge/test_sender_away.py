"""A sender that answers nothing for some time: its requests waited, or they failed at once."""

from __future__ import annotations

import pytest
from made_parts import LISTENING, OWN, found, kinds, sampled
from run_builder import Build, RunBuilder

from analysis.findings import REPORTS_NOT_CONFIRMED
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.report import build_report


def away(run: RunBuilder, first_s: float = 10.0, back_s: float = 13.0, error: str = "") -> None:
    """Ten per second for 30 s; no answer to those that are due in this time."""
    for slot in range(300):
        due_s = slot / 10
        if first_s <= due_s < back_s:
            run.due(f"m-{slot}", due_s, "failed", error=error)
        else:
            run.journey(f"m-{slot}", due_s, 3.0)


@pytest.mark.parametrize("of_absence", [True, False])
def test_reports_that_it_did_not_confirm_while_it_was_away_are_joined_with_that_time(
    new_run: Build, of_absence: bool
) -> None:
    run = new_run("run")
    for slot in range(300):
        due_s = slot / 10
        if 10.0 <= due_s < 13.0:
            run.due(f"m-{slot}", due_s, "failed")
            continue
        reported_s = due_s + 3.2
        unconfirmed = 10.05 < reported_s < 12.95 if of_absence else 20.0 < reported_s < 23.0
        run.journey(f"m-{slot}", due_s, 3.0, confirmed_after_s=None if unconfirmed else 0.001)
    run_dir = run.write(load_s=30.0, end_s=60.0, target=LISTENING)
    (hint,) = [each for each in build_report(run_dir).parts[0].hints if each.name == REPORTS_NOT_CONFIRMED]
    away_text = (
        "29 of these reports were first sent while the sender could not be reached (from 10.0 s to 13.0 s "
    )
    assert (away_text in hint.text) == of_absence
    assert ("its log has why they failed" in hint.text) != of_absence


_AWAY = "could not be reached from 10.0 s to 13.0 s after the load's start: each"
_MUTE = "answered nothing from 10.0 s to 13.0 s after the load's start: each"


@pytest.mark.parametrize(
    ("error", "what"),
    [
        ("", f"{_AWAY} request failed immediately"),
        ("connection refused", f"{_AWAY} connection was refused"),
        ("not an HTTP reply", f"{_MUTE} request failed with not an HTTP reply"),
    ],
)
def test_a_sender_that_was_away_for_some_time_let_no_request_wait(
    new_run: Build, error: str, what: str
) -> None:
    run = new_run("run")
    away(run, error=error)
    sampled(run, "load", in_flight=1.0)
    run_dir = run.write(load_s=30.0, end_s=60.0, target=LISTENING)
    report = build_report(run_dir)
    (only,) = report.parts[0].bottlenecks
    assert (only.kind, only.from_s, only.to_s) == ("sender_stopped", 10.0, 20.0)
    assert only.text == f"my-sender {what}"
    assert not any("waited" in each for each in only.evidence) and only.evidence == (only.counts,)
    screen = first_screen(report)
    assert as_text(screen.why) == f"my-sender {what}. 30 of 300 messages got no usable answer."
    (advice,) = map(as_text, screen.bottleneck)  # the headline has the evidence
    assert advice.startswith("What to change: look in the sender's log for the error or the")


@pytest.mark.parametrize("error", ["", "timeout"])
def test_requests_that_waited_and_failed_waited(new_run: Build, error: str) -> None:
    """The samples of the requests in flight show it, or the errors of the requests."""
    run = new_run("run")
    away(run, error=error)
    sampled(run, "load", in_flight=lambda second: 20.0 if 10 <= second < 13 and not error else 1.0)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == "sender_api"
    assert only.text == "my-sender's API answered nothing for 3.00 s"


def test_requests_in_flight_after_a_restart_do_not_hide_that_connections_were_refused(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        due_s = slot / 10
        if 10.0 <= due_s < 13.0:
            run.due(f"m-{slot}", due_s, "failed", error="connection refused")
        else:
            run.journey(f"m-{slot}", due_s, 4.0, api_s=0.9)
    sampled(run, "load", in_flight=9.0)
    assert [each.text for each in found(run, target=LISTENING).bottlenecks] == [
        f"my-sender {_AWAY} connection was refused"
    ]


def test_a_sender_that_was_away_has_no_rate_that_it_accepts_at_most(new_run: Build) -> None:
    """Two of the three seconds in which requests failed have messages that were accepted too."""
    run = new_run("run")
    for slot in range(300):
        if 111 <= slot < 156:
            run.due(f"m-{slot}", slot / 30, "failed", error="connection refused")
        else:
            run.journey(f"m-{slot}", slot / 30, 3.0)
    report = build_report(run.write(load_s=10.0, end_s=60.0, target=LISTENING))
    (part,) = report.parts
    assert [each.kind for each in part.bottlenecks] == ["sender_stopped"]
    assert part.throughput.accepts_at_most
    assert as_text(first_screen(report).why).startswith(
        "my-sender could not be reached from 3.70 s to 5.20 s"
    )


def test_a_target_process_that_was_replaced_counts_as_ended(new_run: Build) -> None:
    run = new_run("run")
    away(run)
    sampled(run, "machine", cpu_percent=50.0)
    for second in range(10):
        run.sample(second + 0.5, "target", "cpu_percent", 3.0)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.text.endswith("each request failed immediately, and its process had ended")


@pytest.mark.parametrize(
    "gauges", [("provider", "loop_lag_ms", 4_000.0), ("target", "core_wait_percent", 80.0)]
)
def test_no_other_process_explains_requests_that_failed_at_once(
    new_run: Build, gauges: tuple[str, str, float]
) -> None:
    run = new_run("run")
    away(run, error="connection refused")
    process, name, value = gauges
    sampled(run, process, **{name: value})
    assert "sender_stopped" in kinds(run, target=OWN)


def test_a_sender_that_was_away_before_it_stopped_has_both(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        due_s = slot / 10
        if 4.0 <= due_s < 6.0 or due_s >= 12.0:
            run.due(f"m-{slot}", due_s, "failed")
        else:
            run.journey(f"m-{slot}", due_s, 3.0)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.text.startswith("my-sender stopped answering 12.0 s after the load's start")
    assert any(
        each.startswith("before, it could not be reached from 4.00 s to 6.00 s") for each in only.evidence
    )
