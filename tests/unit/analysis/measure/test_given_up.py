"""Messages that the sender gave up after a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from made_reports import report
from run_builder import Build
from screen_texts import answer_text

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.model import PartReport
from analysis.part import analyse_part
from analysis.records import read_manifest


def analysed(builder: Any, **manifest: Any) -> PartReport:
    run_dir = builder.write(**manifest)
    return analyse_part(run_dir, read_manifest(run_dir), "made")


@pytest.mark.parametrize(
    ("wait_s", "exit_reason", "lost", "verdict"),
    [
        (31.0, "finished", (3.0, 3.0), "missed"),
        (31.0, "drain_ended", (0.0, 3.0), "undecided"),
        (6.0, "finished", (0.0, 3.0), "undecided"),
    ],
)
def test_a_refusal_for_the_time_being_that_is_not_repeated_is_a_loss(
    new_run: Build, wait_s: float, exit_reason: str, lost: tuple[float, float], verdict: str
) -> None:
    """It is one only if the run waited for the repeat. A refusal because of the message is not one."""
    run = new_run("run")
    for slot in range(80):
        run.journey(f"ok-{slot}", slot / 10, 2.0)
    for slot in range(3):
        run.due(f"refused-{slot}", 9.0)
        run.seen(
            f"refused-{slot}", 9.1, state="rejected", reason="throttled_requests", accepted=False, throttled=1
        )
    run.due("bad-number", 9.5)
    run.seen("bad-number", 9.6, state="rejected", reason="invalid_number", accepted=False)
    part = analysed(run, load_s=10.0, end_s=10.0 + wait_s, drain_timeout_s=300.0, exit_reason=exit_reason)
    left_open = 3 if verdict == "undecided" else 0
    counted = part.accounting
    assert (counted.given_up, counted.given_up_for_a_limit) == (3 - left_open, 3 - left_open)
    assert counted.to_repeat == left_open
    assert (part.accounting.failed, part.accounting.open) == (4 - left_open, left_open)
    assert part.accounting.unaccounted == 0
    gave_up = next(each.text for each in part.bottlenecks if each.kind == "sender_gave_up")
    assert gave_up.startswith("when the run ended, ") is bool(left_open)
    found = next(each for each in part.objectives if each.objective == "loss=0")
    assert ((found.low, found.high), found.verdict) == (lost, verdict)
    for_what, why = ("the time being", "the wait was too short") if left_open else ("a limit", "gave them up")
    assert f"refused 3 messages for {for_what}" in found.why and why in found.why
    said = answer_text(report(part), "wrong")  # only what the records show
    assert ("3 not yet repeated after a refusal" in said) is bool(left_open)
    assert ("3 given up after a refusal" in said) is not bool(left_open)
    assert "gave up" not in answer_text(report(part), "rate")


REFUSED: dict[str, Any] = {
    "state": "rejected",
    "reason": "throttled_requests",
    "accepted": False,
    "at_carrier": False,
    "throttled": 1,
}


def requeues_at_the_tail(run: Any, until_s: float) -> None:
    """A queue that the sender empties at 5/s. Every fifth submit is refused, and would be repeated later."""
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        if slot / 5 < until_s:
            run.seen(f"m-{slot}", slot / 5 + 0.01, **({} if slot % 5 else REFUSED))


@pytest.mark.parametrize("exit_reason", ["drain_timeout", "drain_ended"])
def test_a_sender_that_submits_until_the_end_may_still_repeat_a_refused_message(
    new_run: Build, exit_reason: str
) -> None:
    run = new_run("run")
    requeues_at_the_tail(run, 38.0)
    part = analysed(
        run, load_s=30.0, end_s=38.5, drain_timeout_s=8.0, exit_reason=exit_reason, target={"name": "mine"}
    )
    counted = part.accounting
    assert (counted.given_up, counted.to_repeat, counted.failed) == (0, 38, 0)
    assert counted.open == counted.to_repeat + counted.unaccounted
    loss = next(each for each in part.objectives if each.objective == "loss=0")
    assert ((loss.low, loss.high), loss.verdict) == ((0, counted.open), "undecided")
    assert "38 messages for the time being, and the sender had not submitted them again" in loss.why
    assert "sender_gave_up" not in [each.kind for each in part.bottlenecks]
    told = report(part)
    assert "38 not yet repeated after a refusal" in answer_text(told, "wrong")
    assert "gave up" not in as_text(first_screen(told).why)
    for each in part.objectives:
        assert each.quantile is None or each.quantile.state != "never"


def test_repeats_until_the_end_show_that_the_sender_still_submits(new_run: Build) -> None:
    """It submits each message at once, and repeats a refused one last. Each third repeat was accepted."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        more: dict[str, Any] = {}
        if slot % 2:
            more = REFUSED if slot % 3 else {"accepted_s": 31.0 + slot / 5, "submits": 3, "throttled": 2}
        run.seen(f"m-{slot}", slot / 10 + 0.01, **more)
    part = analysed(run, load_s=30.0, end_s=91.0, drain_timeout_s=61.0, exit_reason="drain_timeout")
    assert (part.accounting.given_up, part.accounting.to_repeat) == (0, 100)
    loss = next(each for each in part.objectives if each.objective == "loss=0")
    assert ((loss.low, loss.high), loss.verdict) == ((0, 100), "undecided")


