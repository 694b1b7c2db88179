"""The sender's API: it stops, it answers nothing for some time, or it refuses messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from made_parts import LISTENING, OWN, found, kinds, sampled
from run_builder import Build, RunBuilder

from analysis.first_screen.advice import what_to_change
from analysis.first_screen.quoting import Quote
from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.report import build_report


def stops(run: RunBuilder, at_s: float, **more: Any) -> None:
    """Ten per second for 30 s; no answer to a message that is due from then on."""
    for slot in range(300):
        due_s = slot / 10
        if due_s < at_s:
            run.journey(f"m-{slot}", due_s, 3.0)
        else:
            run.due(f"m-{slot}", due_s, "failed", **more)


def test_a_sender_whose_process_ends_has_stopped(new_run: Build) -> None:
    run = new_run("run")
    stops(run, 12.0)
    for second in range(30):
        run.sample(second + 0.5, "machine", "cpu_percent", 50.0)
        run.sample(second + 0.5, "load", "in_flight", 0.0)
        if second < 12:
            run.sample(second + 0.5, "target", "cpu_percent", 3.0)
    report = found(run, target=OWN)
    (only,) = report.bottlenecks
    assert only.kind == "sender_stopped"
    assert only.text == (
        "my-sender stopped answering 12.0 s after the load's start: each request failed immediately, and its "
        "process is gone"
    )
    assert (only.from_s, only.to_s) == (10.0, pytest.approx(30.0))
    assert "all 180 messages due from then on had no answer" in only.evidence
    assert not report.throughput.accepts_at_most
    (time,) = (each for each in report.objectives if each.message_class == "otp")
    assert time.verdict == "undecided" or not time.needs
    assert "more of this load" not in time.needs


def test_a_sender_that_hangs_has_stopped(new_run: Build) -> None:
    run = new_run("run")
    stops(run, 12.0)
    for second in range(30):
        run.sample(second + 0.5, "machine", "cpu_percent", 50.0)
        run.sample(second + 0.5, "target", "cpu_percent", 3.0)
        run.sample(second + 0.5, "load", "in_flight", 30.0 if second > 12 else 0.0)
    (only,) = found(run, target={**OWN, "timeout_s": 3.0}).bottlenecks
    assert only.text == (
        "my-sender stopped answering 12.0 s after the load's start: requests got no answer within 3 s"
    )


@pytest.mark.parametrize(
    ("error", "how"),
    [
        ("connection refused", "each connection was refused: nothing listens at 127.0.0.1:8080"),
        ("connection reset", "each connection was reset"),
        ("closed by the target", "each connection was closed before an answer"),
        ("connect timeout", "each request failed with connect timeout"),
        ("", "each request failed immediately"),
        ("timeout", "requests got no answer"),  # also without a sample of the requests in flight
    ],
)
def test_the_error_of_the_load_says_how_a_sender_stopped(new_run: Build, error: str, how: str) -> None:
    run = new_run("run")
    stops(run, 12.0, error=error)
    (only,) = found(run, target=LISTENING).bottlenecks
    assert only.text == f"my-sender stopped answering 12.0 s after the load's start: {how}"


def test_a_few_other_errors_do_not_hide_the_one_of_most_requests(new_run: Build) -> None:
    """A process that dies resets the connections that it has; all later ones are refused."""
    run = new_run("run")
    for slot in range(300):
        if slot < 120:
            run.journey(f"m-{slot}", slot / 10, 3.0)
        else:
            error = "connection reset" if slot < 123 else "connection refused"
            run.due(f"m-{slot}", slot / 10, "failed", error=error)
    (only,) = found(run, target=LISTENING).bottlenecks
    assert only.text.endswith("177 of 180 connections were refused: nothing listens at 127.0.0.1:8080")
    assert (
        "of 300 messages: 177 failed with connection refused, 3 failed with connection reset" in only.evidence
    )


@pytest.mark.parametrize(
    ("error", "text", "told"),
    [
        (
            "connection refused",
            "does not answer: each connection was refused: nothing listens at 127.0.0.1:8080",
            "300 failed with connection refused",
        ),
        (
            "connection reset",
            "does not answer: each connection was reset",
            "300 failed with connection reset",
        ),
        ("timeout", "does not answer", "300 timed out"),
        ("", "does not answer", "300 failed or timed out"),
    ],
)
def test_a_load_of_which_every_request_failed_says_what_failed(
    new_run: Build, error: str, text: str, told: str
) -> None:
    run = new_run("run")
    stops(run, 0.0, error=error)
    run_dir = run.write(load_s=30.0, end_s=60.0, target=LISTENING)
    report = build_report(run_dir)
    (only,) = report.parts[0].bottlenecks
    assert only.text == f"my-sender's API {text}"
    assert f"of 300 messages: {told}" in only.evidence
    assert ("the median request to my-sender got no answer" in only.evidence) == (": " not in text)
    advice = as_text(first_screen(report).bottleneck[-1])
    assert ("start the sender there" in advice) == (error == "connection refused")
    assert ("look in the sender's log" in advice) == (error != "connection refused")


def test_an_api_that_fails_some_messages_says_how(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(300):
        if slot % 3:
            run.journey(f"m-{slot}", slot / 10, 3.0)
        else:
            run.due(f"m-{slot}", slot / 10, "failed", error="connection reset")
    (only,) = found(run, target=LISTENING).bottlenecks
    assert only.text == "my-sender's API fails messages with connection reset"


def test_a_sender_that_answers_too_late_and_still_forwards_has_not_stopped(new_run: Build) -> None:
    run = new_run("run")
    stops(run, 12.0)
    for slot in range(120, 300):
        run.seen(f"m-{slot}", slot / 10 + 6.0)
    sampled(run, "load", in_flight=30.0)
    assert "sender_stopped" not in kinds(run, target=OWN)


def frozen(run: RunBuilder, lag: bool = False) -> None:
    """Ten per second; all that are due from 10 s to 15 s are answered at 15 s, or with ``lag`` sent then."""
    for slot in range(300):
        due_s = slot / 10
        late_s = 15.0 - due_s if 10.0 <= due_s < 15.0 else 0.001
        delay = {"lag_s": late_s} if lag else {"api_s": late_s}
        run.journey(f"m-{slot}", due_s, 8.0, **delay)


def test_a_freeze_of_the_senders_event_loop_is_named(new_run: Build) -> None:
    """The median answer of each window is fast."""
    run = new_run("run")
    frozen(run)
    sampled(run, "target", cpu_percent=3.0, core_wait_percent=4.0)
    (only,) = found(run, target=OWN).bottlenecks
    assert (only.kind, only.from_s, only.to_s) == ("sender_api", 10.0, 20.0)
    assert only.text == "my-sender's API answered nothing for 5.00 s"
    told = " ".join(only.evidence)
    assert "41 requests waited and none was answered from 10.0 s to 15.0 s after the load's start" in told


def advised(run: RunBuilder, **manifest: Any) -> str:
    report = build_report(run.write(load_s=30.0, end_s=60.0, **manifest))
    (only,) = report.parts[0].bottlenecks
    assert only.kind == "sender_api"
    return as_text(what_to_change(Quote(report), 0, 0))


@pytest.mark.parametrize(("answered", "timeout_s"), [(0, 2.0), (0, None), (1, 2.0)])
def test_an_api_that_is_slower_than_the_targets_limit_names_this_limit(
    new_run: Build, answered: int, timeout_s: float | None
) -> None:
    """It answered after 5 s, and the page said only that it *does not answer*. The limit was 2 s."""
    run = new_run("run")
    stops(run, answered / 10, error="timeout")
    for slot in range(answered, 300):
        run.seen(f"m-{slot}", slot / 10 + 0.1)
    sampled(run, "load", in_flight=20.0)
    given = OWN if timeout_s is None else {**OWN, "timeout_s": timeout_s}
    (only,) = found(run, target=given).bottlenecks
    named = "does not answer within 2 s, the timeout_s of the target" in only.text
    assert named == (timeout_s is not None and not answered)
    if not answered:
        assert ("raise timeout_s in the target file" in advised(run, target=given)) == named


def test_the_advice_on_a_freeze_is_to_look_for_its_cause(new_run: Build) -> None:
    """The page advised to answer before the submit and to send in batches. Such a sender did both."""
    run = new_run("run")
    frozen(run)
    sampled(run, "target", cpu_percent=3.0, core_wait_percent=4.0)
    said = advised(run, target=OWN)
    assert said == (
        "look in the sender for what held up its answers at that time: a blocking call, a "
        "lock, or a pause of the process."
    )


@pytest.mark.parametrize("first", [True, False])
def test_only_a_sender_that_submits_before_it_answers_gets_the_advice_to_answer_first(
    new_run: Build, first: bool
) -> None:
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10, api_s=2.5)
        run.seen(f"m-{slot}", slot / 10 + (2.6 if first else 0.1))
    said = advised(run, target=OWN)
    assert ("answer when the message is queued" in said) == (not first)
    assert ("look in the sender for what its answers wait for" in said) == first


@pytest.mark.parametrize("first_s", [10.0, 12.0, 14.0])
def test_a_freeze_is_named_wherever_the_windows_begin(new_run: Build, first_s: float) -> None:
    """The same freeze of 7 s is most of a window, or a part of two."""
    run = new_run("run")
    for slot in range(300):
        due_s = slot / 10
        inside = first_s <= due_s < first_s + 7.0
        run.journey(f"m-{slot}", due_s, 9.0, api_s=first_s + 7.0 - due_s if inside else 0.001)
    sampled(run, "target", cpu_percent=3.0, core_wait_percent=4.0)
    sampled(run, "load", in_flight=60.0)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.text == "my-sender's API answered nothing for 7.00 s"
    assert not any("median request" in each for each in only.evidence)


@pytest.mark.parametrize("late", [0, 200])
def test_an_api_that_is_always_slow_is_not_named_by_one_freeze(new_run: Build, late: int) -> None:
    run = new_run("run")
    for slot in range(300):
        due_s = slot / 10
        usual_s = 1.5 if slot < late else 0.001
        run.journey(f"m-{slot}", due_s, 9.0, api_s=25.0 - due_s if 20.0 <= due_s < 25.0 else usual_s)
    named = found(run, target=OWN).bottlenecks[0].text
    assert named == f"my-sender's API {'answers too slowly' if late else 'answered nothing for 5.00 s'}"


@pytest.mark.parametrize("explained", ["load", "provider", "target"])
def test_a_freeze_of_the_bench_or_the_machine_is_not_the_senders(new_run: Build, explained: str) -> None:
    run = new_run("run")
    frozen(run, lag=explained == "load")
    gauges: dict[str, dict[str, float]] = {
        "load": {"in_flight": 0.0},
        "provider": {"loop_lag_ms": 4_000.0, "loop_core_wait_ms": 4_000.0},
        "target": {"core_wait_percent": 80.0, "cpu_percent": 3.0},
    }
    sampled(run, explained, **gauges[explained])
    assert "sender_api" not in kinds(run, target=OWN)


def test_an_api_that_always_takes_as_long_is_no_freeze(new_run: Build) -> None:
    """The first answer of a load comes after that time, and the answers that follow come in sequence."""
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 3.0, api_s=0.9 + 0.02 * (slot % 3), lag_s=0.0)
    assert kinds(run, target=OWN) == []
    slow = new_run("slow")
    for slot in range(300):
        slow.journey(f"m-{slot}", slot / 10, 3.0, api_s=1.5)
    (only,) = found(slow, target=OWN).bottlenecks
    assert only.text == "my-sender's API answers too slowly"


@pytest.mark.parametrize(
    ("failed_of_4", "error", "waited"),
    [
        (2, "timeout", "waited 6.00 s for its answer"),  # the slower of the two that were answered
        (3, "timeout", "waited at least 10.0 s for its answer"),
        (3, "connection reset", "waited 2.00 s for its answer"),  # has no time
    ],
)
def test_the_median_answer_is_that_of_all_requests(
    new_run: Build, failed_of_4: int, error: str, waited: str
) -> None:
    """Of four requests two fail, one is answered after 2 s and one after 6 s; or three fail."""
    run = new_run("run")
    for slot in range(300):
        if slot % 4 < failed_of_4:
            run.due(f"m-{slot}", slot / 10, "failed", error=error)
        else:
            slow = slot % 4 == 3 and failed_of_4 == 2
            run.journey(f"m-{slot}", slot / 10, 9.0, api_s=6.0 if slow else 2.0)
    (first, *_) = found(run, target={**OWN, "timeout_s": 10.0}).bottlenecks
    assert first.kind == "sender_api"
    assert f"the median request to my-sender {waited}" in first.evidence


def test_a_request_that_was_stopped_waited_until_the_end_of_the_load(new_run: Build) -> None:
    """Three of four requests of a load of 30 s had no answer at its end."""
    run = new_run("run")
    for slot in range(300):
        if slot % 4:
            run.due(f"m-{slot}", slot / 10, "unfinished")
        else:
            run.journey(f"m-{slot}", slot / 10, 9.0, api_s=2.0)
    (first, *_) = found(run, target={**OWN, "timeout_s": 60.0}).bottlenecks
    # 75 waited 2 s, and the 75 that were due from 20.1 s on waited 0.1 s to 9.9 s.
    assert "the median request to my-sender waited at least 9.90 s for its answer" in first.evidence


def refusing(run: RunBuilder, refused: Callable[[int, str], bool], **more: Any) -> None:
    """Ten per second for 30 s, of three classes in turn."""
    names = ("otp", "transactional", "marketing")
    for slot in range(300):
        name = names[slot % 3]
        if refused(slot, name):
            run.due(f"m-{slot}", slot / 10, "refused", message_class=name)
            if more:
                run.seen(f"m-{slot}", slot / 10 + 0.005, accepted=False, state="rejected", **more)
        else:
            run.journey(f"m-{slot}", slot / 10, 3.0, message_class=name)


@pytest.mark.parametrize("before", [0, 60])
def test_an_api_that_refuses_everything_from_an_instant_on_says_so(new_run: Build, before: int) -> None:
    """*885 of 1,575 messages were refused* read as if 56 % were refused all the time. ``before``: refused in
    the first part too.
    """
    run = new_run("run")
    refusing(run, lambda slot, _: slot >= 120 or slot % 120 < before)
    sampled(run, "load", in_flight=1.0)
    sampled(run, "target", cpu_percent=5.0)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == "sender_refuses"
    since = "refuses every message with HTTP 429 from 12.0 s after the load's start"
    assert (since in only.text) == (not before)
    assert ("refuses messages with HTTP 429" in only.text) == bool(before)
    assert not any("of a core" in each for each in only.evidence)  # says nothing about the refusals


def test_a_sender_that_refuses_quickly_is_not_called_slow(new_run: Build) -> None:
    run = new_run("run")
    refusing(run, lambda slot, _: slot % 3 == 0 or slot % 4 == 0)
    sampled(run, "load", in_flight=1.0)
    report = found(run, target=OWN)
    (only,) = report.bottlenecks
    assert only.kind == "sender_refuses"
    assert only.text == "my-sender's API refuses every message of class OTP with HTTP 429"
    assert not any("waited for it" in each for each in only.evidence)


def test_a_rate_is_claimed_only_of_a_sender_that_refuses_what_is_beyond_it(new_run: Build) -> None:
    too_many, one_class, few = new_run("many"), new_run("class"), new_run("few")
    refusing(too_many, lambda slot, _: slot % 5 > 2)
    refusing(one_class, lambda _, name: name == "otp")
    refusing(few, lambda slot, _: slot % 60 == 7)
    assert found(too_many, target=OWN).throughput.accepts_at_most
    assert not found(one_class, target=OWN).throughput.accepts_at_most
    assert not found(few, target=OWN).throughput.accepts_at_most


def test_a_phone_number_that_the_provider_refuses_is_no_refusal_of_the_sender(new_run: Build) -> None:
    run = new_run("run")
    refusing(run, lambda slot, _: slot % 60 == 7, reason="no_valid_recipient")
    report = found(run, target=OWN)
    counted = report.accounting
    assert (counted.refused, counted.refused_recipients, counted.not_taken) == (5, 5, 0)
    judged = {each.measure: each for each in report.objectives}
    assert judged["not_taken"].verdict == "met"
    assert "5 with a phone number that the provider refused do not count" in judged["not_taken"].why
    assert judged["availability"].verdict == "met"
    assert report.bottlenecks == ()


@pytest.mark.parametrize("reason", ["throttled", "text_not_allowed", "sender_not_allowed"])
def test_other_refusals_of_the_provider_count(new_run: Build, reason: str) -> None:
    run = new_run("run")
    refusing(run, lambda slot, _: slot % 60 == 7, reason=reason)
    report = found(run, target=OWN)
    assert report.accounting.not_taken == 5
    assert {each.measure: each.verdict for each in report.objectives}["not_taken"] == "missed"


def test_a_sender_that_died_with_messages_is_named_as_stopped_before_they_are(new_run: Build) -> None:
    run = new_run("run")
    stops(run, 12.0)
    run.due("in-memory", 11.95)
    for second in range(30):
        run.sample(second + 0.5, "load", "in_flight", 0.0)
        if second < 12:
            run.sample(second + 0.5, "target", "cpu_percent", 3.0)
    run_dir = run.write(load_s=30.0, end_s=60.0, target=OWN, drain_timeout_s=20.0)
    screen = first_screen(build_report(run_dir))
    assert as_text(screen.why).startswith("my-sender stopped answering 12.0 s")
    leads = [as_text(each).split(" (")[0] for each in screen.bottleneck]
    assert leads[0].startswith("Evidence: all 180 messages due from then on had no answer")
    assert (
        leads[2] == "Cause of the loss: my-sender accepted messages and did not forward them to the provider"
    )
