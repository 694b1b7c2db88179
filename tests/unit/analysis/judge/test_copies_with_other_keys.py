"""Messages at the provider with keys that the load did not send may be copies."""

from __future__ import annotations

import pytest
from run_builder import Build
from screen_texts import answer_text

from analysis.report import build_report


@pytest.mark.parametrize(
    ("copies", "limit", "verdict"), [(0, 0, "met"), (15, 0, "undecided"), (15, 20, "met")]
)
def test_a_sender_that_makes_a_key_for_each_attempt_is_not_said_to_duplicate_nothing(
    new_run: Build, copies: int, limit: int, verdict: str
) -> None:
    run = new_run("run")
    for slot in range(300):
        run.journey(f"m-{slot}", slot / 10, 2.0)
        if slot < copies:
            run.seen(f"other-{slot}", slot / 10 + 0.1, provider_id=f"copy-{slot}")
    asked = f"duplicates<={limit}"
    told = build_report(run.write(load_s=30.0, end_s=60.0), objectives=(asked,))
    found = next(each for each in told.objectives if each.measure == "duplicates")
    assert ((found.low, found.high), found.verdict) == ((0, copies), verdict)
    said = answer_text(told, "wrong")
    assert (f"{copies} at the provider with other keys: these may be copies" in said) == bool(copies)
