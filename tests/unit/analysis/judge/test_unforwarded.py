"""Messages that the sender did not forward, or may still have had when the run ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from made_parts import OWN, arrivals, found
from made_reports import report as report_of
from run_builder import Build
from screen_texts import answer_text

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.part import analyse_part
from analysis.records import read_manifest
from analysis.report import build_report


@pytest.mark.parametrize(("every", "count"), [(1, 300), (2, 150), (50, 6)])
def test_messages_that_were_never_forwarded_are_named(new_run: Build, every: int, count: int) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        if slot % every:
            run.seen(f"m-{slot}", slot / 10 + 0.01)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == "sender_unforwarded" and f"{count} of 300 accepted" in only.evidence[0]


@pytest.mark.parametrize(("otp", "others", "named"), [(5, 0, True), (5, 100, True), (5, 5, False)])
@pytest.mark.parametrize("refused", [False, True])
def test_a_class_that_loses_far_more_is_named(
    new_run: Build, otp: int, others: int, named: bool, refused: bool
) -> None:
    """Of each class every ``otp``-th or ``others``-th message is lost, 0: none."""
    run = new_run("run")
    for slot in range(600):
        name, every = ("marketing", others) if slot % 2 else ("otp", otp)
        run.due(f"m-{slot}", slot / 20, message_class=name)
        if not every or slot // 2 % every:
            run.seen(f"m-{slot}", slot / 20 + 0.01)
        elif refused:
            state = {"state": "rejected", "reason": "throttled_requests", "accepted": False, "throttled": 1}
            run.seen(f"m-{slot}", slot / 20 + 0.01, **state)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == ("sender_gave_up" if refused else "sender_unforwarded")
    lead = "not accepted by the provider" if refused else "not forwarded"
    expected = f"{lead}: 20 % of class OTP{', 1.0 % of class marketing' if others else ''}"
    assert (expected in only.evidence) is named
    assert any("of class" in each for each in only.evidence) is named


def test_without_the_providers_rows_nothing_is_claimed_about_the_sender(new_run: Build) -> None:
    run = new_run("run")
    arrivals(run, lambda *_: None)
    run_dir = run.write(load_s=30.0, end_s=60.0, provider_file=False, target=OWN)
    assert analyse_part(run_dir, read_manifest(run_dir), "made").bottlenecks == ()


@pytest.mark.parametrize(
    ("end_s", "reason", "verdict"),
    [
        (60.0, "drain_timeout", "missed"),
        (40.0, "drain_ended", "undecided"),
        (40.0, "interrupted", "undecided"),
        (40.0, "finished", "undecided"),
    ],
)
def test_a_wait_that_ended_early_decides_nothing_about_missing_messages(
    new_run: Build, end_s: float, reason: str, verdict: str
) -> None:
    run = new_run("run")
    arrivals(run, lambda slot, due_s: due_s + 0.01 if slot % 3 else None)
    run_dir = run.write(load_s=30.0, end_s=end_s, drain_timeout_s=30.0, exit_reason=reason, target=OWN)
    report = analyse_part(run_dir, read_manifest(run_dir), "made")
    judged = {each.measure: each for each in report.objectives}
    assert judged["unaccounted"].verdict == verdict
    assert judged["loss"].verdict == "undecided"
    if verdict == "undecided":
        assert (judged["unaccounted"].low, judged["unaccounted"].high) == (0, report.accounting.unaccounted)
        assert "when the wait for them ended" in report.bottlenecks[0].text
        assert judged["loss"].why == (
            f"the wait for {report.accounting.unaccounted} messages ended early, and the sender may still "
            "have them"
        )
        assert judged["loss"].needs == judged["unaccounted"].needs


def test_a_sender_that_submits_until_the_run_ends_is_slow_and_leaves_nothing_out(new_run: Build) -> None:
    run = new_run("run")
    arrivals(run, lambda slot, _: slot / 5.0 if slot / 5.0 < 38.0 else None)
    run_dir = run.write(load_s=30.0, end_s=38.5, drain_timeout_s=8.0, exit_reason="drain_timeout", target=OWN)
    report = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert [each.kind for each in report.bottlenecks] == ["sender_rate"]
    ending = next(each for each in report.checks if each.name == "end of the run")
    assert ending.advice == "give the drain more time (--drain-timeout)"
    counted = report.accounting
    assert 0 < counted.still_held == counted.unaccounted
    judged = {each.measure: each for each in report.objectives}
    for measure in ("unaccounted", "loss"):
        assert (judged[measure].verdict, judged[measure].low) == ("undecided", 0)
        assert "were still in the sender when the wait ended" in judged[measure].why
        assert judged[measure].needs == "a wait after the load until they arrive (--drain-timeout)"


def test_a_slow_sender_that_leaves_out_every_third_message_is_accused_of_those(new_run: Build) -> None:
    run = new_run("run")
    arrivals(run, lambda slot, _: slot / 6.0 if slot % 3 and slot / 6.0 < 38.0 else None)
    run_dir = run.write(load_s=30.0, end_s=38.5, drain_timeout_s=8.0, exit_reason="drain_timeout", target=OWN)
    report = analyse_part(run_dir, read_manifest(run_dir), "made")
    unaccounted = next(each for each in report.objectives if each.measure == "unaccounted")
    counted = report.accounting
    assert 0 < counted.still_held < counted.unaccounted
    assert (unaccounted.verdict, unaccounted.low) == ("missed", counted.unaccounted - counted.still_held)
    assert "sender_unforwarded" in [each.kind for each in report.bottlenecks]
    left_out = counted.unaccounted - counted.still_held
    assert unaccounted.measured == f"{left_out} to {counted.unaccounted}"
    made = build_report(run_dir)
    screen = first_screen(made)
    said = "\n".join(as_text(each) for each in (screen.why, *screen.bottleneck))
    assert f"; {left_out} of them never reached the provider, and {counted.still_held} were still in" in said
    assert said.index("Bottleneck: my-sender forwards ") < said.index("Cause: my-sender accepted")
    assert "What to change: raise the sender's own rate limit, if it has one; else more workers, " in said
    row = (
        f"{counted.unaccounted} never seen by the provider ({counted.still_held} of them still in the sender"
    )
    assert row in answer_text(made, "wrong")


def test_a_sender_that_became_silent_before_the_end_left_its_last_messages_out(new_run: Build) -> None:
    run = new_run("run")
    arrivals(run, lambda slot, _: slot / 5.0 if slot / 5.0 < 33.0 else None)
    run_dir = run.write(load_s=30.0, end_s=38.5, drain_timeout_s=8.0, exit_reason="drain_timeout", target=OWN)
    report = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert report.accounting.still_held == 0 < report.accounting.unaccounted
    assert next(each for each in report.objectives if each.measure == "unaccounted").verdict == "missed"


def test_the_rate_of_a_wait_that_ended_early_does_not_say_that_messages_were_not_forwarded(
    new_run: Build,
) -> None:
    run = new_run("run")
    arrivals(run, lambda slot, due_s: due_s + 0.01 if slot % 3 else None)
    report = build_report(
        run.write(load_s=30.0, end_s=33.0, drain_timeout_s=30.0, exit_reason="drain_ended", target=OWN)
    )
    assert "Not every accepted message" not in answer_text(report, "rate")
    assert "when the wait ended, so this is not a capacity" in answer_text(report, "rate")


@pytest.mark.parametrize(
    ("lost", "refused", "evidence"),
    [
        (
            lambda slot: 105 <= slot < 120,
            True,
            "all of them accepted before its connections were refused, 12.0 s",
        ),
        (
            lambda slot: 105 <= slot < 120 or slot == 250,
            True,
            "15 of them accepted before its connections were",
        ),
        (lambda slot: slot % 9 == 0, True, ""),  # before and after the restart: something else loses them
        (lambda slot: slot < 120 and slot % 9 == 0, True, ""),  # others between them were forwarded
        (lambda slot: 105 <= slot < 120, False, ""),
    ],
)
def test_messages_that_a_process_had_in_memory_when_it_ended_are_lost_by_its_restart(
    new_run: Build, lost: Callable[[int], bool], refused: bool, evidence: str
) -> None:
    """It restarts within 0.6 s. The headline is about the messages of this time, and not about those."""
    run = new_run("run")
    for slot in range(300):
        if 120 <= slot < 126:
            run.due(f"m-{slot}", slot / 10, "failed", error="connection refused" if refused else "timeout")
        elif lost(slot):
            run.due(f"m-{slot}", slot / 10)
        else:
            run.journey(f"m-{slot}", slot / 10, 3.0)
    made = build_report(run.write(load_s=30.0, end_s=60.0, target=OWN))
    found = next(each for each in made.parts[0].bottlenecks if each.kind == "sender_unforwarded")
    assert ("; ".join(found.evidence[1:])).startswith(evidence) and bool(found.evidence[1:]) is bool(evidence)
    screen = first_screen(made)
    told = [as_text(each) for each in screen.bottleneck]
    what = "fails messages with connection refused" if refused else "answers some requests too slowly"
    assert as_text(screen.why).startswith(f"my-sender's API {what}. 6 of 300 messages got no usable answer. ")
    assert f" {found.evidence[0].split()[0]} accepted messages never reached the provider." in as_text(
        screen.why
    )
    told = [each for each in told if not each.startswith("Evidence: ")]  # of what the headline names
    at_restart = "What to change: look in the sender's log for the error or the restart at that time."
    assert told[0].startswith(at_restart) is refused
    assert told[1].startswith("Cause of the loss: my-sender accepted messages and did not forward them")
    assert told[2].startswith("What to do: look in the sender's log for the restart at that time") is bool(
        evidence
    )
    assert screen.notes == ()


@pytest.mark.parametrize("refused", [(395,), tuple(range(395, 400)), ()])
def test_a_few_refused_messages_at_the_end_are_no_end_of_acceptance(
    new_run: Build, refused: tuple[int, ...]
) -> None:
    """One refused message before the last accepted ones; five after all of them; all at once, each third."""
    run = new_run("run")
    for slot in range(400):
        run.due(f"m-{slot}", slot / 40 if refused else slot / 400)
        more = {"state": "rejected", "reason": "text_not_allowed", "accepted": False, "at_carrier": False}
        is_refused = slot in refused if refused else slot % 3 == 0
        run.seen(f"m-{slot}", (slot / 40 if refused else slot / 400) + 0.01, **(more if is_refused else {}))
    (only,) = [each for each in found(run, target=OWN).bottlenecks if each.kind == "sender_gave_up"]
    assert any("and none from" in each for each in only.evidence) == (len(refused) == 5)


@pytest.mark.parametrize("expired", [True, False])
def test_a_token_that_expired_is_not_called_a_wrong_one(new_run: Build, expired: bool) -> None:
    """Accepted until 20 s and refused from then on, or every third one refused."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        refused = slot >= 200 if expired else slot % 3 == 0
        more = {"state": "rejected", "reason": "unauthorized", "accepted": False, "at_carrier": False}
        run.seen(f"m-{slot}", slot / 10 + 0.01, **(more if refused else {}))
    part = found(run, target=OWN)
    (only,) = part.bottlenecks
    since = "the provider accepted 200 messages before, and none from 20.0 s after the load's start on"
    assert (since in only.evidence, "accepted_before" in only.signs) == (expired, expired)
    told = " ".join(as_text(each) for each in first_screen(report_of(part)).bottleneck)
    why = "its token is no longer valid" if expired else "wrong token"
    assert only.text == f"the provider refused 100 messages of my-sender: {why}"
    asked = "find out why the token is no longer valid" if expired else "give the sender the token"
    assert asked in told
