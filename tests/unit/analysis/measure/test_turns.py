"""A class that was sent only after the load: said by a hint, which the first question shows."""

from __future__ import annotations

import pytest
from run_builder import Build, RunBuilder
from screen_texts import answer_text, aside_text

from analysis.findings import NO_TURN
from analysis.report import build_report


def burst(run: RunBuilder, sent_early: int, others_early: bool = True) -> None:
    """150 OTPs and 600 marketing messages, due within 30 s. The others are submitted from 31 s on."""
    for slot in range(150):
        run.due(f"otp-{slot}", slot / 5)
        run.seen(f"otp-{slot}", slot / 5 + 0.01 if others_early else 31.0 + slot / 300)
    for slot in range(600):
        due_s = slot / 20
        run.due(f"m-{slot}", due_s, message_class="marketing")
        run.seen(f"m-{slot}", due_s + 0.01 if slot < sent_early else 31.0 + slot / 300)


def test_a_class_that_had_to_wait_for_the_end_of_the_load(new_run: Build) -> None:
    run = new_run("run")
    burst(run, sent_early=12)
    report = build_report(run.write(load_s=30.0, end_s=60.0))
    (hint,) = [each for each in report.parts[0].hints if each.name == NO_TURN]
    assert hint.count == 588
    assert hint.text == (
        "before the load ended, the sender submitted 150 of 150 OTPs, and only 12 of 600 marketing messages"
    )
    assert hint.text in answer_text(report, "rate")
    assert hint.text not in aside_text(report, "ask")


@pytest.mark.parametrize(("sent_early", "others_early"), [(60, True), (12, False)])
def test_a_class_with_a_turn_and_a_sender_that_sent_nothing_give_no_hint(
    new_run: Build, sent_early: int, others_early: bool
) -> None:
    run = new_run("run")
    burst(run, sent_early, others_early)
    report = build_report(run.write(load_s=30.0, end_s=60.0))
    assert NO_TURN not in [each.name for each in report.parts[0].hints]
