"""A sender whose API is silent, and one that still works on requests that timed out."""

from __future__ import annotations

import pytest
from made_parts import OWN, found, sampled
from run_builder import Build, RunBuilder
from screen_texts import answer_text

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.report import build_report

TIMEOUT_S = 10.0


def calls_the_provider_first(run: RunBuilder, stops_s: float = 100.0) -> None:
    """40 arrivals/s for 40 s. Two requests to the provider at a time take 100 ms each: 20/s, in order of
    arrival, also of requests that timed out. The answer to one late request comes at once.
    """
    for slot in range(1_600):
        key, due_s, lucky = f"m-{slot}", slot / 40, slot == 1_520
        done_s = due_s + 0.1 if lucky else 0.05 * (slot + 2)
        if done_s > stops_s:
            run.due(key, due_s, "failed", error="timeout")
            continue
        if done_s - due_s < TIMEOUT_S:
            run.due(key, due_s, api_s=done_s - due_s)
        else:
            run.due(key, due_s, "failed", error="timeout")
        if done_s < 70.0:
            run.seen(key, done_s - 0.0999, provider_s=0.0998)


def test_a_sender_that_works_on_requests_that_timed_out_has_not_stopped(new_run: Build) -> None:
    """After the late answer of 38.1 s none of the requests is answered, and the provider sees 20/s."""
    run = new_run("run")
    calls_the_provider_first(run)
    report = build_report(run.write(load_s=40.0, end_s=70.0, target={**OWN, "timeout_s": TIMEOUT_S}))
    (only,) = report.parts[0].bottlenecks
    assert only.kind == "sender_concurrency"
    assert only.text == "my-sender has too few concurrent requests to the provider (2)"
    assert "the median request to my-sender waited at least 10.0 s for its answer" in only.evidence
    screen = first_screen(report)
    assert as_text(screen.bottleneck[0]).startswith(f"Bottleneck: {only.text[:-1]}; at most 2 requests")
    assert as_text(screen.bottleneck[1]).startswith("What to change: allow more concurrent requests")
    assert f"Bottleneck: {only.text}." in answer_text(screen, "rate")


def test_a_sender_that_stops_after_an_overload_stops_when_it_does_no_more(new_run: Build) -> None:
    """The last request that is answered is due at 10 s. The provider sees messages until 30 s."""
    run = new_run("run")
    calls_the_provider_first(run, stops_s=30.0)
    named = found(run, load_s=40.0, target={**OWN, "timeout_s": TIMEOUT_S}).bottlenecks
    assert [each.kind for each in named] == ["sender_concurrency", "sender_stopped"]
    assert named[1].text == (
        "my-sender stopped answering 29.9 s after the load's start: requests got no answer within 10 s"
    )


def test_a_silent_api_says_whether_the_sender_still_forwarded(
    new_run: Build,
) -> None:
    """Ten per second; no answer from 10 s to 15 s. Earlier messages are forwarded in it, or after it."""
    for forwards in (True, False):
        run = new_run(f"run-{forwards}")
        for slot in range(300):
            due_s = slot / 10
            late_s = 15.0 - due_s if 10.0 <= due_s < 15.0 else 0.001
            run.due(f"m-{slot}", due_s, api_s=late_s)
            wait_s = 0.05 if due_s < 5.0 else 5.5
            if not forwards and 9.9 <= due_s + wait_s < 15.0:
                wait_s = 15.1 - due_s
            run.seen(f"m-{slot}", due_s + max(wait_s, late_s + 0.1))
        sampled(run, "target", cpu_percent=3.0, core_wait_percent=4.0)
        named = {each.kind: each for each in found(run, target=OWN).bottlenecks}
        text, evidence = named["sender_api"].text, " ".join(named["sender_api"].evidence)
        silent = "my-sender's API answered nothing for 5.00 s"
        assert text == (f"{silent}, but the sender still forwarded messages" if forwards else silent)
        seen = "39 messages" if forwards else "no message"
        assert f"15.0 s after the load's start while the provider saw {seen} of the sender" in evidence


def test_an_api_that_stops_says_whether_the_sender_still_forwarded(
    new_run: Build,
) -> None:
    """Ten per second; no answer to a message that is due from 12 s on. Messages are forwarded 8 s late."""
    run = new_run("run")
    for slot in range(300):
        if slot < 120:
            run.due(f"m-{slot}", slot / 10)
            run.seen(f"m-{slot}", slot / 10 + 8.0)
        else:
            run.due(f"m-{slot}", slot / 10, "failed", error="timeout")
    named = {each.kind: each for each in found(run, target={**OWN, "timeout_s": 3.0}).bottlenecks}
    assert named["sender_stopped"].text == (
        "my-sender's API stopped answering 12.0 s after the load's start: requests got no answer within 3 s, "
        "but the sender still forwarded messages"
    )


def some_time_out(run: RunBuilder, of_10: int, error: str = "timeout", refused: int = 1) -> None:
    """Ten per second for 30 s: ``of_10`` of ten fail, and the others are answered at once."""
    for slot in range(300):
        if slot < refused:
            run.due(f"m-{slot}", slot / 10, "refused")
        elif slot % 10 < of_10:
            run.due(f"m-{slot}", slot / 10, "failed", error=error)
        else:
            run.journey(f"m-{slot}", slot / 10, 3.0)


def test_an_api_whose_requests_time_out_does_not_refuse(new_run: Build) -> None:
    for of_10, what in ((9, "answers too slowly"), (3, "answers some requests too slowly")):
        run = new_run(f"run-{of_10}")
        some_time_out(run, of_10)
        (only,) = found(run, target={**OWN, "timeout_s": TIMEOUT_S}).bottlenecks
        assert (only.kind, only.text) == ("sender_api", f"my-sender's API {what}")
        assert f"of 300 messages: 1 refused, {30 * of_10 - 1} timed out" in only.evidence


def test_an_api_refuses_messages_only_if_most_of_those_not_taken_were_refused(new_run: Build) -> None:
    for refused, what in (
        (1, "fails messages with connection reset"),
        (200, "refuses messages with HTTP 429"),
    ):
        run = new_run(f"run-{refused}")
        some_time_out(run, 3, "connection reset", refused)
        (only,) = found(run, target=OWN).bottlenecks
        assert (only.kind, only.text) == ("sender_refuses", f"my-sender's API {what}")


@pytest.mark.parametrize("timeout_s", [0.5, None])
def test_requests_that_timed_out_are_shown_with_the_timeout_of_the_target_file(
    new_run: Build, timeout_s: float | None
) -> None:
    """The file may be the cause: callers of the sender may wait longer."""
    run = new_run("run")
    for slot in range(300):
        if slot % 3:
            run.due(f"m-{slot}", slot / 10, "failed", error="timeout")
        else:
            run.journey(f"m-{slot}", slot / 10, 3.0, api_s=0.4)
    (only,) = found(run, target={**OWN, "timeout_s": timeout_s}).bottlenecks
    told = "the target file allows 500 ms for an answer (timeout_s)"
    assert only.text == "my-sender's API answers too slowly"
    assert (told in only.evidence) == (timeout_s is not None)
