"""What is advised for an objective whose messages were not forwarded, or refused."""

from __future__ import annotations

import pytest
from run_builder import Build
from screen_texts import answer_text

from analysis.model import Objective, RunReport
from analysis.report import build_report


def of(report: RunReport, text: str) -> Objective:
    return next(each for each in report.objectives if each.objective == text)


def test_a_longer_wait_is_not_advised_for_messages_that_were_not_forwarded(new_run: Build) -> None:
    """The wait after the load lasted until its limit, and the provider never saw a third of the messages."""
    run = new_run("run")
    for slot in range(300):
        run.due(f"m-{slot}", slot / 10)
        if slot % 3:
            run.seen(f"m-{slot}", slot / 10 + 0.01)
    run_dir = run.write(load_s=30.0, end_s=45.5, drain_timeout_s=15.0)
    asked = ("otp.p95<60s", "delivered>=90%")
    for found in (of(build_report(run_dir, objectives=asked), text) for text in asked):
        assert found.verdict == "undecided"
        assert (
            found.needs == "a sender that forwards what it accepts: 100 messages did not reach the provider"
        )
    early = run.write(load_s=30.0, end_s=45.5, drain_timeout_s=60.0)
    assert "wait longer after the load" in of(build_report(early, objectives=asked), asked[1]).needs


def test_a_few_messages_that_never_reached_the_provider_are_not_replaced_by_more(new_run: Build) -> None:
    """Two of 100: more messages of such a sender have such messages too."""
    run = new_run("run")
    for slot in range(100):
        run.due(f"m-{slot}", slot / 10)
        if slot not in (97, 98):
            run.seen(f"m-{slot}", slot / 10 + 0.01)
    found = of(build_report(run.write(load_s=10.0, end_s=18.5, drain_timeout_s=8.0)), "otp.p95<20s")
    assert found.verdict == "undecided"
    assert found.needs == "a sender that forwards what it accepts: 2 messages did not reach the provider"


@pytest.mark.parametrize(
    "ending", [{"state": "undelivered", "reason": "absent_subscriber"}, {"state": "rejected"}]
)
def test_a_class_of_which_nothing_arrived_is_not_asked_for_more_messages(
    new_run: Build, ending: dict[str, str]
) -> None:
    run = new_run("run")
    for slot in range(60):
        run.journey(f"m-{slot}", slot / 2, 3.0, **ending)
    report = build_report(run.write(load_s=30.0, end_s=60.0))
    found = of(report, "otp.p95<20s")
    assert found.verdict == "undecided"
    assert found.why == "no message of this class was delivered to a reachable phone, of 60 accepted"
    assert found.needs == "messages of this class that arrive"


@pytest.mark.parametrize("taken_at_the_end", [100, 90])
def test_more_of_a_load_whose_end_was_refused_makes_no_more_messages(
    new_run: Build, taken_at_the_end: int
) -> None:
    """Of the last quarter of the load one message in 25 was accepted, or none."""
    run = new_run("run")
    for slot in range(100):
        if slot < 50 or slot == taken_at_the_end:
            run.journey(f"m-{slot}", slot / 10, 3.0)
        else:
            run.due(f"m-{slot}", slot / 10, "refused")
    found = of(build_report(run.write(load_s=10.0, end_s=60.0)), "otp.p95<20s")
    assert (found.verdict, found.needs) == (
        "undecided",
        "a sender that accepts messages until the end of the load",
    )


def test_a_class_that_was_refused_as_a_whole_is_shown_so(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(90):
        run.journey(f"marketing-{slot}", slot / 5, 3.0 + slot % 7 / 10, message_class="marketing")
    for slot in range(91):
        run.due(f"otp-{slot}", slot / 10, "refused")
    report = build_report(run.write(load_s=20.0, end_s=60.0), objectives=("otp.p95<20s", "vip.p95<5s"))
    found = of(report, "otp.p95<20s")
    assert (found.verdict, found.measured) == ("undecided", "no message accepted (91 refused)")
    assert of(report, "vip.p95<5s").measured == "no such message in the load"
    said = answer_text(report, "delivery")
    assert "OTP: no message accepted (91 refused), limit 20 s: undecided" in said
    assert "vip: no such message in the load, limit 5 s: undecided" in said
