"""An objective on a percentile of messages that never arrive."""

from __future__ import annotations

import pytest
from run_builder import Build
from screen_words import answer_text

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
