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
LOAD_S = 40.0
ABOVE = "which is above the contract of 32.0/s at most, whatever the sender does."


def gives_up(run: RunBuilder, per_s: int) -> None:
    """One message in each request, of 1.25 segments; it drops each that the provider refused three times."""
    for slot in range(round(per_s * LOAD_S)):
        due_s, taken = slot / per_s, slot * 20 // per_s != (slot - 1) * 20 // per_s
        run.due(f"m-{slot}", due_s)
        segments = 2 if slot // 2 % 4 == 0 else 1
        if taken:
            run.seen(f"m-{slot}", due_s + 0.01, segments=segments)
        else:
            refused: dict[str, Any] = {"state": "rejected", "reason": "throttled_requests", "accepted": False}
            run.seen(
                f"m-{slot}",
                due_s + 0.01,
                submits=3,
                throttled=3,
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
    assert "this load is above its other limits too" in whole


@pytest.mark.parametrize(
    ("batch", "above"), [(1, "which is above the contract, whatever the sender does."), (2, "")]
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
