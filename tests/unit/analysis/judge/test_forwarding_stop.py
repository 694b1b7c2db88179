"""A sender that stops forwarding messages: with repeats of a refused one, or without a trace."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from made_parts import OWN
from nanoseconds import S
from run_builder import START_NS, Build, RunBuilder
from screen_texts import answer_text

from analysis.first_screen.rules import contradictions
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.judge.losses import FORWARDS
from analysis.model import Objective, RunReport
from analysis.records import RecordedFault
from analysis.report import build_report

REFUSED: dict[str, Any] = {"state": "rejected", "accepted": False, "at_carrier": False}
BAD_NUMBER = {**REFUSED, "reason": "no_valid_recipient"}
STOPPED_S = 20.0


def stops(run: RunBuilder, last: dict[str, Any], until_s: float = 48.0) -> None:
    """10 messages per second for 40 s. The last of those that are forwarded is due at 20 s.

    ``until_s``: the provider counts requests until then.
    """
    for slot in range(400):
        at_s = slot / 10
        run.due(f"m-{slot}", at_s)
        if at_s < STOPPED_S:
            run.seen(f"m-{slot}", at_s + 0.01)
        elif at_s == STOPPED_S:
            run.seen(f"m-{slot}", at_s + 0.01, **last)
    for second in range(50):
        run.sample(second + 0.5, "provider", "count_requests", 10.0 * min(second, 20) + min(second, until_s))


def reported(run: RunBuilder, **more: Any) -> RunReport:
    ending = {"end_s": 50.0, "drain_timeout_s": 10.0, "exit_reason": "drain_timeout", **more}
    return build_report(run.write(load_s=40.0, target=OWN, **ending))


def judged(report: RunReport, measure: str) -> Objective:
    return next(each for each in report.objectives if each.measure == measure)


def test_a_sender_that_repeats_a_permanent_refusal_and_forwards_nothing_else_is_named(new_run: Build) -> None:
    run = new_run("run")
    stops(run, {**BAD_NUMBER, "submits": 30}, until_s=50.0)
    made = reported(run)
    (part,) = made.parts
    (only,) = part.bottlenecks
    assert (only.kind, only.from_s) == ("sender_repeats", 20.0)
    assert only.text == (
        "my-sender repeats 1 message that the provider refuses permanently (no valid recipient), and has "
        "forwarded nothing else since 20.0 s after the load's start"
    )
    assert only.evidence == (
        "this message was submitted 30 times until the run ended",
        "199 messages waited in it",
    )
    assert (part.accounting.unaccounted, part.accounting.still_held) == (199, 199)
    assert [(judged(made, name).verdict, judged(made, name).needs) for name in ("unaccounted", "loss")] == [
        ("undecided", FORWARDS)
    ] * 2
    ending = next(each for each in made.checks if each.name == "end of the run")
    assert (
        ending.advice == "find out why the sender stopped forwarding messages: a longer wait changes nothing"
    )
    screen = first_screen(made)
    told = [as_text(each) for each in screen.bottleneck]
    assert told[1] == (
        "What to change: do not repeat a permanent refusal: give the message up with the provider's reason, "
        "and send the next one."
    )
    assert contradictions(screen, made) == ()
    assert "repeated_refusals" not in [each.name for each in part.hints]  # the bottleneck says it
    assert "forwarded nothing else since 20.0 s" in answer_text(screen, "rate")


@pytest.mark.parametrize(
    ("permanent", "said"),
    [
        (2, "repeats 2 messages that the provider refuses permanently (no valid recipient), and"),
        (1, "repeats 3 messages that the provider refuses (internal error, and others), and"),
    ],
)
def test_one_message_of_another_reason_hides_no_permanent_refusals(
    new_run: Build, permanent: int, said: str
) -> None:
    run = new_run("run")
    stops(run, {**BAD_NUMBER, "submits": 30}, until_s=50.0)
    for other in (1, 2):
        at_s, reason = 10.0 + other, {} if other < permanent else {"reason": "internal_error"}
        run.due(f"other-{other}", at_s)
        run.seen(f"other-{other}", at_s + 0.01, **{**BAD_NUMBER, **reason, "submits": 5})
    found = next(each for each in reported(run).parts[0].bottlenecks if each.kind == "sender_repeats")
    assert said in found.text
    assert (found.refusal == "no_valid_recipient") is (permanent == 2)


def test_a_sender_that_repeats_a_wrong_token_has_the_advice_on_the_token(new_run: Build) -> None:
    run = new_run("run")
    stops(run, {**REFUSED, "reason": "unauthorized", "submits": 30}, until_s=50.0)
    made = reported(run)
    found = next(each for each in made.parts[0].bottlenecks if each.kind == "sender_repeats")
    assert (found.signs, found.refusal) == (("refused_permanently",), "unauthorized")


def test_a_sender_that_waits_for_repeats_must_send_others_meanwhile(new_run: Build) -> None:
    run = new_run("run")
    stops(run, {**REFUSED, "reason": "internal_error", "submits": 30}, until_s=50.0)
    found = next(each for each in reported(run).parts[0].bottlenecks if each.kind == "sender_repeats")
    assert "that the provider refuses (internal error), and has forwarded nothing else" in found.text
    assert found.signs == ("waits_for_repeats",)


@pytest.mark.parametrize(
    ("last", "evidence", "sign"),
    [
        (BAD_NUMBER, "the provider refused its last submit (no valid recipient)", "stopped_at_refusal"),
        (REFUSED | {"reason": "no_reply"}, "its last submit had no answer", "stopped_at_refusal"),
        ({}, "the provider accepted its last submit", "forwarding_stopped"),
    ],
)
def test_the_instant_at_which_forwarding_stopped_is_named(
    new_run: Build, last: dict[str, Any], evidence: str, sign: str
) -> None:
    run = new_run("run")
    stops(run, last, until_s=20.0)
    made = reported(run)
    found = next(each for each in made.parts[0].bottlenecks if each.kind == "sender_unforwarded")
    assert found.text == (
        "my-sender stopped forwarding messages 20.0 s after the load's start, and still accepted them"
    )
    assert found.evidence == (
        "199 of 400 accepted messages, 50 %",
        f"{evidence}; 199 of these messages came later",
    )
    assert found.signs == (sign,)
    assert (judged(made, "unaccounted").verdict, judged(made, "unaccounted").low) == ("missed", 199)
    told = " ".join(as_text(each) for each in first_screen(made).bottleneck)
    assert "What to do: look in the sender's log for what ended or blocked at that time: " in told


@pytest.mark.parametrize(
    ("forwarded", "end_s", "named"),
    [
        (lambda slot: slot % 3, 50.0, False),  # drops every third
        (lambda slot: slot < 385, 40.2, False),  # the run ended before more is known
        (lambda slot: slot < 385, 50.0, True),
        (lambda slot: slot < 385 and slot % 3, 50.0, False),  # most that are missing came before
        (lambda slot: 100 < slot < 300, 44.0, False),  # it made such a pause before
    ],
)
def test_single_messages_that_are_dropped_are_no_stop(
    new_run: Build, forwarded: Callable[[int], bool], end_s: float, named: bool
) -> None:
    run = new_run("run")
    for slot in range(400):
        run.due(f"m-{slot}", slot / 10)
        if forwarded(slot) or slot == 0:
            run.seen(f"m-{slot}", slot / 10 + 0.01)
    part = reported(run, end_s=end_s).parts[0]
    assert any("forwarding_stopped" in each.signs for each in part.bottlenecks) is named


def with_an_outage(run: RunBuilder, to_s: float | None) -> RunReport:
    """From 20 s on."""
    outage = RecordedFault(
        name="down",
        kind="outage",
        title="an outage",
        start_ns=START_NS + 20 * S,
        end_ns=None if to_s is None else START_NS + round(to_s * S),
        effect="outage",
    )
    return reported(run, faults=(outage,))


@pytest.mark.parametrize(("to_s", "named"), [(None, False), (25.0, True)])
def test_a_fault_of_the_provider_until_the_end_is_no_stop_of_the_sender(
    new_run: Build, to_s: float | None, named: bool
) -> None:
    run = new_run("run")
    stops(run, {}, until_s=20.0)
    part = with_an_outage(run, to_s).parts[0]
    assert any("forwarding_stopped" in each.signs for each in part.bottlenecks) is named


@pytest.mark.parametrize(("to_s", "named"), [(None, False), (25.0, True)])
def test_no_objective_or_check_says_so_either(new_run: Build, to_s: float | None, named: bool) -> None:
    run = new_run("run")
    stops(run, {}, until_s=50.0)  # it tries again to the end
    report = with_an_outage(run, to_s)
    texts = [*(each.needs for each in report.objectives), *(each.advice for each in report.checks)]
    assert any(re.search("stop(ped)? forwarding", text) for text in texts) is named


@pytest.mark.parametrize(("submits", "told"), [(3, True), (1, False)])
def test_repeats_of_permanent_refusals_are_a_hint(new_run: Build, submits: int, told: bool) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        more = {**BAD_NUMBER, "submits": submits} if slot % 30 == 0 else {}
        run.seen(f"m-{slot}", slot / 10 + 0.01, **more)
    part = reported(run, end_s=80.0).parts[0]
    texts = [each.text for each in part.hints if each.name == "repeated_refusals"]
    hint = (
        "10 messages that the provider refuses permanently (no valid recipient) were submitted 30 times. Do "
        "not repeat a permanent refusal: it uses the contract's limits and changes nothing."
    )
    assert (part.bottlenecks, texts) == ((), [hint] * told)
