"""Messages that the sender gave up after a refusal, and messages that came without their key."""

from __future__ import annotations

from typing import Any

import pytest
from run_builder import Build

from analysis.judge.losses import PASS_THE_KEY
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
    assert (part.accounting.given_up, part.accounting.given_up_for_a_limit) == (3, 3)
    assert (part.accounting.failed, part.accounting.unaccounted) == (4, 0)
    found = next(each for each in part.objectives if each.objective == "loss=0")
    assert ((found.low, found.high), found.verdict) == (lost, verdict)
    assert "refused 3 messages for a limit" in found.why


@pytest.mark.parametrize("state", ["failed", "queued"])
def test_a_refused_message_that_the_sender_still_knows_is_not_given_up(new_run: Build, state: str) -> None:
    run = new_run("run")
    run.due("refused", 9.0)
    run.seen("refused", 9.1, state="rejected", reason="throttled_requests", accepted=False, throttled=1)
    run.kept("refused", state, "gave_up: throttled")
    assert analysed(run).accounting.given_up == 0


def test_messages_that_came_without_their_key_are_not_unaccounted(new_run: Build) -> None:
    """A sender that cuts the text loses the key. All its messages reached the provider."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        run.seen("" if slot % 10 == 9 else f"m-{slot}", slot / 10 + 0.01, provider_id=f"P-{slot}")
    part = analysed(run, load_s=30.0, end_s=60.0, drain_timeout_s=20.0)
    counted = part.accounting
    assert (counted.without_key, counted.unaccounted, counted.unknown_messages) == (30, 0, 30)
    verdicts = {each.objective: each.verdict for each in part.objectives}
    assert verdicts["loss=0"] == verdicts["unaccounted=0"] == "undecided"
    assert (verdicts["availability>99%"], part.sustained, part.bottlenecks) == ("met", True, ())
    otp = next(each for each in part.objectives if each.objective == "otp.p95<20s")
    assert (otp.verdict, otp.needs) == ("undecided", PASS_THE_KEY)


def test_fewer_unknown_messages_than_missing_ones_explain_nothing(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        if slot % 10 != 9 or slot < 100:
            run.seen("" if slot % 10 == 9 else f"m-{slot}", slot / 10 + 0.01, provider_id=f"P-{slot}")
    counted = analysed(run, load_s=30.0, end_s=60.0).accounting
    assert (counted.without_key, counted.unaccounted, counted.unknown_messages) == (0, 30, 10)


def test_messages_that_the_sender_gave_up_after_a_refusal_are_named(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        if slot % 50:
            run.seen(f"m-{slot}", slot / 10 + 0.01)
        else:
            refused: dict[str, Any] = {"state": "rejected", "reason": "throttled_requests", "accepted": False}
            run.seen(f"m-{slot}", slot / 10 + 0.01, throttled=1, **refused)
    only = next(
        each
        for each in analysed(
            run, load_s=30.0, end_s=60.0, target={"name": "my-sender", "kind": "http"}
        ).bottlenecks
        if each.kind == "sender_gave_up"
    )
    assert only.text == "my-sender did not repeat 6 messages that the provider refused for a limit"


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
