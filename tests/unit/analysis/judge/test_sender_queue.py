"""Messages that wait in a sender without gauges: a delay, a limited rate, or few concurrent requests."""

from __future__ import annotations

import random
from typing import Any

import pytest
from made_parts import OWN, arrivals, found, kinds, sampled
from run_builder import Build

from analysis.capacity_record import OWN_LIMIT


@pytest.mark.parametrize("seed", range(5))
def test_a_constant_delay_is_no_rate_limit(new_run: Build, seed: int) -> None:
    run = new_run("run")
    arrivals(run, lambda _, due_s: due_s + 6.0, seed)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == "sender_hold" and "not visible from outside" in only.text
    assert "the median message waited 6.00 s in it" in only.evidence


def test_the_most_requests_in_flight_are_those_of_all_windows(new_run: Build) -> None:
    """Seven at once in the second window, one in the others; each message waits 6 s in the sender."""
    run = new_run("run")
    for slot in range(300):
        due_s = slot / 10
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", due_s + 6.0, provider_s=0.65 if 100 <= slot < 110 else 0.05)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == "sender_hold"
    told = [each for each in only.evidence if "in flight on average" in each]
    assert told and told[0].endswith("in flight on average, at most 7")


@pytest.mark.parametrize("per_s", [10.0, 30.0, 60.0])
def test_a_constant_delay_is_a_hold_at_any_rate(new_run: Build, per_s: float) -> None:
    """The provider answers after 60 ms: at 60/s a request is nearly always in flight, at no maximum."""
    run = new_run("run")
    arrivals(run, lambda _, due_s: due_s + 3.0, per_s=per_s, provider_s=0.06)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == "sender_hold"
    assert "all messages waited about equally long" in only.evidence


def test_few_concurrent_requests_with_a_constant_wait_are_no_hold(new_run: Build) -> None:
    """60 messages at once and then ten per second, through one request at a time without a pause."""
    run = new_run("run")
    for slot in range(360):
        run.due(f"m-{slot}", max((slot - 60) / 10, 0.0))
        run.seen(f"m-{slot}", slot / 10 + 0.001, provider_s=0.099)
    assert kinds(run, target=OWN) == ["sender_concurrency"]


def test_a_message_that_the_sender_still_has_counts_in_the_median_wait(new_run: Build) -> None:
    """One of three classes goes first, at once; the others at 1/s, and most of them never."""
    run = new_run("run")
    sent = 0
    for slot in range(300):
        due_s, name = slot / 10, ("otp", "transactional", "marketing")[slot % 3]
        run.due(f"m-{slot}", due_s, message_class=name)
        at_s = due_s + 0.05
        if name != "otp":
            sent, at_s = sent + 1, sent + 1.0
        if at_s < 59.0:
            run.seen(f"m-{slot}", max(at_s, due_s + 0.05))
    report = found(run, target=OWN)
    (held,) = [each for each in report.bottlenecks if each.kind == "sender_rate"]
    waits = [each for each in held.evidence if "median message waited" in each]
    assert waits == ["the median message waited at least 31.9 s in it"]


def test_messages_that_the_sender_still_has_may_wait_as_long_as_the_others(new_run: Build) -> None:
    """All wait for 40 s; those that are due in the last 10 s of the load are not sent before its end."""
    run = new_run("run")
    arrivals(run, lambda _, due_s: due_s + 40.0 if due_s < 20.0 else None)
    (held,) = [each for each in found(run, target=OWN).bottlenecks if each.kind == "sender_hold"]
    assert held.evidence[0] == "the median message waited 40.0 s in it"


def test_a_quick_class_and_a_class_that_is_never_sent_do_not_have_the_same_wait(new_run: Build) -> None:
    """Three messages of the slow class were sent, and 3.3/s of the quick class."""
    run = new_run("run")
    for slot in range(300):
        quick = slot % 3 == 0
        run.due(f"m-{slot}", slot / 10, message_class="otp" if quick else "marketing")
        if quick:
            run.seen(f"m-{slot}", slot / 10 + 2.0)
        elif slot < 5:
            run.seen(f"m-{slot}", 56.0 + slot)
    assert kinds(run, target=OWN) == ["sender_rate"]


