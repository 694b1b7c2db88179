"""An objective on a percentile of messages that never arrive."""

from __future__ import annotations

import pytest
from run_builder import Build
from screen_texts import answer_text

from analysis.report import build_report


@pytest.mark.parametrize("arrived", [10, 150])
def test_messages_that_never_arrive_are_not_called_late(new_run: Build, arrived: int) -> None:
    """With 10 or 150 others: too few for a p95, or enough."""
    run = new_run("run")
    for slot in range(arrived):
        run.journey(f"otp-{slot}", slot / 5, 3.0 + slot % 7 / 10)
    for slot in range(30):
        run.due(f"lost-{slot}", 40.0)
        run.seen(f"lost-{slot}", 40.01, accepted=False, state="rejected", throttled=1)
    report = build_report(run.write(end_s=90.0))
    found = next(each for each in report.objectives if each.objective == "otp.p95<20s")
    assert (found.verdict, found.measured) == ("missed", "never")
    assert found.why == f"of {arrived + 30} messages, 5 % or more never arrive (95 % certain)"
    assert "OTP: 5 % or more never arrive, limit 20 s: missed" in answer_text(report, "delivery")


@pytest.mark.parametrize(("outcome", "error"), [("failed", "TimeoutError"), ("dropped", "")])
def test_a_request_without_an_answer_misses_an_objective_on_the_answers(
    new_run: Build, outcome: str, error: str
) -> None:
    """The others had their answers in time, and 12 % of the requests had none.

    The bench dropped the first arrivals, before the in-flight limit was reached: they do not count.
    """
    by_bench = 3 if outcome == "dropped" else 0
    run = new_run("run")
    for slot in range(2_000):
        if slot % 8:
            run.journey(f"otp-{slot}", slot / 40, 3.0, api_s=1.0)
        else:
            run.due(f"otp-{slot}", slot / 40, outcome, error=error)
    objectives = ("api.p99<2s", "not_taken<=20%")
    report = build_report(run.write(load_s=50.0, end_s=70.0, in_flight_limit=35), objectives=objectives)
    found = next(each for each in report.objectives if each.objective == "api.p99<2s")
    assert (found.verdict, found.measured) == ("missed", "never")
    assert found.why == f"of {2_000 - by_bench:,} requests, 1 % or more never get an answer (95 % certain)"
    (response, service) = next(part.api for part in report.parts)
    assert response.never_count == 250 - by_bench
    assert service.never_count == (250 if outcome == "failed" else 0)
