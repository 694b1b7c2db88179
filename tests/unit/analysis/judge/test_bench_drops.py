"""What the bench dropped, or had no room for, is no failure of the sender."""

from __future__ import annotations

import pytest
from run_builder import Build

from analysis.first_screen.screen import first_screen
from analysis.first_screen.values import as_text
from analysis.report import build_report


def test_what_a_late_bench_dropped_is_no_failure_of_the_sender(new_run: Build) -> None:
    """No request waited, and the bench sent the previous message 0.4 s late."""
    run = new_run("run")
    for slot in range(600):
        run.journey(f"m-{slot}", slot / 5, 3.0)
    run.journey("late", 9.9, 3.0, lag_s=0.4)
    for slot in range(5):
        run.due(f"x-{slot}", 10.0, "dropped")
    report = build_report(
        run.write(load_s=120.0, end_s=150.0, in_flight_limit=1_800),
        objectives=("not_taken<=0.1%", "availability>=100%"),
    )
    (part,) = report.parts
    assert (part.accounting.dropped, part.accounting.dropped_by_bench, part.accounting.not_taken) == (5, 5, 0)
    found = {each.measure: each for each in report.objectives}
    judged = found["not_taken"]
    assert judged.verdict == "met"
    assert "in-flight limit" not in judged.why
    assert "5 that the bench was too late to send do not count" in judged.why
    available = found["availability"]
    assert available.verdict == "met"
    assert "did not take" not in available.why
    assert part.validity == "invalid"  # it is the bench's failure


@pytest.mark.parametrize(
    ("needed", "verdict", "low", "unavailable", "unknown"),
    [(100, "missed", 0.1, 1, 0), (2_500, "undecided", 0.0, 0, 1)],
)
def test_a_message_for_which_the_machine_had_no_room_may_have_been_taken(
    new_run: Build, needed: int, verdict: str, low: float, unavailable: int, unknown: int
) -> None:
    """Each answer takes 9.5 s: 95 requests wait at the limit of 100, of which each worker has a share."""
    run = new_run("run")
    for slot in range(450):
        run.journey(f"m-{slot}", slot / 10, 12.0, api_s=9.5)
    for slot in range(50):
        run.due(f"x-{slot}", 35.0 + slot / 10, "dropped")
    report = build_report(
        run.write(load_s=45.0, end_s=80.0, in_flight_limit=100, in_flight_needed=needed),
        objectives=("otp.p99.9<20s", "not_taken<=0.1%", "availability>=100%", "api.p95<10s"),
    )
    (part,) = report.parts
    found = {each.measure: each for each in report.objectives}
    assert found["not_taken"].verdict == verdict
    assert found["not_taken"].low == pytest.approx(low)
    assert found["not_taken"].high == pytest.approx(0.1)
    assert found["api_response"].verdict == verdict
    assert part.availability is not None
    assert (part.availability.unavailable, part.availability.unknown) == (unavailable, unknown)
    assert part.validity in ("ok", "warn")  # the bench did nothing wrong
    (check,) = [each for each in report.checks if each.name == "dropped arrivals"]
    if needed > 100:
        assert check.state == "warn"
        assert check.value.startswith(
            "50 (10 %), since this machine can hold 100 unanswered requests and the load needs up to 2,500"
        )
        trust = as_text(first_screen(report).trust)
        assert "Messages that the bench did not send: 50 (10 %), since this machine can hold" in trust
        assert "50 that this machine had no room for may have been taken or not" in report.headline
        assert "a machine that can hold more unanswered requests" in report.headline
    else:
        assert check.state == "ok"
        assert "not sent because the sender did not answer" in check.value


def test_a_headline_tells_the_drops_of_the_sender_from_those_of_the_bench(new_run: Build) -> None:
    """100 requests wait at the limit of 100, and before that the bench was late once, and dropped 2."""
    run = new_run("run")
    for slot in range(4_000):
        run.journey(f"m-{slot}", slot / 100, 3.0)
    run.journey("late", 19.9, 3.0, lag_s=0.4)
    for slot in range(2):
        run.due(f"b-{slot}", 19.901 + slot / 1_000, "dropped")
    for slot in range(100):
        run.due(f"w-{slot}", 40.0 + slot / 100, "failed", error="timeout")
    for slot in range(60):
        run.due(f"x-{slot}", 41.0 + slot / 100, "dropped")
    report = build_report(
        run.write(load_s=42.0, end_s=80.0, in_flight_limit=100), objectives=("not_taken<=0.1%",)
    )
    counted = report.parts[0].accounting
    assert (counted.dropped, counted.dropped_by_bench, counted.dropped_at_limit) == (62, 2, 60)
    assert report.validity == "warn"
    assert report.headline.startswith("NO: ")
    assert (
        "100 of 4,163 messages got no usable answer, 62 were not sent because too many requests were "
        "unanswered at the same time, or because the bench was late."
    ) in report.headline
    (objective,) = [each for each in report.objectives if each.measure == "not_taken"]
    assert "100 failed, 60 not sent because the in-flight limit was reached" in objective.why
    assert "2 that the bench was too late to send do not count" in objective.why


def test_a_yes_says_that_the_bench_had_no_room_if_the_objective_allows_it(
    new_run: Build,
) -> None:
    run = new_run("run")
    for slot in range(450):
        run.journey(f"m-{slot}", slot / 10, 12.0, api_s=9.5)
    for slot in range(50):
        run.due(f"x-{slot}", 35.0 + slot / 10, "dropped")
    report = build_report(
        run.write(load_s=45.0, end_s=80.0, in_flight_limit=100, in_flight_needed=2_500),
        objectives=("otp.p95<60s", "not_taken<=20%"),
    )
    assert report.headline == (
        "YES: the sender met every objective at 11.1/s, but the bench had no room to send 50 of 500 messages."
    )
