"""A load that is above the contract whatever the sender does: the page says what the contract allows."""

from __future__ import annotations

from typing import Any

import pytest
from run_builder import Build, RunBuilder
from screen_texts import answer_text, aside_text

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import FirstScreen, as_text
from analysis.report import build_report

THROTTLED: dict[str, Any] = {
    "throttle": {
        "requests": {"rate_per_s": 20.0, "burst": 20},
        "segments": {"rate_per_s": 50.0, "burst": 200},
    },
    "accept_queue": {"drain_segments_per_s": 40.0, "capacity_segments": 1_000},
    "protocol": {"smsapi": {"max_recipients_per_request": 100, "throttle_answer": "http_429"}},
}
LOAD_S = 100.0  # at 40/s through 32/s the last message waits 25 s: longer than otp.p95<20s
ABOVE = "which is above the contract of 32.0/s sustained, whatever the sender does."


def gives_up(run: RunBuilder, per_s: int, reason: str = "throttled_requests") -> None:
    """One message in each request, of 1.25 segments; it drops each that the provider refused three times."""
    throttled = 3 if reason == "throttled_requests" else 0
    for slot in range(round(per_s * LOAD_S)):
        due_s, taken = slot / per_s, slot * 20 // per_s != (slot - 1) * 20 // per_s
        run.due(f"m-{slot}", due_s)
        segments = 2 if slot // 2 % 4 == 0 else 1
        if taken:
            run.seen(f"m-{slot}", due_s + 0.01, segments=segments)
        else:
            refused: dict[str, Any] = {"state": "rejected", "reason": reason, "accepted": False}
            run.seen(
                f"m-{slot}",
                due_s + 0.01,
                submits=3,
                throttled=throttled,
                at_carrier=False,
                segments=segments,
                **refused,
            )


def screen_of(run: RunBuilder, profile: dict[str, Any]) -> FirstScreen:
    target = {"name": "my-sender", "kind": "http"}
    ended: dict[str, Any] = {"end_s": LOAD_S + 60.0, "drain_timeout_s": 30.0, "exit_reason": "drain_timeout"}
    screen = first_screen(build_report(run.write(load_s=LOAD_S, target=target, profile=profile, **ended)))
    assert screen.notes == ()
    return screen


def test_the_contract_is_said_and_no_advice_that_cannot_work(new_run: Build) -> None:
    run = new_run("run")
    gives_up(run, 40)
    screen = screen_of(run, THROTTLED)
    said = [as_text(each) for each in screen.bottleneck]
    (advice,) = [each for each in said if each.startswith("What to")]
    assert "negotiate a higher rate with the provider, or spread the load over more time" in advice
    assert f"it has 40.0/s, {ABOVE}" in advice
    assert "must be sent again later" in advice
    assert "the contract allows at most 32.0/s (40.0 segments/s at 1.25 per message)" in answer_text(
        screen, "rate"
    )
    whole = " ".join((*said, aside_text(screen, "ask")))
    assert "wait as long as" not in whole and "stay below the limit" not in whole
    assert "full requests are not enough for this load" in whole


def test_messages_that_were_given_up_after_errors_are_not_the_contract_s(new_run: Build) -> None:
    """A higher rate would not help them: no limit refused them."""
    run = new_run("run")
    gives_up(run, 40, "internal_error")
    screen = screen_of(run, THROTTLED)
    (advice,) = [as_text(each) for each in screen.bottleneck if as_text(each).startswith("What to")]
    assert "whatever the sender does" not in advice and "negotiate" not in advice
    assert "send the message again" in advice


@pytest.mark.parametrize(
    ("batch", "above"),
    [(1, "which is above the contract of 20.0/s sustained, whatever the sender does."), (2, "")],
)
def test_a_limit_of_requests_counts_with_as_many_messages_as_a_request_takes(
    new_run: Build, batch: int, above: str
) -> None:
    run = new_run("run")
    gives_up(run, 40)
    profile = {
        "throttle": {"requests": {"rate_per_s": 20.0, "burst": 20}},
        "protocol": {"smsapi": {"max_recipients_per_request": batch}},
    }
    said = " ".join(as_text(each) for each in screen_of(run, profile).bottleneck)
    assert ("whatever the sender does" in said) == bool(above) and above in said


def test_a_load_below_the_contract_keeps_the_advice_to_wait(new_run: Build) -> None:
    run = new_run("run")
    gives_up(run, 25)
    screen = screen_of(run, THROTTLED)
    said = " ".join(as_text(each) for each in screen.bottleneck)
    assert "whatever the sender does" not in said and "send the message again" in said
    assert "stay below the limit" in aside_text(screen, "ask")
    assert "the contract allows at most" not in answer_text(screen, "rate")  # that of requests allows less


def waits_for_requests(run: RunBuilder, count: int, per_s: float) -> None:
    """One message in each request, 2/s: a third of the messages is refused once, the others wait for their
    turn.
    """
    for slot in range(count):
        due_s, turn_s = slot / per_s, slot / 2.0
        run.due(f"m-{slot}", due_s)
        if turn_s > due_s + 0.01 and slot % 3 == 0:
            late: dict[str, Any] = {"accepted_s": turn_s, "provider_s": turn_s - due_s}
            run.seen(f"m-{slot}", due_s + 0.01, throttled=1, submits=2, **late)
        else:
            run.seen(f"m-{slot}", max(turn_s, due_s) + 0.01)


@pytest.mark.parametrize(("load_s", "per_s", "above"), [(20.0, 30.0, True), (2.0, 100.0, False)])
def test_a_short_burst_that_batches_cure_is_not_above_the_contract(
    new_run: Build, load_s: float, per_s: float, above: bool
) -> None:
    """20/s with full requests. 600 messages in 20 s have 10 s more than the load; 200 in 2 s, 8 s more."""
    run, count = new_run("run"), round(load_s * per_s)
    waits_for_requests(run, count, per_s)
    profile = {
        "throttle": {"requests": {"rate_per_s": 2.0, "burst": 2}},
        "protocol": {"smsapi": {"max_recipients_per_request": 10}},
    }
    made = run.write(load_s=load_s, end_s=count / 2.0 + 60.0, target={"name": "my-sender"}, profile=profile)
    screen = first_screen(build_report(made, objectives=("otp.p95<9s",)))
    said = " ".join(as_text(each) for each in screen.bottleneck)
    assert ("above the contract of 20.0/s sustained, whatever the sender does" in said) == above
    assert ("send many messages in one request: only the limit of requests was reached" in said) != above
    aside = aside_text(screen, "ask")
    assert "other limits" not in aside
    assert ("full requests are not enough for this load" in aside) == above
