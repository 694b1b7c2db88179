"""The chart of delivery times shows the messages that the tables count."""

from __future__ import annotations

import pytest
from run_builder import Build

from analysis.model import Timeline
from analysis.part import analyse_part
from analysis.records import read_manifest


def timeline_of(new_run: Build, messages: int) -> Timeline:
    """Each tenth message waits 300 s for a phone that is off; the others take 1 s."""
    run = new_run("run")
    for slot in range(messages):
        off = {"handset_s": 300.0, "radio_s": 301.0} if slot % 10 == 0 else {}
        run.journey(f"m-{slot}", slot * 60 / messages, 1.0, **off)
    run_dir = run.write(end_s=400.0)
    return analyse_part(run_dir, read_manifest(run_dir), "made").timeline


def test_the_lines_show_reachable_phones_only(new_run: Build) -> None:
    (series,) = timeline_of(new_run, 2_000).latency_p95
    values = [value for value in series.value if value is not None]
    assert values and max(values) == pytest.approx(1.0, abs=0.01)


def test_the_lines_have_a_gap_where_few_messages_were_accepted(new_run: Build) -> None:
    """From 20 s to 40 s the sender accepts one in ten, and those arrive at once."""
    run = new_run("run")
    for slot in range(6_000):
        due_s = slot / 100
        overload = 20.0 <= due_s < 40.0
        if overload and slot % 10:
            run.due(f"m-{slot}", due_s, "failed")
        else:
            run.journey(f"m-{slot}", due_s, 1.0 if overload else 20.0)
    run_dir = run.write(end_s=100.0)
    shown = analyse_part(run_dir, read_manifest(run_dir), "made").timeline
    for series in (*shown.latency_p50, *shown.latency_p95):
        gaps = [at_s for at_s, value in zip(series.at_s, series.value, strict=True) if value is None]
        assert gaps and min(gaps) > 20.0 and max(gaps) < 40.0
        assert all(value == pytest.approx(20.0) for value in series.value if value is not None)


def test_the_points_of_a_small_class_show_reachable_phones_only(new_run: Build) -> None:
    (points,) = timeline_of(new_run, 20).points
    assert len(points.value_s) == 18
    assert max(points.value_s) == pytest.approx(1.0, abs=0.01)
