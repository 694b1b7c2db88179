from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from analysis.part import analyse_part
from analysis.records import read_manifest

Build = Callable[[str], Any]


def test_stages_have_their_known_lengths_and_add_up(new_run: Build) -> None:
    run = new_run("run")
    for slot in range(10):
        run.due(f"m-{slot}", slot, lag_s=0.002, api_s=0.005)
        run.seen(f"m-{slot}", slot + 0.107, provider_s=0.02, carrier_s=0.3, radio_s=2.0, report_s=0.5)
    run_dir = run.write()
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    (breakdown,) = part.stages
    means = {stage.name: stage.mean_s for stage in breakdown.stages}
    assert means == pytest.approx(
        {
            "generator lag": 0.002,
            "sender API": 0.005,
            "sender queue": 0.1,
            "provider": 0.02,
            "carrier queue": 0.3,
            "radio": 2.0,
            "report": 0.501,
        }
    )
    del means["report"]
    assert sum(means.values()) == pytest.approx(breakdown.end_to_end.mean_s)
    assert breakdown.end_to_end.p99_s == pytest.approx(2.427)
    assert part.marks.wrong == 0


def test_a_submit_before_the_reply_was_read_keeps_its_sign(new_run: Build) -> None:
    run = new_run("run")
    run.due("early", 1.0, api_s=0.010)
    run.seen("early", 1.004)
    run_dir = run.write()
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    queue = next(stage for stage in part.stages[0].stages if stage.name == "sender queue")
    assert queue.mean_s == pytest.approx(-0.006)
    assert part.marks.wrong == 0
    assert part.timeline.peak_unsubmitted == 0


def test_marks_that_contradict_each_other_are_counted_once_a_message(new_run: Build) -> None:
    run = new_run("run")
    run.journey("good", 1.0, 3.0)
    run.due("wrong", 2.0, lag_s=-0.5)
    run.seen("wrong", 1.2, provider_s=-0.1, radio_s=-1.0)
    run_dir = run.write()
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert (part.marks.checked, part.marks.wrong) == (2, 1)
    assert next(each.state for each in part.checks if each.name == "marks that do not add up") == "invalid"