def test_a_sender_that_is_silent_before_the_end_does_not_repeat_a_refused_message(new_run: Build) -> None:
    run = new_run("run")
    requeues_at_the_tail(run, 33.0)
    part = analysed(run, load_s=30.0, end_s=38.5, drain_timeout_s=8.0, exit_reason="drain_timeout")
    assert (part.accounting.given_up, part.accounting.to_repeat, part.accounting.failed) == (33, 0, 33)
    assert next(each for each in part.objectives if each.objective == "loss=0").verdict == "missed"


def test_a_wait_that_the_user_ended_does_not_make_refused_messages_never_arrive(new_run: Build) -> None:
    """Their time would be missed by them alone, although it is undecided whether they are lost."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10, message_class="marketing")
        run.seen(f"m-{slot}", slot / 10 + 0.01, **({} if slot % 5 else REFUSED))
    short = analysed(run, load_s=30.0, end_s=35.0, drain_timeout_s=300.0, exit_reason="drain_ended")
    assert (short.accounting.to_repeat, short.accounting.open, short.accounting.failed) == (60, 60, 0)
    assert short.accounting.given_up == 0
    verdicts = {each.measure: each.verdict for each in short.objectives}
    assert (verdicts["delivery_time"], verdicts["loss"]) == ("undecided", "undecided")


def test_a_loss_is_not_that_of_refused_messages_whose_repeat_was_not_awaited(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen(f"m-{slot}", slot / 10 + 0.01, **({} if slot % 50 else REFUSED))
    run.due("gone", 29.0)
    run.kept("gone", "sent", "")
    part = analysed(run, load_s=30.0, end_s=35.0, drain_timeout_s=300.0, exit_reason="drain_ended")
    loss = next(each for each in part.objectives if each.objective == "loss=0")
    assert ((loss.low, loss.high), loss.verdict, part.accounting.to_repeat) == ((1, 7), "missed", 6)
    said = as_text(first_screen(report(part, objectives=(loss,))).why)
    assert said.startswith("1 message was lost")


@pytest.mark.parametrize("state", ["failed", "queued"])
def test_a_refused_message_that_the_sender_still_knows_is_not_given_up(new_run: Build, state: str) -> None:
    run = new_run("run")
    run.due("refused", 9.0)
    run.seen("refused", 9.1, state="rejected", reason="throttled_requests", accepted=False, throttled=1)
    run.kept("refused", state, "gave_up: throttled")
    assert analysed(run).accounting.given_up == 0


WITH_429 = {"smsapi": {"throttle_answer": "http_429", "retry_after": True}}


def test_the_evidence_says_how_often_the_given_up_messages_were_submitted(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        refused: dict[str, Any] = {}
        if not slot % 50:
            refused = {"state": "rejected", "reason": "throttled_requests", "accepted": False, "submits": 8}
        run.seen(f"m-{slot}", slot / 10 + 0.01, throttled=8 if refused else 0, **refused)
    part = analysed(run, load_s=30.0, end_s=60.0, target={"name": "my-sender", "kind": "http"})
    only = next(each for each in part.bottlenecks if each.kind == "sender_gave_up")
    assert "each was submitted 8 times" in only.evidence


@pytest.mark.parametrize(
    ("protocol", "settings", "header"),
    [
        ("smsapi", {}, False),
        ("smsapi", {"smsapi": {"throttle_answer": "http_429", "retry_after": False}}, False),
        ("smsapi", {"smsapi": {"throttle_answer": "error_202", "retry_after": True}}, False),
        ("smsapi", WITH_429, True),
        ("twilio", WITH_429, False),
        ("generic", {}, True),
    ],
)
def test_messages_that_the_sender_gave_up_after_a_refusal_are_named(
    new_run: Build, protocol: str, settings: dict[str, Any], header: bool
) -> None:
    """The advice names Retry-After only if the provider's refusals have it."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        if slot % 50:
            run.seen(f"m-{slot}", slot / 10 + 0.01, protocol=protocol)
        else:
            refused: dict[str, Any] = {"state": "rejected", "reason": "throttled_requests", "accepted": False}
            run.seen(f"m-{slot}", slot / 10 + 0.01, throttled=1, protocol=protocol, **refused)
    target = {"name": "my-sender", "kind": "http"}
    part = analysed(run, load_s=30.0, end_s=60.0, target=target, profile={"protocol": settings})
    only = next(each for each in part.bottlenecks if each.kind == "sender_gave_up")
    assert only.text == "my-sender gave up 6 messages that the provider refused for a limit"
    assert "each was submitted once, and not again" in only.evidence
    cause = [as_text(each) for each in first_screen(report(part)).bottleneck]
    told = " ".join(cause)
    assert ("wait as long as the provider asks for (Retry-After)" in told) is header
    assert ("send more slowly. After a refusal wait, longer each time" in told) is not header
    assert ("Retry-After" in told) is header


