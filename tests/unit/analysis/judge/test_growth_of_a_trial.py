"""The bottleneck of a capacity trial that is missed for the growth of its steady part."""

from __future__ import annotations

import pytest
from run_builder import Build, RunBuilder

from analysis.findings import Bottleneck
from analysis.measure.steady import steady_of
from analysis.part import analyse_part
from analysis.read.journeys import read_journeys
from analysis.records import RecordedScenario, read_manifest

PER_S, LOAD_S = 400, 8.0
KEPT_UP_S = 6.5  # until then each message is forwarded at once, and half of the later ones
TRIAL = RecordedScenario(name="capacity", title="400/s for 8 s", decides=False)


def overload_at_the_end(run: RunBuilder) -> None:
    for slot in range(round(PER_S * LOAD_S)):
        due_s = slot / PER_S
        run.due(f"m-{slot}", due_s)
        run.seen(f"m-{slot}", due_s + 0.001 + max(0.0, due_s - KEPT_UP_S) * 0.6, carrier_s=0.0)


def found(run: RunBuilder, scenario: RecordedScenario | None = None) -> tuple[Bottleneck, ...]:
    run_dir = run.write(load_s=LOAD_S, end_s=20.0, scenario=scenario)
    manifest = read_manifest(run_dir)
    steady = steady_of(read_journeys(run_dir, manifest))
    assert steady is not None and steady.sustained is False
    report = analyse_part(run_dir, manifest, "made")
    assert report.backlog_grew is False
    return report.bottlenecks


def test_its_growth_is_a_symptom(new_run: Build) -> None:
    run = new_run("run")
    overload_at_the_end(run)
    (only,) = found(run, TRIAL)
    assert only.kind == "unknown" and only.evidence == ("the backlog grew",)


def test_a_process_at_a_whole_core_is_named(new_run: Build) -> None:
    run = new_run("run")
    overload_at_the_end(run)
    for second in range(1, 9):
        run.sample(second, "sender", "cpu_percent", 98.0)
    (only,) = found(run, TRIAL)
    assert only.kind == "sender_cpu"


@pytest.mark.parametrize("scenario", [None, RecordedScenario(name="smoke", title="a load of eight seconds")])
def test_another_run_is_judged_over_its_whole_load(new_run: Build, scenario: RecordedScenario | None) -> None:
    run = new_run("run")
    overload_at_the_end(run)
    assert found(run, scenario) == ()
