"""What an objective needs while messages are still open."""

from __future__ import annotations

from typing import Any

import pytest
from run_builder import Build, RunBuilder

from analysis.model import Objective, RunReport
from analysis.report import build_report

WAIT = "wait longer after the load (--drain-timeout)"


def of(report: RunReport, text: str) -> Objective:
    return next(each for each in report.objectives if each.objective == text)


def steady(run: RunBuilder, count: int = 300, delivery_s: float = 3.0, **more: Any) -> None:
    for slot in range(count):
        run.journey(
            f"{more.get('message_class', 'otp')}-{slot}", slot / 5, delivery_s + slot % 7 / 10, **more
        )


@pytest.mark.parametrize("text", ["otp.p95<20s", "delivered>=94%"])
def test_a_few_open_messages_are_awaited_if_that_decides(new_run: Build, text: str) -> None:
    """4 of 85: over 95 % are in time already, and the interval is closed only if the open ones arrive."""
    run = new_run("run")
    for slot in range(81):
        run.journey(f"m-{slot}", slot / 5, 3.0 + slot * 37 % 81 / 100)
    for slot in range(4):
        run.due(f"open-{slot}", 16.0)
        run.seen(f"open-{slot}", 16.1, state="open")
    found = of(build_report(run.write(load_s=17.0, end_s=25.0), objectives=(text,)), text)
    assert found.verdict == "undecided"
    assert found.needs == f"the final state of 4 messages that were still open: {WAIT}"


@pytest.mark.parametrize("text", ["otp.p95<12s", "delivered>=95%"])
def test_a_wait_is_no_answer_if_no_outcome_of_the_open_messages_decides(new_run: Build, text: str) -> None:
    """Of 129, 3 were late or failed and 4 are open: neither 126 nor 122 show on which side 95 % are."""
    run = new_run("run")
    for slot in range(122):
        run.journey(f"m-{slot}", slot / 5, 3.0 + slot * 37 % 122 / 100)
    for slot in range(3):
        if text.startswith("otp"):
            run.journey(f"late-{slot}", slot * 8.1, 14.8)
        else:
            run.journey(f"failed-{slot}", slot * 8.1, 3.0, state="undelivered")
    for slot in range(4):
        run.due(f"open-{slot}", 25.0)
        run.seen(f"open-{slot}", 25.1, state="open")
    found = of(build_report(run.write(load_s=26.0, end_s=36.0), objectives=(text,)), text)
    assert found.verdict == "undecided"
    assert found.needs.startswith("about ") and "more of this load" in found.needs
    assert "still open" not in found.needs


def test_a_few_open_messages_of_a_dependent_class_are_awaited_before_a_long_load(new_run: Build) -> None:
    """The numbers of the previous test, with times that depend on each other: 74,000 more were asked for."""
    run = new_run("run")
    steady(run, 81)
    for slot in range(4):
        run.due(f"open-{slot}", 16.0)
        run.seen(f"open-{slot}", 16.1, state="open")
    needs = of(build_report(run.write(load_s=17.0, end_s=25.0)), "otp.p95<20s").needs
    wait, more = needs.split("; and about ")
    assert wait == f"the final state of 4 messages that were still open: {WAIT}"
    assert int(more.split(" more OTPs")[0].replace(",", "")) < 500


def test_a_class_that_is_mostly_open_needs_a_longer_wait_and_more_messages(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(60):
        run.due(f"open-{slot}", slot / 5)
        run.seen(f"open-{slot}", slot / 5 + 0.1, state="open")
    found = of(build_report(run.write(load_s=12.0, end_s=15.0)), "otp.p95<20s")
    assert found.verdict == "undecided"
    assert found.needs == (
        f"the final state of 60 messages that were still open: {WAIT}; and about 13 more "
        "OTPs, as in 10 s more of this load"
    )


@pytest.mark.parametrize("reason", ["interrupted", "drain_ended"])
@pytest.mark.parametrize("text", ["otp.p95<20s", "unaccounted=0", "loss=0"])
def test_no_drain_timeout_is_advised_if_the_user_ended_the_run(
    new_run: Build, reason: str, text: str
) -> None:
    """After Ctrl-C the wait is short, whatever its limit is."""
    run = new_run("run")
    steady(run, 180)
    for slot in range(20):
        run.due(f"open-{slot}", 59.0)
        run.seen(f"open-{slot}", 59.1, state="open")
        run.due(f"unseen-{slot}", 59.5)
    found = of(build_report(run.write(end_s=61.0, exit_reason=reason), objectives=(text,)), text)
    assert found.verdict == "undecided"
    assert "--drain-timeout" not in found.needs
    assert found.needs.endswith("(the run was ended early)")


@pytest.mark.parametrize(("for_phones", "others"), [(4, 0), (3, 1), (1, 0)])
@pytest.mark.parametrize("text", ["delivered>=94%", "cost_per_1000"])
def test_no_live_run_waits_for_phones(new_run: Build, text: str, for_phones: int, others: int) -> None:
    """``--drain-timeout`` does not make the wait for phones longer, so it is not advised for them."""
    run = new_run("run")
    for slot in range(85 - for_phones - others):
        run.journey(f"m-{slot}", slot / 5, 3.0 + slot * 37 % 81 / 100)
    for slot in range(for_phones + others):
        run.due(f"open-{slot}", 16.0)
        run.seen(f"open-{slot}", 16.1, state="open", handset_s=5.0 if slot < for_phones else 0.0)
    price = 500.0 * 85 / (85 - for_phones / 2)  # half a point each: between all delivered and none of these
    objective = text if text.startswith("delivered") else f"cost_per_1000<{price:g}"
    found = of(build_report(run.write(load_s=17.0, end_s=25.0), objectives=(objective,)), objective)
    phones = "off or out of coverage: smsbench simulate waits for phones, a live run does not"
    expected = f"the final state of 4 messages that were still open since a phone is {phones}"
    if others:
        expected = (
            "the final state of 4 messages that were still open, 3 of them for phones that are "
            f"{phones}; for the others {WAIT}"
        )
    elif for_phones == 1:
        expected = f"the final state of 1 message that was still open since a phone is {phones}"
    assert (found.verdict, found.needs) == ("undecided", expected)