@pytest.mark.parametrize(
    ("state", "advice"),
    [("", "look for the messages in the sender: 30 messages never reached"), ("open", "give the drain more")],
)
def test_more_time_is_not_the_advice_for_messages_that_never_left_the_sender(
    new_run: Build, state: str, advice: str
) -> None:
    run = new_run("run")
    for slot in range(30):
        run.due(f"m-{slot}", slot / 10)
        if state:
            run.seen(f"m-{slot}", slot / 10 + 0.01, state=state)
    part = analysed(run, load_s=3.0, end_s=23.0, drain_timeout_s=20.0, exit_reason="drain_timeout")
    ending = next(each for each in part.checks if each.name == "end of the run")
    assert ending.advice.startswith(advice)


@pytest.mark.parametrize(
    ("reason", "cause", "advice"),
    [
        ("unauthorized", "wrong token", "give the sender the token of the provider's account"),
        ("no_credit", "no credit", "clear this with the provider"),
        ("sender_not_allowed", "sender name not allowed", "use a sender name that the provider allows"),
        ("invalid_request", "invalid request", "look in the sender's log for the provider's error"),
        ("rejected", "rejected", "look in the sender's log for the provider's error"),
    ],
)
@pytest.mark.parametrize("exit_reason", ["finished", "drain_ended"])
def test_a_refusal_that_a_repeat_would_meet_again_is_a_loss_and_names_its_reason(
    new_run: Build, reason: str, cause: str, advice: str, exit_reason: str
) -> None:
    """A sender that answers 202 and drops what the provider refuses must not pass: nobody got the message."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        more: dict[str, Any] = {"state": "rejected", "reason": reason, "accepted": False, "at_carrier": False}
        run.seen(f"m-{slot}", slot / 10 + 0.01, **({} if slot % 5 else more))
    part = analysed(
        run, load_s=30.0, end_s=35.0, drain_timeout_s=300.0, exit_reason=exit_reason, target={"name": "mine"}
    )
    counted = part.accounting
    assert (counted.given_up, counted.given_up_permanently, counted.to_repeat) == (60, 60, 0)
    verdicts = {each.objective: each.verdict for each in part.objectives}
    assert (verdicts["loss=0"], verdicts["otp.p95<20s"]) == ("missed", "missed")
    only = next(each for each in part.bottlenecks if each.kind == "sender_gave_up")
    assert only.text == f"the provider refused 60 messages of mine: {cause}"
    told = " ".join(as_text(each) for each in first_screen(report(part)).bottleneck)
    assert advice in told
    assert "send more slowly" not in told


def test_a_message_that_the_sender_ended_after_a_permanent_refusal_never_arrives(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        more: dict[str, Any] = {
            "state": "rejected", "reason": "no_credit", "accepted": False, "at_carrier": False
        }  # fmt: skip
        run.seen(f"m-{slot}", slot / 10 + 0.01, **({} if slot % 5 else more))
        run.kept(f"m-{slot}", "delivered" if slot % 5 else "failed", "" if slot % 5 else "no_credit")
    part = analysed(run, load_s=30.0, end_s=61.0)
    verdicts = {each.objective: each.verdict for each in part.objectives}
    assert (part.accounting.given_up, verdicts["loss=0"]) == (0, "met")
    assert part.delivery[0].never_count == 60
    assert verdicts["otp.p95<20s"] == "missed"
