"""The bottleneck of a backlog that grows, in a load that is too short for long waits."""

from __future__ import annotations

from run_builder import Build

from analysis.part import analyse_part
from analysis.records import read_manifest


def test_a_backlog_that_grows_is_a_symptom_before_any_message_has_waited_for_long(new_run: Build) -> None:
    """8 s at a sender that does four fifths of the load: the median message waits 0.8 s."""
    run = new_run("run")
    for slot in range(800):
        run.due(f"m-{slot}", slot / 100)
        run.seen(f"m-{slot}", slot / 80)
    for second in range(9):
        run.sample(second + 0.5, "sender", "cpu_percent", 97.0)
    run_dir = run.write(load_s=8.0, end_s=38.0)
    part = analyse_part(run_dir, read_manifest(run_dir), "made")
    assert part.sustained is False
    assert [each.kind for each in part.bottlenecks] == ["sender_cpu"]