def test_a_sender_without_a_core_holds_nothing_back(new_run: Build) -> None:
    run = new_run("run")
    arrivals(run, lambda slot, due_s: 8.0 * (due_s // 8.0 + 1) + slot / 1_000)
    sampled(run, "machine", cpu_percent=100.0, others_percent=70.0)
    sampled(run, "target", cpu_percent=60.0, core_wait_percent=38.0)
    assert kinds(run, target=OWN) == ["machine"]


def test_a_busy_machine_does_not_explain_a_delay_in_an_idle_sender(new_run: Build) -> None:
    run = new_run("run")
    arrivals(run, lambda slot, due_s: 8.0 * (due_s // 8.0 + 1) + slot / 1_000)
    sampled(run, "machine", cpu_percent=100.0, others_percent=70.0)
    sampled(run, "provider", cpu_percent=60.0, core_wait_percent=38.0)
    sampled(run, "target", cpu_percent=3.0, core_wait_percent=10.0)
    assert kinds(run, target=OWN) == ["machine", "sender_hold"]


def test_a_pause_between_requests_limits_the_rate_also_if_requests_fill_most_of_the_time(
    new_run: Build,
) -> None:
    """5/s, each request for 140 ms of 200 ms."""
    run = new_run("run")
    arrivals(run, lambda slot, due_s: slot / 5.0 + 0.5, provider_s=0.14)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == "sender_rate"


def test_an_outbox_that_is_flushed_is_no_rate_limit(new_run: Build) -> None:
    run = new_run("run")
    arrivals(run, lambda slot, due_s: 8.0 * (due_s // 8.0 + 1) + slot / 1_000)
    assert kinds(run, target=OWN) == ["sender_hold"]


def test_a_constant_rate_while_a_backlog_waits_is_a_rate_limit(new_run: Build) -> None:
    run = new_run("run")
    arrivals(run, lambda slot, due_s: slot / 5.0 + 2.0)
    (only,) = found(run, target=OWN).bottlenecks
    assert only.kind == "sender_rate"
    assert only.text == f"my-sender forwards messages at a constant rate: {OWN_LIMIT}"
    assert only.evidence[0] == "it forwarded 5.00/s in the last part of the load; 10.2/s came in"


@pytest.mark.parametrize("limits", [{}, {"accept_queue": {"drain_segments_per_s": 100.0}}])
def test_a_sender_that_asks_the_provider_for_a_later_time(new_run: Build, limits: dict[str, Any]) -> None:
    """Neither the carrier nor the accept queue is to blame: the messages wait for the time that was asked."""
    run = new_run("run")
    for slot in range(600):
        due_s = slot / 10
        run.due(f"m-{slot}", due_s)
        scheduled_s = due_s + 30.0 if slot % 2 else None
        run.seen(f"m-{slot}", due_s + 0.01, scheduled_s=scheduled_s, carrier_s=0.0)
    report = found(run, load_s=60.0, target=OWN, profile=limits, objectives=("otp.p95<10s",))
    (only,) = report.bottlenecks
    assert only.kind == "sender_hold"
    assert only.text == "my-sender asks the provider to send messages at a later time"
    assert only.evidence == (
        "300 of 600 messages at the provider had such a time",
        "the median of these messages waited 30.0 s for it",
    )


def test_messages_whose_time_has_not_come_wait_at_least_until_the_end(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(600):
        due_s = slot / 10
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", due_s, scheduled_s=3_600.0, at_carrier=False, state="open", provider_s=0.0)
    report = found(run, load_s=60.0, target=OWN)
    (only,) = report.bottlenecks
    assert only.text.endswith("asks the provider to send messages at a later time")
    assert "the median of these messages waited at least 60.0 s for it" in only.evidence


@pytest.mark.parametrize("in_flight", [True, False])
def test_a_constant_rate_while_a_burst_waits_is_named_also_if_the_backlog_goes(
    new_run: Build, in_flight: bool
) -> None:
    """10/s, and 30/s for 10 s; the sender forwards 16/s at most, and the last messages wait no more. A
    request is nearly always in flight, or hardly ever: then it is its pacing.
    """
    run = new_run("run")
    draw = random.Random(5)
    due_s, free_s, slot = 0.05, 0.0, 0
    while due_s < 40.0:
        at_s = max(due_s + 0.01, free_s)
        free_s = at_s + 1 / 16
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", at_s, provider_s=draw.uniform(0.05, 0.2) if in_flight else 0.01)
        due_s, slot = due_s + draw.expovariate(30.0 if 5.0 <= due_s < 15.0 else 10.0), slot + 1
    report = found(run, load_s=40.0, target=OWN)
    assert report.backlog_grew is not True
    first = report.bottlenecks[0]
    assert first.kind == ("sender_rate" if in_flight else "sender_pacing")
    # Also with few requests in flight: its workers can be busy before the request.
    assert first.text == f"my-sender forwards messages at a constant rate: {OWN_LIMIT}"
    assert first.signs == (() if in_flight else ("rate_from_outside",))
    each_second = "while messages waited in it, about the same number in each second"
    assert first.evidence[0] == f"it forwarded 16.0/s {each_second}"


def test_a_constant_rate_is_named_also_in_a_load_of_a_few_seconds(new_run: Build) -> None:
    """54/s for 9 s through 45/s, as in a trial of a capacity search: the median message waits under 1 s."""
    run = new_run("run")
    draw = random.Random(5)
    due_s, free_s, slot = 0.01, 0.0, 0
    while due_s < 9.0:
        at_s = max(due_s + 0.01, free_s)
        free_s = at_s + 1 / 45
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", at_s, provider_s=draw.uniform(0.02, 0.06))
        due_s, slot = due_s + draw.expovariate(54.0), slot + 1
    (only,) = found(run, load_s=9.0, target=OWN).bottlenecks
    assert only.kind == "sender_rate"
    text = only.evidence[0].removeprefix("it forwarded ")
    assert float(text.partition("/s ")[0]) == pytest.approx(45.0, rel=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_random_submits_are_no_constant_rate(new_run: Build, seed: int) -> None:
    """Each message waits for 1 s to 6 s, at random."""
    run = new_run("run")
    draw = random.Random(seed)
    arrivals(run, lambda _, due_s: due_s + draw.uniform(1.0, 6.0), seed, per_s=40.0, provider_s=0.1)
    assert "sender_rate" not in kinds(run, target=OWN)
